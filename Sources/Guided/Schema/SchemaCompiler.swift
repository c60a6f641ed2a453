import JSON

/// Turns a JSON schema into expressions.
///
/// Schemas are known by numbers. Those that must hold together for one value are listed, and each such list becomes one
/// rule, made when it is needed first; that is how schemas that contain themselves come to an end.
struct SchemaCompiler {
  /// A schema and where it stands.
  struct Location {
    var schema: JSONValue
    var pointer: String
  }

  /// The schema that allows nothing.
  static let nothing = 0

  let document: JSONValue
  let format: JSONFormat
  var builder: GrammarBuilder
  private(set) var locations = [Location(schema: .bool(false), pointer: "")]
  private var placeOfPointer: [[UInt8]: Int] = [:]
  private var rules: [SchemaList: ExpressionID] = [:]
  private var pending: [(rule: RuleID, schemas: SchemaList)] = []
  /// How deeply the work on alternatives is nested at the moment.
  var nesting = 0
  /// For schemas that were looked at whether it is known that they do not lead back to themselves.
  var hasProgress: [Int: Bool] = [:]
  /// What patterns were read as, and the automata of those of which one was needed.
  var patterns: [[UInt8]: StringPattern] = [:]
  var automata: [PatternReading: ByteAutomaton] = [:]
  /// The numbers of values that the schema lists, by what they mean.
  var numberOfMeaning: [[UInt8]: Int] = [:]
  /// Where references lead, and the members of the objects on their way there, by the pointers of these.
  private var placeOfReference: [[UInt8]: Int] = [:]
  private var membersOfPointer: [[UInt8]: [[UInt8]: JSONValue]] = [:]
  /// Any character of a string, once it was needed.
  var characterExpression: ExpressionID?

  init(schema: JSONValue, format: JSONFormat, builder: GrammarBuilder) {
    document = schema
    self.format = format
    self.builder = builder
  }

  /// The expression of the whole schema.
  ///
  /// - Throws: ``GuidedError``.
  mutating func root() throws(GuidedError) -> ExpressionID {
    let root = try rule(for: [try location(document, "")])
    // Rules are made one after the other and not inside each other, however deep the schema is.
    while let next = pending.popLast() {
      builder.define(next.rule, as: try expression(for: next.schemas))
    }
    return root
  }

  /// The rule of a value for which all of `schemas` hold.
  mutating func rule(for schemas: SchemaList) throws(GuidedError) -> ExpressionID {
    try builder.budget.spend(schemas.count)
    let key = Array(Set(schemas)).sorted()
    if let known = rules[key] { return known }
    let name = key.last.map { locations[$0].pointer } ?? ""
    let rule = try builder.addRule(named: name)
    let expression = try builder.add(.rule(rule))
    rules[key] = expression
    pending.append((rule, key))
    return expression
  }

  /// The number of a schema that stands at `pointer`.
  ///
  /// - Throws: ``GuidedError/tooLarge(what:limit:)``, since pointers take memory, and ``GuidedError/invalidSchema(pointer:problem:)``
  ///   for a keyword that is there twice.
  mutating func location(_ schema: JSONValue, _ pointer: String) throws(GuidedError) -> Int {
    if case .bool(false) = schema { return Self.nothing }
    let key = Array(pointer.utf8)
    try builder.budget.spend(key.count)
    if let known = placeOfPointer[key] { return known }
    if case .object(let object) = schema { try checkKeys(ofSchema: object, at: pointer) }
    locations.append(Location(schema: schema, pointer: pointer))
    placeOfPointer[key] = locations.count - 1
    return locations.count - 1
  }

  /// Refuses a schema that says something twice: one half would be dropped.
  private mutating func checkKeys(ofSchema schema: JSONObject, at pointer: String) throws(GuidedError) {
    try checkKeys(of: schema, "keyword", at: pointer)
    for member in schema.members {
      switch (member.key, member.value) {
      case ("patternProperties", .object(let members)), ("$defs", .object(let members)),
        ("definitions", .object(let members)):
        try checkKeys(of: members, "key", at: pointer + "/" + member.key)
      default: break
      }
    }
  }

  /// Refuses an object in which a key is there twice.
  mutating func checkKeys(of object: JSONObject, _ what: String, at pointer: String) throws(GuidedError) {
    var seen: Set<[UInt8]> = []
    for member in object.members {
      try builder.budget.spend(1 + member.key.utf8.count / 16)
      guard seen.insert(Array(member.key.utf8)).inserted else {
        throw .invalidSchema(pointer: pointer, problem: "the \(what) \"\(member.key.prefix(80))\" is there twice")
      }
    }
  }

  /// The pointer of the member `key` of what stands at `pointer`. It is made for every keyword that is read.
  mutating func pointer(_ pointer: String, _ key: String) throws(GuidedError) -> String {
    try builder.budget.spend(1 + (pointer.utf8.count + key.utf8.count) / 16)
    return pointer + "/" + Self.escaped(key)
  }

  /// The number of the schema that a reference leads to.
  mutating func resolve(_ reference: String, at pointer: String) throws(GuidedError) -> Int {
    let key = Array(reference.utf8)
    try builder.budget.spend(key.count)
    if let known = placeOfReference[key] { return known }
    let place = try find(reference, at: pointer)
    placeOfReference[key] = place
    return place
  }

  private mutating func find(_ reference: String, at pointer: String) throws(GuidedError) -> Int {
    guard reference.utf8.first == UInt8(ascii: "#") else {
      throw .unsupportedKeyword(
        keyword: "$ref", pointer: pointer,
        reason: "\"\(reference.prefix(80))\" leads out of the schema; put what it means under $defs")
    }
    let path = String(decoding: try percentDecoded(reference.utf8.dropFirst(), at: pointer), as: UTF8.self)
    guard path.isEmpty || path.utf8.first == UInt8(ascii: "/") else {
      throw .unsupportedKeyword(
        keyword: "$ref", pointer: pointer, reason: "\"\(reference.prefix(80))\" is an anchor; use a JSON pointer")
    }
    var schema = document
    var behind: [UInt8] = []
    for step in path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
      guard let key = Self.unescaped(step) else {
        throw .invalidSchema(pointer: pointer, problem: "a $ref with a '~' that is no escape")
      }
      var next: JSONValue?
      switch schema {
      case .object(let object): next = try members(of: object, at: behind)[Array(key.utf8)]
      case .array(let elements):
        if let index = Self.index(key), elements.indices.contains(index) { next = elements[index] }
      default: break
      }
      guard let next else {
        throw .invalidSchema(pointer: pointer, problem: "$ref \"\(reference.prefix(80))\" leads nowhere")
      }
      schema = next
      behind += [UInt8(ascii: "/")] + step
    }
    return try location(schema, path)
  }

  /// The members of the object at `pointer` by their keys: to look for each of many would take the square of their number.
  private mutating func members(
    of object: JSONObject, at pointer: [UInt8]
  ) throws(GuidedError) -> [[UInt8]: JSONValue] {
    try builder.budget.spend(1 + pointer.count / 16)
    if let known = membersOfPointer[pointer] { return known }
    try checkKeys(of: object, "key", at: String(decoding: pointer, as: UTF8.self))
    var members: [[UInt8]: JSONValue] = [:]
    for member in object.members { members[Array(member.key.utf8)] = member.value }
    membersOfPointer[pointer] = members
    return members
  }

  private func percentDecoded(
    _ bytes: some Sequence<UInt8>, at pointer: String
  ) throws(GuidedError) -> [UInt8] {
    let bytes = Array(bytes)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%") {
        guard index + 2 < bytes.count,
          let high = Self.digit(bytes[index + 1]), let low = Self.digit(bytes[index + 2])
        else { throw .invalidSchema(pointer: pointer, problem: "a $ref with a '%' that is no escape") }
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result
  }

  /// The value of a hexadecimal digit.
  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }

  /// The index that a step of a JSON pointer means: digits, without zeros before them (RFC 6901, 4).
  private static func index(_ key: String) -> Int? {
    guard key.utf8.allSatisfy({ (0x30...0x39).contains($0) }), key.utf8.count == 1 || key.utf8.first != 0x30 else {
      return nil
    }
    return Int(key)
  }

  /// One step of a JSON pointer as the key it means (RFC 6901, 4); nil for a '~' without 0 or 1.
  private static func unescaped(_ step: Substring.UTF8View.SubSequence) -> String? {
    var result: [UInt8] = []
    var isEscape = false
    for byte in step {
      if isEscape {
        switch byte {
        case UInt8(ascii: "0"): result.append(UInt8(ascii: "~"))
        case UInt8(ascii: "1"): result.append(UInt8(ascii: "/"))
        default: return nil
        }
        isEscape = false
      } else if byte == UInt8(ascii: "~") {
        isEscape = true
      } else {
        result.append(byte)
      }
    }
    return isEscape ? nil : String(decoding: result, as: UTF8.self)
  }

  /// A step of a JSON pointer for `key`.
  static func escaped(_ key: String) -> String {
    var result: [UInt8] = []
    for byte in key.utf8 {
      switch byte {
      case UInt8(ascii: "~"): result += Array("~0".utf8)
      case UInt8(ascii: "/"): result += Array("~1".utf8)
      default: result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Enters one more level of alternatives inside of alternatives.
  mutating func enter() throws(GuidedError) {
    nesting += 1
    guard nesting <= builder.limits.nesting else {
      throw .tooLarge(what: "schemas refer to each other too deeply", limit: builder.limits.nesting)
    }
    try builder.budget.spend()
  }
}
