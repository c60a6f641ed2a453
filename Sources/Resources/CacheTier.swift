/// A second place for blocks that the engine's cache has no room for: slower, larger.
///
/// A manager moves a block here instead of forgetting it, and back when a sequence needs it. All calls come from the
/// engine's thread.
public protocol CacheTier: AnyObject {
  /// Most blocks that the tier holds.
  var blockCount: Int { get }

  /// Keeps `bytes`.
  ///
  /// - Returns: the place where they are kept, not negative; nil if they cannot be, since there is no room or because of
  ///   an error. The block is then forgotten.
  func store(_ bytes: [UInt8]) -> Int32?

  /// Writes what was stored at `place` to `bytes`.
  ///
  /// - Returns: false if it cannot be read or is damaged. It then counts as forgotten.
  func load(_ place: Int32, into bytes: inout [UInt8]) -> Bool

  /// Forgets what was stored at `place`.
  func remove(_ place: Int32)
}

/// A second tier in ordinary memory.
public final class HostCacheTier: CacheTier {
  /// Most blocks that the tier holds.
  public let blockCount: Int
  private var blocks: [[UInt8]] = []
  private var freePlaces: [Int32] = []

  /// Creates an empty tier of at most `blockCount` blocks. Memory is taken when a place is first used and then kept.
  public init(blockCount: Int) {
    precondition(blockCount >= 0 && blockCount <= Int(Int32.max), "\(blockCount) blocks cannot be numbered")
    self.blockCount = blockCount
  }

  /// Keeps a copy of `bytes`.
  public func store(_ bytes: [UInt8]) -> Int32? {
    if let place = freePlaces.popLast() {
      blocks[Int(place)].replaceSubrange(blocks[Int(place)].indices, with: bytes)
      return place
    }
    guard blocks.count < blockCount else { return nil }
    // Copied element by element: an assignment would share the storage, and the next write to `bytes` would copy it.
    blocks.append([])
    blocks[blocks.count - 1].append(contentsOf: bytes)
    return Int32(blocks.count - 1)
  }

  /// Reads a place back.
  public func load(_ place: Int32, into bytes: inout [UInt8]) -> Bool {
    bytes.replaceSubrange(bytes.indices, with: blocks[Int(place)])
    return true
  }

  /// Frees a place.
  public func remove(_ place: Int32) { freePlaces.append(place) }
}
