extension JSONValue {
  /// Parses one JSON document.
  ///
  /// - Throws: ``JSONError`` with the place and what was expected.
  package init(parsing bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) {
    throw JSONError(offset: 0, line: 1, column: 1, problem: "expected a value")
  }

  /// Parses one JSON document.
  ///
  /// - Throws: ``JSONError`` with the place and what was expected.
  package init(parsing bytes: RawSpan, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    throw JSONError(offset: 0, line: 1, column: 1, problem: "expected a value")
  }

  /// Parses one JSON document.
  ///
  /// - Throws: ``JSONError`` with the place and what was expected.
  package init(parsing text: String, limits: JSONLimits = JSONLimits()) throws(JSONError) {
    try self.init(parsing: Array(text.utf8), limits: limits)
  }
}
