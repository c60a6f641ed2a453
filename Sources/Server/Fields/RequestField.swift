package import JSON
package import Requests

/// One row of the table of a route's fields: what it is called, what it may hold, and what becomes of it. A field that no
/// row names is refused.
package struct RequestField: Sendable {
  /// What becomes of a field.
  package enum Use: Sendable {
    /// The route reads it.
    case route
    /// It sets a sampling parameter.
    case sampling(@Sendable (inout SamplingParams, JSONValue) -> Void)
    /// It changes nothing about the answer by its own meaning, and is accepted.
    case noEffect
    /// Only these values, which ask for nothing, are accepted; anything else is refused with a reason.
    case only([JSONValue], reason: String)
  }

  /// The member's key.
  package var name: String
  /// What it may hold; null is always allowed and the same as leaving it out.
  package var type: FieldType
  /// Whether it must be there.
  package var isRequired: Bool
  /// What becomes of it.
  package var use: Use
  /// One line for the OpenAPI document.
  package var summary: String

  /// Creates a row.
  package init(
    _ name: String, _ type: FieldType, isRequired: Bool = false, use: Use = .route, _ summary: String
  ) {
    self.name = name
    self.type = type
    self.isRequired = isRequired
    self.use = use
    self.summary = summary
  }

  /// The JSON schema of an object with these fields.
  package static func schema(of fields: [RequestField]) -> JSONValue {
    let properties: [(String, JSONValue)] = fields.map { field in
      var schema: JSONValue
      if case .only(let values, _) = field.use {
        schema = .object([("enum", .array(values + [.null]))])
      } else if field.isRequired {
        schema = field.type.schema
      } else {
        schema = .object([("anyOf", .array([field.type.schema, .object([("type", "null")])]))])
      }
      if case .object(var object) = schema {
        object.members.append(.init(key: "description", value: .string(field.summary)))
        schema = .object(object)
      }
      return (field.name, schema)
    }
    return .object([
      ("type", "object"), ("properties", .object(properties)),
      ("required", .array(fields.filter(\.isRequired).map { .string($0.name) })),
      ("additionalProperties", .bool(false)),
    ])
  }
}

/// The fields of a request that passed the checks of its table.
package struct FieldValues: Sendable {
  /// The members, without those that are null or ask for nothing.
  private(set) var object: JSONObject
  private let fields: [RequestField]

  /// Checks every member of `object` against its row.
  ///
  /// - Parameter path: what an error calls the object; empty for the body itself.
  /// - Throws: ``APIError`` for the first member that is unknown, repeated, of the wrong type or not supported, and for a
  ///   required one that is missing.
  package init(_ object: JSONObject, fields: [RequestField], path: () -> String = { "" }) throws(APIError) {
    func place(_ name: String) -> String {
      let path = path()
      return path.isEmpty ? name : "\(path).\(name)"
    }
    self.fields = fields
    var kept: [JSONObject.Member] = []
    for (index, member) in object.members.enumerated() {
      guard let field = fields.first(where: { $0.name.utf8.elementsEqual(member.key.utf8) }) else {
        // Clients write down all that they know of, what asks for nothing included.
        if member.value.isNull { continue }
        let name = String(place(member.key).prefix(200))
        throw APIError(400, "unrecognized field: \(name)", field: name, code: "unknown_parameter")
      }
      if object.members[..<index].contains(where: { $0.key.utf8.elementsEqual(member.key.utf8) }) {
        throw .invalid(place(member.key), "is there twice")
      }
      if member.value.isNull, !field.isRequired { continue }
      if case .only(let values, let reason) = field.use {
        guard values.contains(where: { $0.isSame(member.value) }) else { throw .unsupported(place(member.key), reason) }
        continue
      }
      let value = try field.type.check(member.value, path: { place(member.key) })
      kept.append(JSONObject.Member(key: member.key, value: value))
    }
    self.object = JSONObject(kept)
    for field in fields where field.isRequired && self.object[field.name] == nil {
      let name = place(field.name)
      throw APIError(400, "\(name) is missing", field: name, code: "missing_required_parameter")
    }
  }

  /// The value of a field; nil if it was not there or null.
  package subscript(name: String) -> JSONValue? { object[name] }

  /// The same without a field that was read: what remains may be kept longer than the body of a request.
  func dropping(_ name: String) -> FieldValues {
    var copy = self
    copy.object = JSONObject(object.members.filter { !$0.key.utf8.elementsEqual(name.utf8) })
    return copy
  }

  /// The fields that are there, in their order.
  package var names: [String] { object.members.map(\.key) }

  /// The members of a field that is an object with known members, which were checked already.
  package func record(_ name: String) -> FieldValues? {
    guard let field = fields.first(where: { $0.name.utf8.elementsEqual(name.utf8) }),
      case .record(let inner) = field.type,
      let value = object[name]?.objectValue
    else { return nil }
    return FieldValues(checked: value, fields: inner)
  }

  /// The fields of an object that was checked already.
  private init(checked object: JSONObject, fields: [RequestField]) {
    self.fields = fields
    self.object = object
  }

  /// Sets the sampling parameters that the request names.
  package func apply(to params: inout SamplingParams) {
    for field in fields {
      if case .sampling(let set) = field.use, let value = object[field.name] { set(&params, value) }
    }
  }
}

extension JSONValue {
  /// Whether two values are the same, where 0 and 0.0 are.
  fileprivate func isSame(_ other: JSONValue) -> Bool {
    if let left = doubleValue, let right = other.doubleValue { return left == right }
    return self == other
  }
}
