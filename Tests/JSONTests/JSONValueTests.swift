import JSON
import Testing

@Suite struct JSONValueTests {
  @Test func accessorsAnswerForTheirTypeOnly() throws {
    let value = try JSONValue(parsing: #"{"s": "x", "i": 3, "d": 2.5, "t": true, "a": [1, 2], "n": null}"#)
    #expect(value["s"]?.stringValue == "x")
    #expect(value["i"]?.intValue == 3)
    #expect(value["i"]?.doubleValue == 3)
    #expect(value["d"]?.doubleValue == 2.5)
    #expect(value["d"]?.intValue == nil)
    #expect(value["t"]?.boolValue == true)
    #expect(value["t"]?.intValue == nil)
    #expect(value["a"]?.arrayValue?.count == 2)
    #expect(value["a"]?[1]?.intValue == 2)
    #expect(value["a"]?[2] == nil)
    #expect(value["a"]?[-1] == nil)
    #expect(value["a"]?["x"] == nil)
    #expect(value["n"]?.isNull == true)
    #expect(value["missing"] == nil)
    #expect(value[0] == nil)
    #expect(value["s"]?.objectValue == nil)
    #expect(value.stringValue == nil && value.boolValue == nil && value.doubleValue == nil)
  }

  @Test func equalityIsByBytes() {
    // The same text to a reader, in two spellings.
    let composed = "\u{e9}"
    let decomposed = "e\u{301}"
    #expect(composed == decomposed)
    #expect(JSONValue.string(composed) != .string(decomposed))
    let object = JSONObject([.init(key: composed, value: .integer(1)), .init(key: decomposed, value: .integer(2))])
    #expect(object[composed] == .integer(1))
    #expect(object[decomposed] == .integer(2))
    #expect(JSONObject([.init(key: composed, value: .null)]) != JSONObject([.init(key: decomposed, value: .null)]))
    #expect(JSONValue.integer(1) != .number(1))
    #expect(JSONValue.array([.null]) != .array([]))
    #expect(JSONValue.bool(true) != .bool(false))
  }

  @Test func writesCompactlyAndPrettily() throws {
    let value = try JSONValue(parsing: #"{"a": [1, {"b": []}], "c": {}}"#)
    #expect(value.serialized() == #"{"a":[1,{"b":[]}],"c":{}}"#)
    #expect(
      value.serialized(pretty: true) == """
        {
          "a": [
            1,
            {
              "b": []
            }
          ],
          "c": {}
        }
        """)
  }

  @Test func escapesWhatMustBe() {
    let text = JSONValue.string("\"\\/\u{8}\t\n\u{c}\r\u{1f}\0\u{7f}é\u{1f600}").serialized()
    #expect(text == "\"\\\"\\\\/\\b\\t\\n\\f\\r\\u001f\\u0000\u{7f}é\u{1f600}\"")
  }

  @Test func writesNumbersThatReadBackTheSame() throws {
    let numbers = [
      0.1, 1, -0.0, 1e21, Double.leastNonzeroMagnitude, .greatestFiniteMagnitude, 1.0 / 3, 123_456_789.125, 1e-7,
    ]
    for number in numbers {
      let text = JSONValue.number(number).serialized()
      guard case .number(let back) = try JSONValue(parsing: text) else {
        Issue.record("\(text) is no number")
        continue
      }
      #expect(back.bitPattern == number.bitPattern)
    }
    for integer in [Int64.min, -1, 0, .max] {
      #expect(try JSONValue(parsing: JSONValue.integer(integer).serialized()) == .integer(integer))
    }
    for number in [Double.nan, .infinity, -.infinity] { #expect(JSONValue.number(number).serialized() == "null") }
  }
}
