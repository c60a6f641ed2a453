internal import JSON

/// A value in a JSON document together with its place there, for errors that say where.
struct JSONPlace {
  /// The value.
  let value: JSONValue
  /// The file and the keys down to the value.
  let path: String

  /// Names the place of a value.
  init(_ value: JSONValue, _ path: String) {
    self.value = value
    self.path = path
  }

  /// An error about this value.
  func malformed(_ problem: String) -> TokenizerError { .malformed(place: path, problem: problem) }

  /// An error that names what this value asks for.
  func unsupported(_ feature: String) -> TokenizerError { .unsupported(place: path, feature: feature) }

  /// The member `key`; nil if there is none, or if it is null.
  func optional(_ key: String) -> JSONPlace? {
    guard let member = value[key], !member.isNull else { return nil }
    return JSONPlace(member, "\(path): \(key)")
  }

  /// The member `key`, which must be there.
  func required(_ key: String) throws(TokenizerError) -> JSONPlace {
    guard let member = optional(key) else { throw malformed("has no \(quoted(key.utf8))") }
    return member
  }

  /// The text of a string.
  func string() throws(TokenizerError) -> String {
    guard let string = value.stringValue else { throw malformed("is not a string") }
    return string
  }

  /// The Boolean member `key`, or `standard` if there is none.
  func bool(_ key: String, standard: Bool? = nil) throws(TokenizerError) -> Bool {
    if let standard, optional(key) == nil { return standard }
    let member = try required(key)
    guard let bool = member.value.boolValue else { throw member.malformed("is neither true nor false") }
    return bool
  }

  /// An identifier of a token.
  func tokenID() throws(TokenizerError) -> Int32 {
    guard let id = value.intValue, id >= 0, id < TokenizerVocabulary.maximumCount else {
      throw malformed("is not a token identifier below \(TokenizerVocabulary.maximumCount)")
    }
    return Int32(id)
  }

  /// The elements of an array.
  func elements() throws(TokenizerError) -> [JSONPlace] {
    guard let elements = value.arrayValue else { throw malformed("is not an array") }
    return elements.enumerated().map { JSONPlace($0.element, "\(path)[\($0.offset)]") }
  }

  /// The members of an object, in order.
  func members() throws(TokenizerError) -> [JSONObject.Member] {
    guard let object = value.objectValue else { throw malformed("is not an object") }
    return object.members
  }
}
