/// A second tier in a file, for machines with a fast disk and little memory.
///
/// The file has no name: it goes with the object, or with the process. Every block has a checksum, so that a disk that
/// forgets costs a computation and never a wrong answer.
public final class FileCacheTier: CacheTier {
  /// Most blocks that the tier holds.
  public let blockCount: Int
  private let file: BlockFile
  private var checksums: [UInt64] = []
  private var freePlaces: [Int32] = []
  private var stride = 0

  /// Creates an empty tier of at most `blockCount` blocks in a new file in `directory`.
  ///
  /// - Throws: ``CacheFileError`` if there cannot be one.
  public init(directory: String, blockCount: Int) throws(CacheFileError) {
    precondition(blockCount >= 0 && blockCount <= Int(Int32.max), "\(blockCount) blocks cannot be numbered")
    self.blockCount = blockCount
    file = try BlockFile(writing: "\(directory)/inflight-cache-\(UInt64.random(in: .min ... .max)).tier")
    file.remove()
  }

  /// Writes `bytes` to a free place; nil if there is none or if the disk is full. All blocks have one size.
  public func store(_ bytes: [UInt8]) -> Int32? {
    if stride == 0 { stride = bytes.count }
    guard bytes.count == stride else { return nil }
    let place: Int32
    if let free = freePlaces.popLast() {
      place = free
    } else if checksums.count < blockCount {
      place = Int32(checksums.count)
      checksums.append(0)
    } else {
      return nil
    }
    do throws(CacheFileError) {
      try file.write(bytes, at: Int(place) * stride)
    } catch {
      freePlaces.append(place)
      return nil
    }
    checksums[Int(place)] = Checksum.of(bytes)
    return place
  }

  /// Reads a place back; false if it is not what was written.
  public func load(_ place: Int32, into bytes: inout [UInt8]) -> Bool {
    let start = Int(place) * stride
    guard (try? file.read(start..<start + stride, into: &bytes)) != nil else { return false }
    return Checksum.of(bytes) == checksums[Int(place)]
  }

  /// Frees a place.
  public func remove(_ place: Int32) { freePlaces.append(place) }
}
