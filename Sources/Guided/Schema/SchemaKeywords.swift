import JSON

extension SchemaCompiler {
  /// What a schema says beside its constraints: other schemas for the same value.
  struct Combinations {
    /// Schemas that must hold too.
    var all: [Int] = []
    /// Lists of schemas of which one must hold each.
    var any: [(schemas: [Int], isExclusive: Bool, pointer: String)] = []
  }

  /// Takes what the schema `place` says itself into `conjunction`; false if nothing is left.
  mutating func read(
    _ place: Int, into conjunction: inout SchemaConjunction, _ combinations: inout Combinations
  ) throws(GuidedError) -> Bool {
    // What it says is looked for keyword by keyword.
    try builder.budget.spend(16)
    let pointer = locations[place].pointer
    switch locations[place].schema {
    case .bool(let allowsAll): return allowsAll
    case .object(let object):
      conjunction.pointer = pointer
      for member in object.members {
        try readMember(member, of: object, pointer, into: &conjunction, &combinations)
      }
      try readArrays(object, pointer, into: &conjunction)
      try readObjects(object, pointer, into: &conjunction)
      if let maximum = conjunction.lengths.maximum, maximum < conjunction.lengths.minimum {
        conjunction.types.subtract(.string)
      }
      return !conjunction.types.isEmpty
    default: throw .invalidSchema(pointer: pointer, problem: "a schema must be an object, true or false")
    }
  }

  /// The schemas that the schema `place` names for the same value.
  mutating func sameValueSchemas(of place: Int) throws(GuidedError) -> [Int] {
    guard case .object(let object) = locations[place].schema else { return [] }
    var result: [Int] = []
    for member in object.members {
      let pointer = try pointer(locations[place].pointer, member.key)
      switch member.key {
      case "$ref": result.append(try resolve(try text(member.value, pointer), at: pointer))
      case "allOf", "anyOf", "oneOf": result += try schemas(member.value, pointer)
      default: break
      }
    }
    return result
  }

  private mutating func readMember(
    _ member: JSONObject.Member, of object: JSONObject, _ pointer: String, into conjunction: inout SchemaConjunction,
    _ combinations: inout Combinations
  ) throws(GuidedError) {
    let place = try self.pointer(pointer, member.key)
    switch member.key {
    case "title", "description", "default", "examples", "$comment", "deprecated", "readOnly", "writeOnly", "$schema",
      "$defs", "definitions", "contentEncoding", "contentMediaType", "contentSchema":
      break
    case "$id":
      guard pointer.isEmpty else {
        throw .unsupportedKeyword(keyword: "$id", pointer: place, reason: "only the root may have one")
      }
    case "$ref": combinations.all.append(try resolve(try text(member.value, place), at: place))
    case "allOf": combinations.all += try schemas(member.value, place)
    case "anyOf": combinations.any.append((try schemas(member.value, place), false, place))
    case "oneOf": combinations.any.append((try schemas(member.value, place), true, place))
    case "type": conjunction.types.formIntersection(try types(member.value, place))
    case "enum":
      guard let values = member.value.arrayValue else { throw .invalidSchema(pointer: place, problem: "not an array") }
      try allow(values, place, in: &conjunction)
    case "const": try allow([member.value], place, in: &conjunction)
    case "minimum": conjunction.numbers.raise(to: .init(value: try bound(member.value, place), isInclusive: true))
    case "exclusiveMinimum":
      conjunction.numbers.raise(to: .init(value: try bound(member.value, place), isInclusive: false))
    case "maximum": conjunction.numbers.lowerTop(to: .init(value: try bound(member.value, place), isInclusive: true))
    case "exclusiveMaximum":
      conjunction.numbers.lowerTop(to: .init(value: try bound(member.value, place), isInclusive: false))
    case "minLength":
      conjunction.lengths.raise(to: try count(member.value, place))
      conjunction.places[member.key] = place
    case "maxLength":
      conjunction.lengths.lowerTop(to: try count(member.value, place))
      conjunction.places[member.key] = place
    case "pattern":
      conjunction.patterns.append(try pattern(try text(member.value, place), member.key, place))
    case "format":
      let name = try text(member.value, place)
      guard let expression = StringFormats.pattern(of: name) else {
        throw .unsupportedKeyword(keyword: "format", pointer: place, reason: "\"\(name.prefix(40))\" is not known")
      }
      conjunction.patterns.append(try pattern(expression, member.key, place, isFormat: true))
    case "minItems": conjunction.elementCounts.raise(to: try count(member.value, place))
    case "maxItems": conjunction.elementCounts.lowerTop(to: try count(member.value, place))
    case "uniqueItems":
      guard case .bool(false) = member.value else {
        throw .unsupportedKeyword(
          keyword: "uniqueItems", pointer: place, reason: "elements cannot be compared while they are generated")
      }
    case "minProperties":
      conjunction.memberCounts.raise(to: try count(member.value, place))
      conjunction.places[member.key] = place
    case "maxProperties": conjunction.memberCounts.lowerTop(to: try count(member.value, place))
    case "required":
      guard let keys = member.value.arrayValue else { throw .invalidSchema(pointer: place, problem: "not an array") }
      for key in keys {
        let key = try text(key, place)
        try builder.budget.spend(1 + key.utf8.count / 16)
        conjunction.require(key)
      }
    case "propertyNames": conjunction.names.append(try location(member.value, place))
    case "prefixItems", "items", "properties", "patternProperties", "additionalProperties": break
    case "then" where object["if"] == nil, "else" where object["if"] == nil: break
    case let key where key.hasPrefix("x-"): break
    default:
      throw .unsupportedKeyword(
        keyword: member.key, pointer: place, reason: "leave it out, or say the same with other keywords")
    }
  }

  private mutating func readArrays(
    _ object: JSONObject, _ pointer: String, into conjunction: inout SchemaConjunction
  ) throws(GuidedError) {
    guard object["prefixItems"] != nil || object["items"] != nil else { return }
    var rule = SchemaConjunction.ArrayRule(prefix: [], rest: nil)
    if let prefix = object["prefixItems"] { rule.prefix = try schemas(prefix, pointer + "/prefixItems") }
    if let items = object["items"] {
      guard items.arrayValue == nil else {
        throw .unsupportedKeyword(
          keyword: "items", pointer: pointer + "/items", reason: "a list of schemas is called prefixItems")
      }
      rule.rest = try location(items, pointer + "/items")
    }
    conjunction.arrays.append(rule)
  }

  private mutating func readObjects(
    _ object: JSONObject, _ pointer: String, into conjunction: inout SchemaConjunction
  ) throws(GuidedError) {
    guard object["properties"] != nil || object["patternProperties"] != nil || object["additionalProperties"] != nil
    else { return }
    var rule = SchemaConjunction.ObjectRule(properties: [], patterns: [], additional: nil)
    if let properties = object["properties"] {
      let place = pointer + "/properties"
      guard let members = properties.objectValue?.members else {
        throw .invalidSchema(pointer: place, problem: "not an object")
      }
      try builder.budget.spend(members.count)
      for member in members {
        guard rule.schemaOfKey[Array(member.key.utf8)] == nil else {
          throw .invalidSchema(pointer: place, problem: "the property \"\(member.key)\" is declared twice")
        }
        let schema = try location(member.value, try self.pointer(place, member.key))
        rule.properties.append((member.key, schema))
        rule.schemaOfKey[Array(member.key.utf8)] = schema
      }
    }
    if let patterns = object["patternProperties"] {
      let place = pointer + "/patternProperties"
      conjunction.places["patternProperties"] = place
      guard let members = patterns.objectValue?.members else {
        throw .invalidSchema(pointer: place, problem: "not an object")
      }
      for member in members {
        let own = try self.pointer(place, member.key)
        let pattern = try pattern(member.key, "patternProperties", own)
        rule.patterns.append((pattern, try location(member.value, own)))
      }
    }
    if let additional = object["additionalProperties"] {
      rule.additional = try location(additional, pointer + "/additionalProperties")
    }
    conjunction.objects.append(rule)
  }

  // MARK: Values of keywords

  /// Allows only values that are in `list`.
  private mutating func allow(
    _ list: [JSONValue], _ pointer: String, in conjunction: inout SchemaConjunction
  ) throws(GuidedError) {
    try builder.budget.spend(list.count)
    var elements: [(value: JSONValue, number: Int)] = []
    for value in list { elements.append((value, try number(of: value, at: pointer))) }
    let listed = ListedValues(elements)
    try builder.budget.spend(conjunction.values?.elements.count ?? 0)
    conjunction.values = conjunction.values?.intersection(listed) ?? listed
  }

  private mutating func schemas(_ value: JSONValue, _ pointer: String) throws(GuidedError) -> [Int] {
    guard let elements = value.arrayValue, !elements.isEmpty else {
      throw .invalidSchema(pointer: pointer, problem: "not an array of at least one schema")
    }
    var places: [Int] = []
    for (index, element) in elements.enumerated() { places.append(try location(element, "\(pointer)/\(index)")) }
    return places
  }

  private mutating func types(_ value: JSONValue, _ pointer: String) throws(GuidedError) -> TypeSet {
    var result: TypeSet = []
    for element in value.arrayValue ?? [value] {
      try builder.budget.spend()
      guard let name = element.stringValue, let type = TypeSet(name: name) else {
        throw .invalidSchema(pointer: pointer, problem: "not the name of a type")
      }
      result.formUnion(type)
    }
    return result
  }

  private func text(_ value: JSONValue, _ pointer: String) throws(GuidedError) -> String {
    guard let text = value.stringValue else { throw .invalidSchema(pointer: pointer, problem: "not a string") }
    return text
  }

  private func bound(_ value: JSONValue, _ pointer: String) throws(GuidedError) -> DecimalNumber {
    guard value.doubleValue != nil else { throw .invalidSchema(pointer: pointer, problem: "not a number") }
    guard let number = DecimalNumber(value) else {
      throw .unsupportedKeyword(
        keyword: Self.keyword(at: pointer), pointer: pointer,
        reason: "the bound is larger than whole numbers of 64 bits")
    }
    return number
  }

  private func count(_ value: JSONValue, _ pointer: String) throws(GuidedError) -> Int {
    var count = value.intValue
    if case .number(let number) = value { count = Int(exactly: number) }
    guard let count, count >= 0 else { throw .invalidSchema(pointer: pointer, problem: "not a count") }
    // No document has as many as that.
    return min(count, 1 << 30)
  }

  /// The keyword that `pointer` ends with.
  static func keyword(at pointer: String) -> String {
    String(decoding: pointer.utf8.reversed().prefix { $0 != UInt8(ascii: "/") }.reversed(), as: UTF8.self)
  }

  /// What the text of a pattern says, which stands at `pointer` for `keyword`.
  private mutating func pattern(
    _ text: String, _ keyword: String, _ pointer: String, isFormat: Bool = false
  ) throws(GuidedError) -> StringPattern {
    guard text.utf8.count <= builder.limits.textByteCount else {
      throw .tooLarge(what: "a pattern has too many bytes", limit: builder.limits.textByteCount)
    }
    let key = [isFormat ? 1 : 0] + Array(text.utf8)
    try builder.budget.spend(key.count)
    if let known = patterns[key] { return known }
    let node: RegexNode
    do {
      node = try builder.node(of: text, for: .jsonString)
    } catch {
      guard case .invalidRegex = error else { throw error }
      throw .unsupportedKeyword(keyword: keyword, pointer: pointer, reason: error.description)
    }
    let pattern = StringPattern(number: patterns.count, node: node, isSearch: !isFormat, isFormat: isFormat)
    patterns[key] = pattern
    return pattern
  }
}
