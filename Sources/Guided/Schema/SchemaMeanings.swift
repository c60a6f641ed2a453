import JSON

extension SchemaCompiler {
  /// The number of a value: the same for all that are equal for JSON schema, whatever the order of members and the way in
  /// which numbers are written. So to compare values costs their size once and not once for each pair.
  ///
  /// - Parameter pointer: where it stands.
  mutating func number(of value: JSONValue, at pointer: String) throws(GuidedError) -> Int {
    var meaning: [UInt8] = []
    try append(value, to: &meaning, pointer)
    try builder.budget.spend(meaning.count)
    if let known = numberOfMeaning[meaning] { return known }
    numberOfMeaning[meaning] = numberOfMeaning.count
    return numberOfMeaning.count - 1
  }

  /// Appends text that is the same for equal values only, none of which is the beginning of another.
  private mutating func append(
    _ value: JSONValue, to meaning: inout [UInt8], _ pointer: String
  ) throws(GuidedError) {
    try enter()
    defer { nesting -= 1 }
    switch value {
    case .null: meaning.append(UInt8(ascii: "n"))
    case .bool(let isTrue): meaning.append(UInt8(ascii: isTrue ? "t" : "f"))
    case .integer(let integer): meaning += Array("\(integer);".utf8)
    case .number(let number):
      guard number.magnitude < 0x1p63 else {
        throw .unsupportedKeyword(
          keyword: Self.keyword(at: pointer), pointer: pointer,
          reason: "a number is larger than whole numbers of 64 bits")
      }
      let text = Int64(exactly: number).map { "\($0);" } ?? ".\(number.bitPattern);"
      meaning += Array(text.utf8)
    case .string(let text): Self.append(Array(text.utf8), to: &meaning)
    case .array(let elements):
      meaning.append(UInt8(ascii: "["))
      for element in elements { try append(element, to: &meaning, pointer) }
      meaning.append(UInt8(ascii: "]"))
    case .object(let object):
      try checkKeys(of: object, "key of a value", at: pointer)
      let members = object.members.map { (key: Array($0.key.utf8), value: $0.value) }
      meaning.append(UInt8(ascii: "{"))
      for member in members.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        Self.append(member.key, to: &meaning)
        try append(member.value, to: &meaning, pointer)
      }
      meaning.append(UInt8(ascii: "}"))
    }
  }

  private static func append(_ text: [UInt8], to meaning: inout [UInt8]) {
    meaning += Array("\"\(text.count):".utf8)
    meaning += text
  }
}
