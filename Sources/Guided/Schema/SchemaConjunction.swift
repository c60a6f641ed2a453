import JSON

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
    var patterns: [(pattern: StringPattern, schema: Int)]
    var additional: Int?
  }

  var types = TypeSet.all
  /// The only values that are allowed, if some are listed.
  var values: ListedValues?
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

  /// How much is copied, about, where it is taken along and changed.
  var size: Int {
    2 * required.count + patterns.count + arrays.count + objects.count + names.count + (values?.elements.count ?? 0)
  }

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
  /// Its number among those of the schema.
  var number: Int
  var node: RegexNode
  /// Whether it may match anywhere in the string.
  var isSearch: Bool
  /// Whether it is a format's, of which not every spelling is generated.
  var isFormat: Bool
}

/// One of the two languages of a pattern.
struct PatternReading: Hashable {
  /// The number of the pattern.
  var pattern: Int
  var dialects: Dialects
}

/// Values that a schema lists.
struct ListedValues {
  /// The values; those that are equal for JSON schema have the same number.
  private(set) var elements: [(value: JSONValue, number: Int)]
  private var numbers: Set<Int>

  init(_ elements: [(value: JSONValue, number: Int)]) {
    self.elements = elements
    numbers = Set(elements.map(\.number))
  }

  /// Whether the value with this number is listed.
  func contains(_ number: Int) -> Bool { numbers.contains(number) }

  /// Those that are also in `other`.
  func intersection(_ other: ListedValues) -> ListedValues {
    ListedValues(elements.filter { other.contains($0.number) })
  }
}
