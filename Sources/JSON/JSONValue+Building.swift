extension JSONValue {
  /// An object with these members.
  package static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
  }

  /// A number with at most `digits` decimals.
  package static func rounded(_ value: Double, digits: Int) -> JSONValue {
    let scale = (0..<digits).reduce(1.0) { power, _ in power * 10 }
    return .number((value * scale).rounded() / scale)
  }

  /// A float32 as the shortest number that is read as the same float32.
  package static func float(_ value: Float) -> JSONValue {
    guard value.isFinite, let number = Double("\(value)") else { return .null }
    return .number(number)
  }
}
