import JSON

/// The types of JSON values, of which numbers may be whole numbers only.
struct TypeSet: OptionSet, Hashable {
  let rawValue: UInt8

  static let null = TypeSet(rawValue: 1)
  static let boolean = TypeSet(rawValue: 2)
  static let integer = TypeSet(rawValue: 4)
  /// Numbers that are not whole.
  static let fraction = TypeSet(rawValue: 8)
  static let string = TypeSet(rawValue: 16)
  static let array = TypeSet(rawValue: 32)
  static let object = TypeSet(rawValue: 64)
  static let all = TypeSet(rawValue: 127)

  /// The type that a schema calls `name`; nil if there is none.
  init?(name: String) {
    switch name {
    case "null": self = .null
    case "boolean": self = .boolean
    case "integer": self = .integer
    case "number": self = [.integer, .fraction]
    case "string": self = .string
    case "array": self = .array
    case "object": self = .object
    default: return nil
    }
  }

  init(rawValue: UInt8) { self.rawValue = rawValue }

  /// The type of a value.
  init(of value: JSONValue) {
    switch value {
    case .null: self = .null
    case .bool: self = .boolean
    case .integer: self = .integer
    case .number(let number): self = number == number.rounded() ? .integer : .fraction
    case .string: self = .string
    case .array: self = .array
    case .object: self = .object
    }
  }
}

/// Schemas that must all hold, by their places in a ``SchemaCompiler``.
typealias SchemaList = [Int]

/// One way in which schemas can hold together, without alternatives: what they say about each type.
struct SchemaConjunction {
  /// What one schema says about the elements of arrays.
  struct ArrayRule {
    var prefix: [Int]
    var rest: Int?
  }

  /// What one schema says about the members of objects.
  struct ObjectRule {
    var properties: [(key: String, schema: Int)]
    /// The schemas of ``properties`` by the bytes of their keys.
    var schemaOfKey: [[UInt8]: Int] = [:]
    var patterns: [(pattern: ByteAutomaton, schema: Int)]
    var additional: Int?
  }

  var types = TypeSet.all
  /// The only values that are allowed, if some are listed.
  var values: [JSONValue]?
  var numbers = NumberBounds()
  /// Patterns and formats that the string must match, as they stand between the quotation marks.
  var patterns: [StringPattern] = []
  var lengths = CountRange()
  var arrays: [ArrayRule] = []
  var elementCounts = CountRange()
  var objects: [ObjectRule] = []
  var required: [String] = []
  /// The bytes of ``required``.
  private var requiredBytes: Set<[UInt8]> = []
  var memberCounts = CountRange()
  /// What the keys must be.
  var names: [Int] = []
  /// Where some keywords were read that may turn out not to be supported beside others.
  var places: [String: String] = [:]
  /// Where the schema is that says most of it, for messages.
  var pointer = ""

  /// Says that `keyword` is not supported beside others.
  func unsupported(_ keyword: String, _ reason: String) -> GuidedError {
    .unsupportedKeyword(keyword: keyword, pointer: places[keyword] ?? pointer, reason: reason)
  }

  /// Demands the member `key`.
  mutating func require(_ key: String) {
    if requiredBytes.insert(Array(key.utf8)).inserted { required.append(key) }
  }
}

/// A regular expression for a string.
struct StringPattern {
  var node: RegexNode
  /// Whether it may match anywhere in the string.
  var isSearch: Bool
  /// Whether it is a format's, of which not every spelling is generated.
  var isFormat = false
}

/// How many there may be.
struct CountRange: Equatable {
  var minimum = 0
  var maximum: Int?

  /// Whether `count` is allowed.
  func contains(_ count: Int) -> Bool { count >= minimum && count <= maximum ?? .max }

  var isUnbounded: Bool { minimum == 0 && maximum == nil }

  /// Whether no count is in both.
  func isDisjoint(with other: CountRange) -> Bool {
    max(minimum, other.minimum) > min(maximum ?? .max, other.maximum ?? .max)
  }

  mutating func raise(to minimum: Int) { self.minimum = max(self.minimum, minimum) }

  mutating func lowerTop(to maximum: Int) { self.maximum = min(self.maximum ?? .max, maximum) }
}

/// Equality of texts by their bytes.
func sameBytes(_ left: String, _ right: String) -> Bool { left.utf8.elementsEqual(right.utf8) }
