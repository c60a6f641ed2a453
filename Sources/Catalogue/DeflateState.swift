/// Where decompression stands: the bit reservoir and the positions in the buffers.
struct DeflateState {
  /// Why the symbol loop stopped.
  enum Stop {
    /// One of the buffers needs attention.
    case bufferEnd
    /// The code for the end of the block was read.
    case blockEnd
    /// The stream is invalid.
    case failure(String)
  }

  /// Bits that were read and not used; the lowest is the next. Above ``bitCount`` there may be copies of bits to come.
  var bits: UInt64 = 0
  /// How many bits of the reservoir count.
  var bitCount = 0
  /// The next byte to load into the reservoir.
  var inputPosition = 0
  /// Where the next byte is written.
  var outputPosition = 0

  /// Loads bytes until at least 56 bits count; the input must have eight bytes at its position.
  mutating func refill(_ input: [UInt8]) { refill(input.span) }

  @inline(__always)
  private mutating func refill(_ input: Span<UInt8>) {
    bits |= input.littleEndianWord(at: inputPosition) &<< UInt64(bitCount)
    inputPosition += (63 - bitCount) >> 3
    bitCount |= 56
  }

  /// Uses up `count` bits.
  @inline(__always)
  mutating func drop(_ count: Int) {
    bits &>>= UInt64(count)
    bitCount -= count
  }

  /// Uses up the bits of the code whose entry is `entry`.
  @inline(__always)
  private mutating func drop(codeOf entry: UInt32) {
    bits &>>= UInt64(entry & 0xff)
    bitCount &-= Int(entry & 0xff)
  }

  /// The value of an entry together with the extra bits that follow its code.
  @inline(__always)
  private mutating func takeValue(of entry: UInt32) -> Int {
    drop(codeOf: entry)
    let extra = UInt64(entry >> 8 & 31)
    let value = Int(entry >> 16) &+ Int(bits & (1 &<< extra &- 1))
    drop(Int(extra))
    return value
  }

  /// Decodes literals and matches until a block or a buffer ends. Reads at most sixteen bytes per turn, and writes at most
  /// `slack`: it stops before a turn for which there is not that much.
  mutating func decodeSymbols(
    _ inputBuffer: [UInt8], into outputBuffer: inout [UInt8], slack: Int, literals: HuffmanTable,
    distances: HuffmanTable
  ) -> Stop {
    let input = inputBuffer.span
    var output = outputBuffer.mutableSpan
    var state = self
    defer { self = state }
    let literalEntries = literals.entries.span
    let distanceEntries = distances.entries.span
    let literalMask = UInt64(1) << UInt64(literals.rootBits) - 1
    let distanceMask = UInt64(1) << UInt64(distances.rootBits) - 1
    let lastInput = input.count - 16
    let lastOutput = output.count - slack
    while state.inputPosition <= lastInput && state.outputPosition <= lastOutput {
      state.refill(input)
      // Three codes of at most 11 bits, then a whole length of 15 + 5: at most 53 of 56 bits.
      var entry = literalEntries[Int(state.bits & literalMask)]
      if Int32(bitPattern: entry) < 0 {
        state.emit(entry, &output)
        entry = literalEntries[Int(state.bits & literalMask)]
        if Int32(bitPattern: entry) < 0 {
          state.emit(entry, &output)
          entry = literalEntries[Int(state.bits & literalMask)]
          if Int32(bitPattern: entry) < 0 {
            state.emit(entry, &output)
            continue
          }
        }
      }
      if entry >> 13 & 7 == HuffmanTable.Kind.link {
        state.drop(codeOf: entry)
        entry = literalEntries[Int(entry >> 16) &+ Int(state.bits & (1 &<< UInt64(entry >> 8 & 31) &- 1))]
        if Int32(bitPattern: entry) < 0 {
          state.emit(entry, &output)
          continue
        }
      }
      let kind = entry >> 13 & 7
      if kind == HuffmanTable.Kind.end {
        state.drop(codeOf: entry)
        return .blockEnd
      }
      guard kind == HuffmanTable.Kind.base else { return .failure("a literal or length has an unknown code") }
      let length = state.takeValue(of: entry)
      state.refill(input)
      entry = distanceEntries[Int(state.bits & distanceMask)]
      if entry >> 13 & 7 == HuffmanTable.Kind.link {
        state.drop(codeOf: entry)
        entry = distanceEntries[Int(entry >> 16) &+ Int(state.bits & (1 &<< UInt64(entry >> 8 & 31) &- 1))]
      }
      guard entry >> 13 & 7 == HuffmanTable.Kind.base else { return .failure("a distance has an unknown code") }
      let distance = state.takeValue(of: entry)
      guard distance <= state.outputPosition else { return .failure("a match lies before the beginning of the data") }
      state.copy(length, from: distance, &output)
    }
    return .bufferEnd
  }

  /// Writes the literal of `entry`.
  @inline(__always)
  private mutating func emit(_ entry: UInt32, _ output: inout MutableSpan<UInt8>) {
    drop(codeOf: entry)
    output[outputPosition] = UInt8(truncatingIfNeeded: entry >> 16)
    outputPosition &+= 1
  }

  /// Repeats `length` bytes that begin `distance` bytes back; the two may overlap.
  @inline(__always)
  private mutating func copy(_ length: Int, from distance: Int, _ output: inout MutableSpan<UInt8>) {
    for position in outputPosition..<outputPosition + length { output[position] = output[position - distance] }
    outputPosition += length
  }
}
