/// A value that a template works with. The cases are Python's types as far as chat templates meet them.
///
/// Lists, tuples and dictionaries are objects so that `is sameas` can tell them apart, and immutable, as in Jinja's
/// immutable sandbox. Only namespaces, loops, cyclers and iterators change while a template runs.
enum JinjaValue {
  case undefined(UndefinedReason)
  case none
  case bool(Bool)
  case int(Int)
  case float(Double)
  case string(JinjaString)
  case list(JinjaList)
  case tuple(JinjaList)
  case dictionary(JinjaDictionary)
  case view(JinjaView)
  indirect case range(JinjaRange)
  /// A lazy sequence that can be walked once, as a Python generator.
  case iterator(JinjaIterator)
  case namespace(JinjaNamespace)
  case loop(LoopState)
  case macro(JinjaMacro)
  case method(JinjaMethod)
  case function(JinjaFunction)
  case cycler(JinjaCycler)
  case joiner(JinjaJoiner)

  /// An undefined value that says `message` when it is used.
  static func undefined(_ message: String, kind: TemplateError.Kind = .undefined) -> JinjaValue {
    .undefined(UndefinedReason(kind: kind, text: .message(message)))
  }

  /// A string.
  static func text(_ text: String) -> JinjaValue { .string(JinjaString(text)) }

  /// The name of the value's type in Python, for messages.
  var typeName: String {
    switch self {
    case .undefined: "Undefined"
    case .none: "None"
    case .bool: "bool"
    case .int: "int"
    case .float: "float"
    case .string: "str"
    case .list: "list"
    case .tuple: "tuple"
    case .dictionary: "dict"
    case .view(let view): view.part.typeName
    case .range: "range"
    case .iterator: "generator"
    case .namespace: "namespace"
    case .loop: "loop"
    case .macro: "macro"
    case .method, .function: "function"
    case .cycler: "cycler"
    case .joiner: "joiner"
    }
  }

  /// How deep containers nest in the value; objects that may change count as one, because they are taken apart when
  /// the rendering ends.
  var depth: Int {
    switch self {
    case .list(let list), .tuple(let list): list.depth
    case .dictionary(let dictionary): dictionary.depth
    case .view(let view): view.dictionary.depth
    case .iterator(let iterator): iterator.depth
    case .loop(let loop): loop.depth
    case .method(let method): method.receiver.depth + 1
    case .cycler(let cycler): cycler.depth
    case .joiner(let joiner): joiner.separator.depth + 1
    default: 0
    }
  }

  /// Whether the value is undefined.
  var isUndefined: Bool {
    if case .undefined = self { return true }
    return false
  }

  /// Whether the value is Python's None.
  var isNone: Bool {
    if case .none = self { return true }
    return false
  }
}

/// Why a value is undefined; the text is only made when somebody asks.
final class UndefinedReason {
  /// What the message is made of.
  enum Text {
    case name(JinjaString)
    case attribute(JinjaString, ofType: String)
    case item(ofType: String)
    case message(String)
  }

  /// The kind of error that using the value is.
  let kind: TemplateError.Kind
  /// What the message is made of.
  let text: Text

  /// A reason.
  init(kind: TemplateError.Kind = .undefined, text: Text) {
    self.kind = kind
    self.text = text
  }

  /// The reason in words.
  var message: String {
    switch text {
    case .name(let name): "'\(name.text)' is undefined"
    case .attribute(let name, let type): "a value of type \(type) has no attribute '\(name.text)'"
    case .item(let type): "a value of type \(type) has no such item"
    case .message(let message): message
    }
  }
}

/// The items of a list or a tuple.
final class JinjaList {
  /// The items in order.
  let items: [JinjaValue]
  let depth: Int
  /// Whether it is a group of `groupby`, whose items also have the names `grouper` and `list`.
  let isGroup: Bool

  /// `depth` is one more than the deepest item's.
  init(_ items: [JinjaValue], depth: Int, isGroup: Bool = false) {
    self.items = items
    self.depth = depth
    self.isGroup = isGroup
  }
}

/// A range of integers; `count` has been checked against the sandbox's bound.
struct JinjaRange {
  let start: Int
  let stop: Int
  let step: Int
  let count: Int

  /// The integer at a position below `count`.
  subscript(index: Int) -> Int { start + index * step }
}

/// The keys, values or items of a dictionary.
final class JinjaView {
  /// Which part of the dictionary is seen.
  enum Part {
    case keys, values, items

    /// The name of the view's type in Python.
    var typeName: String {
      switch self {
      case .keys: "dict_keys"
      case .values: "dict_values"
      case .items: "dict_items"
      }
    }
  }

  /// Which part of the dictionary is seen.
  let part: Part
  /// The dictionary that is looked into.
  let dictionary: JinjaDictionary

  /// A view of a dictionary.
  init(_ part: Part, of dictionary: JinjaDictionary) {
    self.part = part
    self.dictionary = dictionary
  }

  /// The key, value or pair at a position.
  func item(at index: Int) -> JinjaValue {
    switch part {
    case .keys: dictionary.keys[index]
    case .values: dictionary.values[index]
    case .items:
      .tuple(JinjaList([dictionary.keys[index], dictionary.values[index]], depth: dictionary.depth))
    }
  }
}

/// A string, list, tuple or dictionary together with one of its methods.
final class JinjaMethod {
  /// The object.
  let receiver: JinjaValue
  /// The method.
  let method: AttributeName.Method

  /// Binds a method to its object.
  init(_ receiver: JinjaValue, _ method: AttributeName.Method) {
    self.receiver = receiver
    self.method = method
  }
}

/// The functions that every template can call.
enum JinjaFunction: String, CaseIterable, Sendable {
  case range
  case dict
  case namespace
  case cycler
  case joiner
  case lipsum
  case raiseException = "raise_exception"
  case strftimeNow = "strftime_now"

  /// The cases by their names in templates.
  static let byName: [JinjaString: JinjaFunction] = Dictionary(
    uniqueKeysWithValues: allCases.map { (JinjaString($0.rawValue), $0) })
}
