/// Decompresses a DEFLATE stream (RFC 1951) piece by piece.
///
/// Memory is bounded whatever the stream says: one buffer of compressed bytes, one of output that includes the 32 KiB
/// which a match may refer to, and the tables. Bits are taken from a 64-bit reservoir that holds at least 56 bits
/// before each group of symbols.
package struct Inflater {
  /// A stream that is not valid DEFLATE, or not the one that was announced.
  package struct Failure: Error {
    /// What is wrong.
    package let reason: String
    /// Roughly how many compressed bytes precede the fault.
    package let offset: Int
  }

  /// Appends at most the given number of bytes to the array, and none at the end of the stream.
  package typealias Source = (inout [UInt8], Int) throws -> Void
  /// Takes decompressed bytes in order.
  package typealias Sink = (Span<UInt8>) throws -> Void

  private static let inputChunk = 1 << 17
  /// What one turn of the symbol loop may read: two refills of eight bytes.
  private static let inputReserve = 16
  private static let windowSize = 1 << 15
  private static let outputChunk = 1 << 18
  /// The most bytes that one turn of the symbol loop writes: three literals and a match.
  private static let outputSlack = 3 + 258

  private var input: [UInt8] = []
  /// Bytes of `input` that are of the stream; what follows is padding.
  private var inputCount = 0
  private var inputEnded = false
  /// Bytes of the stream before `input[0]`.
  private var inputBase = 0
  private var output = [UInt8](repeating: 0, count: windowSize + outputChunk + outputSlack)
  /// Bytes of `output` that were given to the sink, or that were there before.
  private var flushed = 0
  private var produced = 0
  private var state = DeflateState()
  private var literals = HuffmanTable(rootBits: 11)
  private var distances = HuffmanTable(rootBits: 8)
  private let outputLimit: Int
  private let source: Source
  private let sink: Sink

  /// Prepares to decompress what `source` gives into `sink`, which never gets more than `outputLimit` bytes.
  package init(outputLimit: Int, source: @escaping Source, sink: @escaping Sink) {
    self.outputLimit = outputLimit
    self.source = source
    self.sink = sink
  }

  /// Decompresses the whole stream. Returns how many compressed bytes it took and how many bytes came out. Throws
  /// ``Failure``, and whatever the source and the sink throw.
  package mutating func run() throws -> (consumed: Int, produced: Int) {
    var isLast = false
    repeat {
      isLast = try take(1) == 1
      switch try take(2) {
      case 0: try copyStored()
      case 1:
        try build(lengths: DeflateCodes.fixedLengths, literalCount: 288)
        try decodeBlock()
      case 2:
        try readDynamicCodes()
        try decodeBlock()
      default: throw failure("there is a block of an unknown type")
      }
    } while !isLast
    try flush()
    state.inputPosition -= state.bitCount >> 3
    guard state.inputPosition <= inputCount else { throw failure("the stream is cut off") }
    return (inputBase + state.inputPosition, produced)
  }

  private func failure(_ reason: String) -> Failure {
    Failure(reason: reason, offset: max(0, inputBase + state.inputPosition - state.bitCount >> 3))
  }

  // MARK: Input

  /// Makes at least sixteen bytes readable at the input position, and keeps the eight before it, which the reservoir
  /// may hold. Behind the end of the stream come zeros, and it is an error when bits in use are taken from there.
  private mutating func fillInput() throws {
    guard input.count - state.inputPosition < Self.inputReserve else { return }
    if inputEnded && state.inputPosition - state.bitCount >> 3 > inputCount { throw failure("the stream is cut off") }
    let dropped = max(0, state.inputPosition - 8)
    input.removeSubrange(0..<dropped)
    inputCount -= dropped
    inputBase += dropped
    state.inputPosition -= dropped
    while !inputEnded && inputCount - state.inputPosition < Self.inputReserve {
      try source(&input, Self.inputChunk)
      inputEnded = input.count == inputCount
      inputCount = input.count
    }
    if inputEnded { input.append(contentsOf: repeatElement(0, count: 2 * Self.inputReserve)) }
  }

  /// Makes at least 56 bits present in the reservoir.
  private mutating func refill() throws {
    try fillInput()
    state.refill(input)
  }

  /// The next `count` bits (at most 16) as a number whose lowest bit came first.
  private mutating func take(_ count: Int) throws -> Int {
    if state.bitCount < count { try refill() }
    let value = Int(state.bits & (1 << UInt64(count) - 1))
    state.drop(count)
    return value
  }

  // MARK: Output

  /// Makes room for `count` bytes and what one turn of the symbol loop writes beyond them; what was produced before goes
  /// to the sink, and the last 32 KiB of it to the front of the buffer.
  private mutating func makeRoom(_ count: Int) throws {
    guard state.outputPosition + count + Self.outputSlack > output.count else { return }
    try flush()
    let start = state.outputPosition - Self.windowSize
    var bytes = output.mutableSpan
    for index in 0..<Self.windowSize { bytes[index] = bytes[start + index] }
    state.outputPosition = Self.windowSize
    flushed = Self.windowSize
  }

  /// Gives everything that is new to the sink.
  private mutating func flush() throws {
    produced += state.outputPosition - flushed
    guard produced <= outputLimit else { throw failure("there is more data than the \(outputLimit) bytes announced") }
    if state.outputPosition > flushed { try sink(output.span.extracting(flushed..<state.outputPosition)) }
    flushed = state.outputPosition
  }

  // MARK: Blocks

  /// A block of plain bytes (section 3.2.4).
  private mutating func copyStored() throws {
    _ = try take(state.bitCount & 7)
    let count = try take(16)
    guard try take(16) == count ^ 0xffff else { throw failure("the length of a stored block is damaged") }
    state.inputPosition -= state.bitCount >> 3
    state.bits = 0
    state.bitCount = 0
    var remaining = count
    while remaining > 0 {
      try fillInput()
      let piece = min(remaining, inputCount - state.inputPosition, Self.windowSize)
      guard piece > 0 else { throw failure("the stream is cut off") }
      try makeRoom(piece)
      output.replaceSubrange(
        state.outputPosition..<state.outputPosition + piece,
        with: input[state.inputPosition..<state.inputPosition + piece])
      state.inputPosition += piece
      state.outputPosition += piece
      remaining -= piece
    }
  }

  /// The code lengths of a block that brings its own codes (section 3.2.7).
  private mutating func readDynamicCodes() throws {
    let literalCount = try take(5) + 257
    let distanceCount = try take(5) + 1
    let lengthCodeCount = try take(4) + 4
    guard literalCount <= 286, distanceCount <= 30 else { throw failure("a block has too many codes") }
    var codeLengths = [UInt8](repeating: 0, count: 19)
    for index in 0..<lengthCodeCount { codeLengths[DeflateCodes.lengthCodeOrder[index]] = UInt8(try take(3)) }
    var codes = HuffmanTable(rootBits: 7)
    do { try codes.build(lengths: codeLengths[...], meanings: DeflateCodes.lengthCodeMeanings) } catch {
      throw failure("the code of the code lengths is invalid")
    }
    var lengths: [UInt8] = []
    while lengths.count < literalCount + distanceCount {
      let symbol = try takeLengthCode(codes)
      switch symbol {
      case 0..<16: lengths.append(UInt8(symbol))
      case 16:
        guard let last = lengths.last else { throw failure("a block repeats a code length before the first") }
        lengths.append(contentsOf: repeatElement(last, count: try take(2) + 3))
      case 17: lengths.append(contentsOf: repeatElement(0, count: try take(3) + 3))
      default: lengths.append(contentsOf: repeatElement(0, count: try take(7) + 11))
      }
    }
    guard lengths.count == literalCount + distanceCount else { throw failure("a block has too many code lengths") }
    guard lengths[256] > 0 else { throw failure("a block has no code for its end") }
    try build(lengths: lengths, literalCount: literalCount)
  }

  private mutating func takeLengthCode(_ codes: HuffmanTable) throws -> Int {
    if state.bitCount < codes.rootBits { try refill() }
    let entry = codes.entries[Int(state.bits & 127)]
    guard entry > 0 else { throw failure("a code length has an unknown code") }
    state.drop(Int(entry & 0xff))
    return Int(entry >> 16)
  }

  private mutating func build(lengths: [UInt8], literalCount: Int) throws {
    do {
      try literals.build(lengths: lengths[..<literalCount], meanings: DeflateCodes.literalMeanings)
      try distances.build(lengths: lengths[literalCount...], meanings: DeflateCodes.distanceMeanings)
    } catch { throw failure("a block has lengths that form no code") }
  }

  private mutating func decodeBlock() throws {
    while true {
      try fillInput()
      try makeRoom(0)
      let stop = state.decodeSymbols(
        input, into: &output, slack: Self.outputSlack, literals: literals, distances: distances)
      switch stop {
      case .bufferEnd: continue
      case .blockEnd: return
      case .failure(let reason): throw failure(reason)
      }
    }
  }
}
