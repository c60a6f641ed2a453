/// A JSON document in memory.
///
/// Integers that fit are kept exactly; every other number is a `Double`. Objects keep the order of the document and
/// compare keys by their bytes: Swift's own `String` equality is canonical equivalence, which would merge different
/// tokens of a vocabulary.
package enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)
}

/// The members of a JSON object, in document order.
package struct JSONObject: Sendable {
  /// One member.
  package struct Member: Sendable {
    /// The key; compare `utf8`, not the `String`.
    package var key: String
    /// The value.
    package var value: JSONValue

    package init(key: String, value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  /// Every member, in document order.
  package var members: [Member]

  package init(_ members: [Member] = []) { self.members = members }

  /// The value of the last member whose key has the same bytes as `key`; linear in the number of members.
  package subscript(key: String) -> JSONValue? {
    members.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }
}
