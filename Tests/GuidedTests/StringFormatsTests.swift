import Guided
import JSON
import Testing

/// Formats, against what their RFCs say; not every spelling that is valid is generated.
@Suite struct StringFormatsTests {
  @Test(arguments: [
    (
      "date", ["2024-02-29", "2000-02-29", "2023-12-31"],
      ["2023-02-29", "1900-02-29", "2023-04-31", "2023-13-01", "23-1-1"]
    ),
    ("time", ["23:59:59Z", "00:00:00.25+05:30"], ["24:00:00Z", "12:60:00Z", "12:00:00", "12:00Z"]),
    ("date-time", ["2024-02-29T12:00:00Z"], ["2024-02-30T12:00:00Z", "2024-02-29 12:00:00Z", "2024-02-29"]),
    ("duration", ["P1D", "PT1H30M", "P2W", "P1Y2M3DT4H5M6S"], ["P", "PT", "1D", "P1H", "P1DT", "P1W2D"]),
    (
      "uuid", ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"],
      ["2eb8aa08aa9811eab4aa73b441d16380", "2eb8aa08-aa98-11ea-b4aa-73b441d1638"]
    ),
    ("ipv4", ["0.0.0.0", "255.249.199.10"], ["256.0.0.1", "1.2.3", "01.2.3.4", "1.2.3.4.5"]),
    (
      "ipv6", ["::", "::1", "1::", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"],
      ["1::2::3", "1:2:3", ":::", "12345::", "1:2:3:4:5:6:7:8:9"]
    ),
    (
      "hostname", ["a", "example.com", "a-b.c1"],
      ["-a", "a-", "a..b", ".a", "a_b", String(repeating: "a", count: 64)]
    ),
    ("email", ["a@b.c", "a.b+c@example.com"], ["a", "@b", "a@", ".a@b", "a..b@c"]),
    (
      "uri", ["http://a/b?c#d", "mailto:a@b", "urn:x:y", "http://a:80/%20"],
      ["a", "//a", "http://", "http://a/%2", "http://a b"]
    ),
    ("json-pointer", ["", "/", "/a~0b/~1", "/é"], ["a", "/~", "/~2"]),
  ])
  func stringsMatch(_ format: String, _ valid: [String], _ invalid: [String]) throws {
    let grammar = try CompiledGrammar(
      .jsonSchema(.object([("type", .string("string")), ("format", .string(format))])),
      vocabulary: Acceptance.vocabulary)
    for text in valid { #expect(Acceptance.allows("\"\(text)\"", grammar), "\(format): \(text)") }
    for text in invalid { #expect(!Acceptance.allows("\"\(text)\"", grammar), "\(format): \(text)") }
  }
}
