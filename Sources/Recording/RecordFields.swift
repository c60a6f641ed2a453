internal import JSON
internal import Requests

/// The members of an object of a recording, each read as what it must be: a member that is there and is something else makes
/// the answer nil, as one that must be there and is not.
struct RecordFields {
  private let object: JSONObject

  /// The members of `json`; nil if it is no object.
  init?(_ json: JSONValue) {
    guard let object = json.objectValue else { return nil }
    self.object = object
  }

  subscript(name: String) -> JSONValue? { object[name] }

  func integer(_ name: String, default standard: Int? = nil) -> Int? {
    guard let value = object[name] else { return standard }
    return value.intValue
  }

  /// A number of things: not negative.
  func count(_ name: String, default standard: Int? = nil) -> Int? {
    integer(name, default: standard).flatMap { $0 >= 0 ? $0 : nil }
  }

  func unsigned(_ name: String, default standard: UInt64? = nil) -> UInt64? {
    guard let value = object[name] else { return standard }
    return value.stringValue.flatMap { UInt64($0) }
  }

  func tokens(_ name: String, default standard: [TokenID]? = nil) -> [TokenID]? {
    guard let value = object[name] else { return standard }
    return value.tokens
  }

  /// An array of counts.
  func counts(_ name: String) -> [Int]? {
    guard let value = object[name] else { return [] }
    guard let array = value.arrayValue else { return nil }
    var counts: [Int] = []
    counts.reserveCapacity(array.count)
    for element in array {
      guard let count = element.intValue, count >= 0 else { return nil }
      counts.append(count)
    }
    return counts
  }

  /// An array of counts two by two.
  func pairs(_ name: String) -> [(RequestID, Int)]? {
    guard let counts = counts(name), counts.count % 2 == 0 else { return nil }
    return stride(from: 0, to: counts.count, by: 2).map { (RequestID(UInt64(counts[$0])), counts[$0 + 1]) }
  }
}

extension JSONValue {
  static func tokens(_ tokens: [TokenID]) -> JSONValue { .array(tokens.map { .integer(Int64($0)) }) }

  /// An array of tokens.
  var tokens: [TokenID]? {
    guard let array = arrayValue else { return nil }
    var tokens: [TokenID] = []
    tokens.reserveCapacity(array.count)
    for element in array {
      guard let value = element.intValue, let token = TokenID(exactly: value) else { return nil }
      tokens.append(token)
    }
    return tokens
  }
}
