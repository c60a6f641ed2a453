internal import JSON
internal import Tensors

/// Reads a recording, step by step.
package struct RecordingReader {
  /// What it was made with.
  package let header: RecordingHeader
  /// The path as it was given.
  package let path: String

  private let file: MappedFile
  /// Where the first step begins.
  private let firstStep: Int
  private var offset: Int
  private var line = 2
  private var plan: [RecordedStep.Count] = []
  private var lastNumber = 0
  private var lastMicroseconds = 0

  /// The longest line: a step in which many long prompts arrive.
  private static let limits = JSONLimits(depth: 16, byteCount: 1 << 28)

  /// Opens the file at `path` and reads its header.
  ///
  /// - Throws: ``RecordingError``.
  package init(path: String) throws(RecordingError) {
    self.path = path
    do { file = try MappedFile(path: path) } catch { throw .unreadable("\(error)") }
    offset = 0
    guard let (json, end) = try Self.line(file, from: 0, number: 1) else {
      throw .damaged(line: 1, reason: "there is none")
    }
    do throws(RecordShapeError) {
      header = try RecordingHeader(json)
    } catch {
      throw .damaged(
        line: 1, reason: "it is not the header of a recording of version \(RecordingHeader.version): \(error)")
    }
    firstStep = end
    offset = end
  }

  /// The next step; nil at the end. A last line without an end, of a process that was killed, is the end.
  ///
  /// - Throws: ``RecordingError/damaged(line:reason:)``.
  package mutating func next() throws(RecordingError) -> RecordedStep? {
    guard let (json, end) = try Self.line(file, from: offset, number: line) else { return nil }
    let step: RecordedStep
    do throws(RecordShapeError) {
      step = try RecordedStep(json, previousPlan: plan)
    } catch {
      throw .damaged(line: line, reason: "it is not a step: \(error)")
    }
    guard step.number > lastNumber, step.microseconds >= lastMicroseconds else {
      throw .damaged(line: line, reason: "step \(step.number) is not after step \(lastNumber)")
    }
    (offset, lastNumber, lastMicroseconds, plan) = (end, step.number, step.microseconds, step.plan)
    line += 1
    return step
  }

  /// Goes back to the first step.
  package mutating func rewind() {
    (offset, line, lastNumber, lastMicroseconds, plan) = (firstStep, 2, 0, 0, [])
  }

  private static func line(
    _ file: MappedFile, from start: Int, number: Int
  ) throws(RecordingError) -> (JSONValue, end: Int)? {
    try file.withBytes { (bytes) throws(RecordingError) in
      var end = start
      while let byte = bytes.littleEndian(at: end, as: UInt8.self), byte != UInt8(ascii: "\n") { end += 1 }
      guard end < bytes.byteCount else {
        // Only the header must be whole.
        guard number == 1 else { return nil }
        throw .damaged(line: 1, reason: "it has no end")
      }
      guard end - start <= limits.byteCount else { throw .damaged(line: number, reason: "it is too long") }
      do {
        return (try JSONValue(parsing: bytes.extracting(start..<end), limits: limits), end + 1)
      } catch {
        throw .damaged(line: number, reason: "\(error)")
      }
    }
  }
}

/// A recording that cannot be used.
package enum RecordingError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The file cannot be read.
  case unreadable(String)
  /// A line is not what is written.
  case damaged(line: Int, reason: String)
  /// It was made with another model.
  case otherModel(path: String)
  /// It cannot be run on this engine.
  case unsuitable(String)

  /// One line that says what is wrong, and where.
  package var description: String {
    switch self {
    case .unreadable(let reason): reason
    case .damaged(let line, let reason): "line \(line) of the recording cannot be used: \(reason)"
    case .otherModel(let path):
      "the recording was made with another model than \(path), or with another version of this program; "
        + "--model names another one"
    case .unsuitable(let reason): "the recording cannot be replayed: \(reason)"
    }
  }
}
