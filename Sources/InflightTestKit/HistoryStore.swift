public import Requests
public import Resources

/// Blocks of an engine that, for every position, writes a hash of all tokens up to it: what a position holds depends on
/// its whole prefix, as keys and values do.
public final class HistoryStore: KVBlockStore {
  /// Number of positions of a block.
  public let blockSize: Int
  /// Number of copies that were made.
  public private(set) var copyCount = 0
  private var entries: [UInt64]

  /// Creates blocks with nothing in them.
  public init(blockSize: Int, blockCount: Int) {
    self.blockSize = blockSize
    entries = Array(repeating: 0, count: blockSize * blockCount)
  }

  /// Eight for a position.
  public var bytesPerBlock: Int { blockSize * 8 }

  /// Copies the first positions and spoils the others.
  public func copyBlock(from source: Int32, to target: Int32, tokenCount: Int) {
    copyCount += 1
    for offset in 0..<blockSize {
      // What is behind the copied positions is of no use to anybody: make that sure.
      entries[Int(target) * blockSize + offset] =
        offset < tokenCount ? entries[Int(source) * blockSize + offset] : 0xBAD
    }
  }

  /// Reads a block.
  public func readBlock(_ block: Int32, into bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    for entry in entries[Int(block) * blockSize..<(Int(block) + 1) * blockSize] {
      for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: entry >> UInt64(shift))) }
    }
  }

  /// Writes a block.
  public func writeBlock(_ block: Int32, from bytes: [UInt8]) {
    precondition(bytes.count == bytesPerBlock)
    for offset in 0..<blockSize {
      entries[Int(block) * blockSize + offset] = (0..<8).reduce(0) {
        $0 | UInt64(bytes[offset * 8 + $1]) << UInt64(8 * $1)
      }
    }
  }

  /// Writes a position of the sequence whose block table is given.
  public func write(_ value: UInt64, at position: Int, table: [Int32]) {
    entries[Int(table[position / blockSize]) * blockSize + position % blockSize] = value
  }

  /// Reads a position of the sequence whose block table is given.
  public func read(_ position: Int, table: [Int32]) -> UInt64 {
    entries[Int(table[position / blockSize]) * blockSize + position % blockSize]
  }

  /// What an engine writes for every position of `tokens`, in a namespace.
  public static func histories(_ tokens: [TokenID], namespace: CacheNamespace?) -> [UInt64] {
    var state = UInt64(bitPattern: Int64(namespace?.adapterID ?? 0)) &+ 77
    return tokens.map { token in
      var generator = SeededGenerator(seed: state ^ UInt64(UInt32(bitPattern: token)) &* 0x9E37_79B9)
      state = generator.next()
      return state
    }
  }
}
