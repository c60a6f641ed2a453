internal import JSON

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

extension JSONValue {
  /// An object with these members.
  static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    .object(JSONObject(members.map { JSONObject.Member(key: $0.0, value: $0.1) }))
  }

  /// A number with at most `digits` decimals.
  static func rounded(_ value: Double, digits: Int) -> JSONValue {
    let scale = pow(10, Double(digits))
    return .number((value * scale).rounded() / scale)
  }

  /// A float32 as the shortest number that is read as the same float32.
  static func float(_ value: Float) -> JSONValue {
    guard value.isFinite, let number = Double("\(value)") else { return .null }
    return .number(number)
  }
}
