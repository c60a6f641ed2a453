internal import JSON
internal import Requests

/// A member of a recorded object that is missing, unknown, or not what it must be.
struct RecordShapeError: Error, CustomStringConvertible {
  /// The member, after the objects that it is in: `arrive.params.top_k`.
  let member: String
  /// What is wrong with it.
  let reason: String

  /// One line.
  var description: String { "\"\(member)\" \(reason)" }
}

/// The members of an object of a recording, each read as what it must be. A member that is there and is something else is
/// an error, as is one that must be there and is not, and one that nobody knows: it would mean something.
struct RecordFields {
  private let object: JSONObject
  private let path: String

  /// The members of `json`, which `path` leads to.
  ///
  /// - Throws: ``RecordShapeError`` if it is no object, or has a member that is not among `known`.
  init(_ json: JSONValue, at path: String = "", known: [String]) throws(RecordShapeError) {
    guard let object = json.objectValue else {
      throw RecordShapeError(member: path, reason: "is no object")
    }
    (self.object, self.path) = (object, path)
    for member in object.members where !known.contains(member.key) {
      throw RecordShapeError(member: self.path(of: member.key), reason: "is not known to this version")
    }
  }

  /// The path of a member.
  func path(of name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

  /// Whether there is such a member.
  func has(_ name: String) -> Bool { object[name] != nil }

  /// The member as `read` takes it, `standard` if there is none.
  ///
  /// - Throws: ``RecordShapeError`` if `read` returns nil, or if there is no member and no standard.
  func read<Value>(
    _ name: String, default standard: Value? = nil, _ read: (JSONValue) -> Value?
  ) throws(RecordShapeError) -> Value {
    guard let value = try optional(name, read) ?? standard else {
      throw RecordShapeError(member: path(of: name), reason: "is missing")
    }
    return value
  }

  /// The member as `read` takes it, nil if there is none.
  ///
  /// - Throws: ``RecordShapeError`` if `read` returns nil.
  func optional<Value>(_ name: String, _ read: (JSONValue) -> Value?) throws(RecordShapeError) -> Value? {
    guard let json = object[name] else { return nil }
    guard let value = read(json) else {
      throw RecordShapeError(member: path(of: name), reason: "is not what it must be")
    }
    return value
  }

  /// The elements of an array, none if there is no such member.
  func array(_ name: String) throws(RecordShapeError) -> [JSONValue] { try read(name, default: [], \.arrayValue) }

  /// The elements of an array as `read` takes them, none if there is no such member.
  func elements<Value>(_ name: String, _ read: (JSONValue) -> Value?) throws(RecordShapeError) -> [Value] {
    try self.read(name, default: []) { $0.elements(read) }
  }

  func text(_ name: String) throws(RecordShapeError) -> String { try read(name, \.stringValue) }

  func flag(_ name: String, default standard: Bool? = nil) throws(RecordShapeError) -> Bool {
    try read(name, default: standard, \.boolValue)
  }

  func integer(_ name: String, default standard: Int? = nil) throws(RecordShapeError) -> Int {
    try read(name, default: standard, \.intValue)
  }

  func number(_ name: String) throws(RecordShapeError) -> Double { try read(name, \.doubleValue) }

  /// A number of things: not negative.
  func count(_ name: String, default standard: Int? = nil) throws(RecordShapeError) -> Int {
    try read(name, default: standard, \.countValue)
  }

  /// A number of things in `range`.
  func count(_ name: String, in range: ClosedRange<Int>) throws(RecordShapeError) -> Int {
    try read(name) { $0.count(in: range) }
  }

  /// A number of things in `range`, or `null`, which is nil.
  func countOrNull(_ name: String, in range: ClosedRange<Int>) throws(RecordShapeError) -> Int? {
    try read(name) { (json) -> Int?? in json.isNull ? .some(nil) : json.count(in: range).map { .some($0) } }
  }

  /// A number without a sign, which is text, since JSON's integers end at 2^63.
  func unsigned(_ name: String, default standard: UInt64? = nil) throws(RecordShapeError) -> UInt64 {
    try read(name, default: standard) { $0.stringValue.flatMap { UInt64($0) } }
  }

  /// Requests by name, none if there is no such member.
  func requests(_ name: String) throws(RecordShapeError) -> [RequestID] {
    try elements(name) { $0.countValue.map { RequestID(UInt64($0)) } }
  }

  /// Requests, each with a number of things; none if there is no such member.
  func pairs(_ name: String) throws(RecordShapeError) -> [(RequestID, Int)] {
    let counts = try read(name, default: []) { (json) -> [Int]? in
      json.elements(\.countValue).flatMap { $0.count.isMultiple(of: 2) ? $0 : nil }
    }
    return stride(from: 0, to: counts.count, by: 2).map { (RequestID(UInt64(counts[$0])), counts[$0 + 1]) }
  }
}

extension JSONValue {
  static func tokens(_ tokens: [TokenID]) -> JSONValue { .array(tokens.map { .integer(Int64($0)) }) }

  /// An array of tokens.
  var tokens: [TokenID]? { elements(\.tokenValue) }

  /// A token.
  var tokenValue: TokenID? { intValue.flatMap { TokenID(exactly: $0) } }

  /// A number of things: not negative.
  var countValue: Int? { count(in: 0...Int.max) }

  /// An integer in `range`.
  func count(in range: ClosedRange<Int>) -> Int? { intValue.flatMap { range.contains($0) ? $0 : nil } }

  /// The elements of an array, if `read` takes every one of them.
  func elements<Value>(_ read: (JSONValue) -> Value?) -> [Value]? {
    guard let array = arrayValue else { return nil }
    var values: [Value] = []
    values.reserveCapacity(array.count)
    for element in array {
      guard let value = read(element) else { return nil }
      values.append(value)
    }
    return values
  }
}
