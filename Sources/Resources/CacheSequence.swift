public import Requests

/// Sequences of different namespaces never share a block.
public struct CacheNamespace: Sendable, Hashable {
  /// The adapter whose weights the keys and values were computed with; 0 for none.
  public var adapterID: UInt64
  /// The request's salt in UTF-8; nil for none, which is not the same as an empty one.
  public var salt: [UInt8]?

  /// Creates a namespace; the default is that of requests without adapter and salt.
  public init(adapterID: UInt64 = 0, salt: [UInt8]? = nil) {
    self.adapterID = adapterID
    self.salt = salt
  }
}

/// What a cache manager must know of a sequence to find how it begins: its tokens, and with what they were computed.
///
/// A value that belongs to one manager. It remembers what was found last, so that to ask again for a request that waits
/// costs little.
public struct CacheSequence: Sendable {
  /// The tokens that are known when the sequence begins.
  public let tokens: [TokenID]
  /// With whom the sequence may share blocks; nil for nobody.
  public let namespace: CacheNamespace?
  /// How long its blocks are kept when nobody uses them.
  public let retention: CacheRetention

  /// Chained hashes of the whole blocks of ``tokens``; computed when they are first needed.
  package internal(set) var blockHashes: [UInt64] = []
  var hasHashes = false
  /// The last node of the tree that was found, and how many blocks lead to it.
  var cursor = Cursor()

  struct Cursor: Sendable {
    var node: Int32 = -1
    var generation: UInt32 = 0
    var blockCount = 0
  }

  /// Creates a sequence.
  public init(tokens: [TokenID], namespace: CacheNamespace? = CacheNamespace(), retention: CacheRetention = .init()) {
    self.tokens = tokens
    self.namespace = namespace
    self.retention = retention
  }

  /// Creates the sequence of a request with these options; `adapterID` is 0 for none.
  public init(tokens: [TokenID], options: CacheOptions, adapterID: UInt64 = 0) {
    let namespace = CacheNamespace(adapterID: adapterID, salt: options.salt.map { Array($0.utf8) })
    self.init(tokens: tokens, namespace: options.isReused ? namespace : nil, retention: options.retention)
  }

  /// Computes the hashes unless they are there.
  mutating func computeHashes(blockSize: Int) {
    guard !hasHashes, let namespace else { return }
    hasHashes = true
    var hash = PrefixHash.root(of: namespace)
    blockHashes.reserveCapacity(tokens.count / blockSize)
    for block in 0..<tokens.count / blockSize {
      hash = PrefixHash.block(tokens[block * blockSize..<(block + 1) * blockSize], after: hash)
      blockHashes.append(hash)
    }
  }
}

/// What a cache holds of a sequence that has not begun.
public struct CachedPrefix: Sendable, Equatable {
  /// Number of leading tokens whose keys and values would be found.
  public var tokenCount: Int
  /// Number of the blocks with these tokens that running sequences hold, so that sharing them takes no free block.
  public var heldBlockCount: Int
  /// What identifies the first whole block that is not found, with everything before it; nil if there is none.
  public var nextBlockKey: UInt64?
  /// Whether a running sequence is computing that block.
  public var isNextBlockBeingComputed: Bool

  /// Creates an answer; the default is that nothing was found.
  public init(
    tokenCount: Int = 0, heldBlockCount: Int = 0, nextBlockKey: UInt64? = nil, isNextBlockBeingComputed: Bool = false
  ) {
    self.tokenCount = tokenCount
    self.heldBlockCount = heldBlockCount
    self.nextBlockKey = nextBlockKey
    self.isNextBlockBeingComputed = isNextBlockBeingComputed
  }
}

/// Chained hashes of blocks. They only speed up the search: what is found is compared token by token.
enum PrefixHash {
  /// The hash that the first block of a sequence is chained to.
  static func root(of namespace: CacheNamespace) -> UInt64 {
    var hash = fold(namespace.adapterID, 0x9E37_79B9_7F4A_7C15)
    guard let salt = namespace.salt else { return hash }
    hash = fold(hash, 0xA076_1D64_78BD_642F)
    for byte in salt { hash = fold(hash ^ UInt64(byte), 0xE703_7ED1_A0B4_28DB) }
    return hash
  }

  /// The hash of a block whose parent has hash `parent`.
  static func block(_ tokens: ArraySlice<TokenID>, after parent: UInt64) -> UInt64 {
    var hash = parent
    for token in tokens { hash = fold(hash ^ UInt64(UInt32(bitPattern: token)), 0x8EBC_6AF0_9C88_C6E3) }
    return hash
  }

  /// Multiplies to 128 bits and folds them to 64, as wyhash does (Wang Yi, 2019).
  private static func fold(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = (left ^ 0x5896_59C1_03B7_6EA1).multipliedFullWidth(by: right)
    return product.high ^ product.low &+ 0x2D35_8DCC_AA6C_78A5
  }
}
