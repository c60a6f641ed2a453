/// An attribute as the template writes it, with what it may stand for already looked up.
struct AttributeName: Sendable {
  /// A method of one of the types that have them.
  enum Method: Sendable, Equatable {
    case string(StringMethod)
    case list(ListMethod)
    case tuple(ListMethod)
    case dictionary(DictionaryMethod)
    case loop(LoopAttribute)
    case cycler(CyclerMethod)
  }

  /// The name itself.
  let text: JinjaString
  /// The method of strings that has the name, if there is one.
  let string: StringMethod?
  /// The same for lists and tuples.
  let list: ListMethod?
  /// The same for dictionaries.
  let dictionary: DictionaryMethod?

  /// Looks the name up.
  init(_ text: JinjaString) {
    self.text = text
    string = StringMethod.byName[text]
    list = ListMethod.byName[text]
    dictionary = DictionaryMethod.byName[text]
  }

  /// Whether the name is one that Python keeps for itself, which the sandbox never hands out.
  var isInternal: Bool { text.utf8.starts(with: [UInt8(ascii: "_"), UInt8(ascii: "_")]) }
}

/// The methods of strings. The last line has those that exist in Python and are refused here by name.
enum StringMethod: String, CaseIterable, Sendable {
  case strip, lstrip, rstrip, split, rsplit, splitlines, startswith, endswith
  case upper, lower, title, capitalize, swapcase, casefold, replace, join, find, rfind, index, rindex, count
  case isdigit, isalpha, isalnum, isspace, isupper, islower, isdecimal, isnumeric, isascii, istitle, isidentifier
  case isprintable, format, zfill, center, ljust, rjust, removeprefix, removesuffix, partition, rpartition
  case encode, translate, maketrans, expandtabs
  case formatMap = "format_map"

  /// The cases by their names in templates.
  static let byName = Dictionary(uniqueKeysWithValues: allCases.map { (JinjaString($0.rawValue), $0) })
}

/// The methods of lists; tuples have `index` and `count`. From `append` on they would change the list, which the
/// sandbox denies.
enum ListMethod: String, CaseIterable, Sendable {
  case index, count, copy
  case append, clear, pop, reverse, insert, sort, extend, remove

  /// The cases by their names in templates.
  static let byName = Dictionary(uniqueKeysWithValues: allCases.map { (JinjaString($0.rawValue), $0) })

  /// Whether the method would change its object.
  var isMutating: Bool {
    switch self {
    case .index, .count, .copy: false
    default: true
    }
  }
}

/// The methods of dictionaries. From `clear` on they would change it, which the sandbox denies.
enum DictionaryMethod: String, CaseIterable, Sendable {
  case items, keys, values, get, copy, fromkeys
  case clear, pop, popitem, setdefault, update

  /// The cases by their names in templates.
  static let byName = Dictionary(uniqueKeysWithValues: allCases.map { (JinjaString($0.rawValue), $0) })

  /// Whether the method would change its object.
  var isMutating: Bool {
    switch self {
    case .clear, .pop, .popitem, .setdefault, .update: true
    default: false
    }
  }
}

/// The attributes of the variable `loop`; the last two are methods.
enum LoopAttribute: String, CaseIterable, Sendable {
  case index, index0, first, last, length, revindex, revindex0, depth, depth0, previtem, nextitem
  case cycle, changed

  /// The cases by their names in templates.
  static let byName = Dictionary(uniqueKeysWithValues: allCases.map { (JinjaString($0.rawValue), $0) })
}

/// The methods of a cycler.
enum CyclerMethod: Sendable { case next, reset }
