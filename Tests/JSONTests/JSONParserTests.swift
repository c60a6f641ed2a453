import JSON
import Testing

/// Texts that are JSON, and what they mean.
private let accepted: [(String, JSONValue)] = [
  ("null", .null), ("true", .bool(true)), ("false", .bool(false)), (" \t\r\n1 \n", .integer(1)),
  ("0", .integer(0)), ("-0", .integer(0)), ("-1", .integer(-1)), ("42", .integer(42)),
  ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
  ("9223372036854775808", .number(9_223_372_036_854_775_808)),
  ("-9223372036854775809", .number(-9_223_372_036_854_775_808)),
  ("123456789012345678901234567890", .number(1.2345678901234568e29)),
  ("1.0", .number(1)), ("1e5", .number(100_000)), ("1E+5", .number(100_000)), ("1e-05", .number(1e-5)),
  ("-0.0", .number(-0.0)), ("0.1", .number(0.1)), ("1e-400", .number(0)),
  ("2.2250738585072014e-308", .number(0x1p-1022)),
  ("\"\"", .string("")), ("\"a\"", .string("a")), (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{c}\n\r\t")),
  (#""\u0041\u00e9\u20AC""#, .string("A\u{e9}\u{20ac}")), (#""\ud83d\ude00""#, .string("\u{1f600}")),
  (#""\uD800\uDC00\uDBFF\uDFFF""#, .string("\u{10000}\u{10ffff}")), (#""\u0000""#, .string("\0")),
  ("\"\u{e9} \u{1f600} \u{7f} \u{2028}\"", .string("\u{e9} \u{1f600} \u{7f} \u{2028}")),
  (#""plain\nthen é plain""#, .string("plain\nthen é plain")),
  ("[]", .array([])), ("[ ]", .array([])), ("[1,[2,[]]]", .array([.integer(1), .array([.integer(2), .array([])])])),
  ("{}", .object(JSONObject())), ("{ }", .object(JSONObject())),
  (
    #"{"a":1, "b" : [true] }"#,
    .object(JSONObject([.init(key: "a", value: .integer(1)), .init(key: "b", value: .array([.bool(true)]))]))
  ),
]

/// Texts that are not JSON, the byte where that is noticed, and a part of the message.
private let refused: [(String, Int, String)] = [
  ("", 0, "expected a value, found the end"), ("  ", 2, "expected a value"), ("nul", 0, "null"), ("True", 0, "'T'"),
  ("nullx", 4, "expected the end of the document, found 'x'"), ("1 2", 2, "expected the end"), ("NaN", 0, "'N'"),
  ("Infinity", 0, "'I'"), ("+1", 0, "'+'"), (".5", 0, "'.'"), ("01", 0, "zero"), ("-01", 1, "zero"), ("-", 1, "digit"),
  ("1.", 2, "after the decimal point"), ("1.e1", 2, "after the decimal point"), ("1e", 2, "exponent"),
  ("1e+", 3, "exponent"), ("0x10", 1, "end of the document"), ("1e400", 0, "too large"), ("-1e400", 0, "too large"),
  ("\"", 1, "end of a string"), ("\"abc", 4, "end of a string"), ("\"a\nb\"", 2, "control character"),
  ("\"\\x\"", 1, "unknown escape"), ("\"\\", 2, "escape"), ("\"\\u12\"", 5, "four hexadecimal"),
  ("\"\\u+123\"", 3, "four hexadecimal"), (#""\ud800""#, 1, "surrogate"), (#""\udc00""#, 1, "surrogate"),
  (#""\ud800\ud800""#, 1, "surrogate"), (#""\ud800x""#, 1, "surrogate"), (#""\ud800\n""#, 1, "surrogate"),
  ("[", 1, "expected a value"), ("[1", 2, "',' or ']'"), ("[1,]", 3, "expected a value"),
  ("[,1]", 1, "expected a value"),
  ("[1 2]", 3, "',' or ']'"), ("]", 0, "expected a value"), ("{", 1, "key in quotes"), ("{a:1}", 1, "key in quotes"),
  ("{\"a\"}", 4, "':'"), ("{\"a\":}", 5, "expected a value"), ("{\"a\":1,}", 7, "key in quotes"),
  ("{\"a\":1 \"b\":2}", 7, "',' or '}'"), ("{1:2}", 1, "key in quotes"), ("'a'", 0, "expected a value"),
  ("/* */ 1", 0, "expected a value"), ("\u{feff}1", 0, "0xef"), ("1\0", 1, "0x0"),
]

@Suite struct JSONParserTests {
  @Test func acceptsWhatIsJSON() throws {
    for (text, value) in accepted {
      #expect(try JSONValue(parsing: text) == value, "\(text)")
    }
  }

  @Test func refusesWhatIsNot() {
    for (text, offset, part) in refused {
      let error = #expect(throws: JSONError.self, "\(text)") { try JSONValue(parsing: text) }
      #expect(error?.offset == offset, "\(text): \(error?.description ?? "")")
      #expect(error?.problem.contains(part) == true, "\(text): \(error?.description ?? "")")
    }
  }

  @Test func refusesBytesThatAreNotUTF8() {
    let sequences: [[UInt8]] = [
      [0xff], [0x80], [0xc3], [0xc0, 0xaf], [0xe0, 0x80, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80],
      [0xf8, 0x88, 0x80, 0x80, 0x80],
    ]
    for sequence in sequences {
      for escape in ["", "\\n"] {
        let bytes = Array("[\"a\(escape)".utf8) + sequence + Array("b\"]".utf8)
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
        #expect(error?.problem.contains("UTF-8") == true)
        #expect(error?.offset == 1)
      }
      #expect(throws: JSONError.self) { try JSONValue(parsing: sequence) }
    }
  }

  @Test func saysTheLineAndTheColumn() {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "{\n  \"a\": 1,\n  \"b\": x\n}") }
    #expect(error?.line == 3)
    #expect(error?.column == 8)
    #expect(error?.offset == 19)
    #expect(error?.description == "invalid JSON at line 3, column 8 (byte 19): expected a value, found 'x'")
  }

  @Test func limitsTheDepth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try JSONValue(parsing: nested(128))
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: nested(129)) }
    #expect(error?.problem.contains("128") == true)
    #expect(throws: JSONError.self) { try JSONValue(parsing: String(repeating: "{\"a\":", count: 1_000_000)) }
    #expect(throws: JSONError.self) { try JSONValue(parsing: "[[1]]", limits: JSONLimits(depth: 1)) }
  }

  @Test func limitsTheBytes() throws {
    let limits = JSONLimits(byteCount: 4)
    #expect(try JSONValue(parsing: "[12]", limits: limits) == .array([.integer(12)]))
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "[123]", limits: limits) }
    #expect(error?.problem.contains("4 bytes") == true)
  }

  @Test func limitsTheLengthOfNumbers() throws {
    let digits = String(repeating: "1", count: 1_100)
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: "0.\(digits)") }
    #expect(error?.problem.contains("1024 bytes") == true)
  }

  @Test func keepsRepeatedKeysAndFindsTheLast() throws {
    let value = try JSONValue(parsing: #"{"a": 1, "b": 2, "a": 3}"#)
    #expect(value.objectValue?.members.count == 3)
    #expect(value["a"]?.intValue == 3)
  }

  @Test func parsesSpans() throws {
    let bytes = Array("[1, \"é\"]".utf8)
    #expect(try JSONValue(parsing: bytes.span.bytes) == .array([.integer(1), .string("é")]))
  }
}
