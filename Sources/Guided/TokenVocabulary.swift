internal import JSON
public import Requests

/// The tokens of a model as bytes, arranged so that a grammar can walk through all of them at once.
///
/// A token that stands for no bytes, and one that is special, never belongs to a text; the tokens that end a sequence
/// are allowed where a text may end.
public struct TokenVocabulary: Sendable {
  /// The number of tokens, special ones and holes included.
  public let tokenCount: Int
  /// The tokens that end a sequence.
  public let endOfSequence: Set<TokenID>
  /// All tokens of texts.
  let all: TokenTrie
  /// The tokens of texts that are not plain.
  let rest: TokenTrie
  /// For every number of characters up to ``plainLength`` the tokens of at most so many that are plain: well-formed UTF-8
  /// without control characters, quotation marks and backslashes. The last character may be cut short.
  let plainMasks: [[UInt64]]
  /// For every byte whether a token of texts has it: some vocabularies have none for bytes that their text never had.
  let knownBytes: [Bool]
  /// Whether each of those is a token of its own.
  let spellsEveryByte: Bool
  /// The most characters of a plain token.
  static let plainLength = 32
  private let bytes: [[UInt8]]

  /// The number of words of a mask.
  public var wordCount: Int { (tokenCount + 63) / 64 }

  /// Creates a vocabulary.
  ///
  /// - Parameters:
  ///   - bytesOfTokens: what every token stands for, by identifier; empty for a hole.
  ///   - endOfSequence: the tokens that end a sequence; those that are not in the vocabulary are left out.
  ///   - special: tokens that never belong to a text, whatever their bytes.
  public init(bytesOfTokens: [[UInt8]], endOfSequence: Set<TokenID>, special: Set<TokenID> = []) {
    tokenCount = bytesOfTokens.count
    self.endOfSequence = endOfSequence.filter { $0 >= 0 && $0 < bytesOfTokens.count }
    var ordinary: [TokenID] = []
    for token in bytesOfTokens.indices {
      let token = TokenID(token)
      guard !bytesOfTokens[Int(token)].isEmpty, !special.contains(token), !endOfSequence.contains(token) else {
        continue
      }
      ordinary.append(token)
    }
    bytes = bytesOfTokens
    all = TokenTrie(ordinary, bytesOfTokens: bytesOfTokens)
    var known = [Bool](repeating: false, count: 256)
    for token in ordinary { for byte in bytesOfTokens[Int(token)] { known[Int(byte)] = true } }
    knownBytes = known
    var spelled = [Bool](repeating: false, count: 256)
    for token in ordinary where bytesOfTokens[Int(token)].count == 1 {
      spelled[Int(bytesOfTokens[Int(token)][0])] = true
    }
    spellsEveryByte = spelled == known
    var byLength: [[TokenID]] = Array(repeating: [], count: Self.plainLength + 1)
    var rest: [TokenID] = []
    for token in ordinary {
      if let length = Self.plainLength(of: bytesOfTokens[Int(token)]) {
        byLength[length].append(token)
      } else {
        rest.append(token)
      }
    }
    self.rest = TokenTrie(rest, bytesOfTokens: bytesOfTokens)
    var mask = [UInt64](repeating: 0, count: (bytesOfTokens.count + 63) / 64)
    plainMasks = byLength.map { tokens in
      for token in tokens { mask.insert(token) }
      return mask
    }
  }

  /// What a token stands for; nil if there is no such token.
  public func bytes(of token: TokenID) -> [UInt8]? {
    token >= 0 && token < bytes.count ? bytes[Int(token)] : nil
  }

  /// Whether `token` may be part of a text.
  func isOrdinary(_ token: TokenID) -> Bool { all.contains(token) }

  /// The number of characters of a plain token; nil for one that is not plain.
  private static func plainLength(of bytes: [UInt8]) -> Int? {
    var index = 0
    var count = 0
    while index < bytes.count {
      let first = bytes[index]
      count += 1
      guard first >= 0x20, first != 0x22, first != 0x5C, first != 0x7F else { return nil }
      index += 1
      guard first >= 0x80 else { continue }
      guard let form = UTF8Form.form(first) else { return nil }
      for place in 0..<form.count where index < bytes.count {
        guard (place == 0 ? form.second : 0x80...0xBF).contains(bytes[index]) else { return nil }
        index += 1
      }
    }
    return count <= plainLength ? count : nil
  }
}

extension [UInt64] {
  /// Sets the bit of `token`: bit `token % 64` of word `token / 64`.
  @inline(__always)
  mutating func insert(_ token: TokenID) { self[Int(token) >> 6] |= 1 << UInt64(token & 63) }

  /// Whether the bit of `token` is set.
  @inline(__always)
  func holds(_ token: TokenID) -> Bool { self[Int(token) >> 6] & 1 << UInt64(token & 63) != 0 }
}
