/// Why a text is not JSON, and where.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Bytes before the place.
  package let offset: Int
  /// The line, counted from 1.
  package let line: Int
  /// The column in bytes, counted from 1.
  package let column: Int
  /// What is wrong there or what should have stood there, in words.
  package let problem: String

  package init(offset: Int, line: Int, column: Int, problem: String) {
    self.offset = offset
    self.line = line
    self.column = column
    self.problem = problem
  }

  package var description: String { "invalid JSON at line \(line), column \(column) (byte \(offset)): \(problem)" }
}

/// Bounds on what a text may contain, so that a hostile one fails early.
package struct JSONLimits: Sendable {
  /// How deeply arrays and objects may be nested.
  package var depth: Int
  /// The most bytes a document may have.
  package var byteCount: Int

  package init(depth: Int = 128, byteCount: Int = 1 << 30) {
    self.depth = depth
    self.byteCount = byteCount
  }
}
