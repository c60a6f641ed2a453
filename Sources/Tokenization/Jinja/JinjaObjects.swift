/// An object that may hold values which lead back to itself. The interpreter keeps a list of them and takes them
/// apart when the rendering ends, so that no template can leak memory or build a chain too long to free.
protocol JinjaReclaimable: AnyObject {
  /// Lets go of everything the object holds.
  func reclaim()
}

/// The result of `namespace(...)`: attributes that `set` may change.
final class JinjaNamespace: JinjaReclaimable {
  /// The attributes by name.
  let attributes = JinjaDictionary()

  func reclaim() { attributes.removeAll() }
}

/// The variables of a block of the template.
final class JinjaScope: JinjaReclaimable {
  private var names: [Int] = []
  private var values: [JinjaValue] = []
  /// The scope around this one; nil when that is the outermost level.
  let parent: JinjaScope?
  /// Whether a macro may look into the scope after its block has ended.
  var isCaptured = false

  /// An empty scope.
  init(parent: JinjaScope?) { self.parent = parent }

  /// Sets a variable of this scope.
  func set(_ name: Int, to value: JinjaValue) {
    for index in names.indices where names[index] == name {
      values[index] = value
      return
    }
    names.append(name)
    values.append(value)
  }

  /// The value of `name` in this scope or the nearest one around it that has it.
  func value(of name: Int) -> JinjaValue? {
    var scope: JinjaScope? = self
    while let present = scope {
      for index in present.names.indices where present.names[index] == name { return present.values[index] }
      scope = present.parent
    }
    return nil
  }

  /// Forgets all variables but keeps the room for them.
  func removeAll() {
    names.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
  }

  func reclaim() {
    names = []
    values = []
  }
}

/// A macro, or the body of a `{% call %}`, with the scope that it was defined in.
final class JinjaMacro {
  /// What the template says of the macro.
  let definition: MacroDefinition
  /// The scope that the macro was defined in.
  let scope: JinjaScope?

  init(_ definition: MacroDefinition, scope: JinjaScope?) {
    self.definition = definition
    self.scope = scope
  }
}

/// The result of `cycler(...)`.
final class JinjaCycler {
  /// What is cycled through; never empty.
  let items: [JinjaValue]
  let depth: Int
  /// The place of the present item.
  var position = 0

  init(_ items: [JinjaValue], depth: Int) {
    self.items = items
    self.depth = depth
  }
}

/// The result of `joiner(...)`: nothing when called first, the separator from then on.
final class JinjaJoiner {
  /// What is returned from the second call on.
  let separator: JinjaValue
  /// Whether it was called already.
  var isUsed = false

  init(separator: JinjaValue) { self.separator = separator }
}

/// A sequence that is walked once, item by item.
final class JinjaIterator {
  private enum Source {
    case items([JinjaValue])
    case view(JinjaView)
    case range(JinjaRange)
    case scalars(JinjaString)
    case closure(() throws(TemplateError) -> JinjaValue?)
  }

  private let source: Source
  private var position = 0
  /// One more than the depth of what the iterator holds.
  let depth: Int
  /// The number of items, when it is known without walking.
  let knownCount: Int?

  /// Walks an array.
  init(items: [JinjaValue], depth: Int) {
    source = .items(items)
    self.depth = depth
    knownCount = items.count
  }

  /// Walks a dictionary.
  init(_ view: JinjaView) {
    source = .view(view)
    depth = view.dictionary.depth + 1
    knownCount = view.dictionary.count
  }

  /// Walks a range.
  init(_ range: JinjaRange) {
    source = .range(range)
    depth = 1
    knownCount = range.count
  }

  /// Walks the scalars of a string.
  init(scalarsOf string: JinjaString) {
    source = .scalars(string)
    depth = 1
    knownCount = string.count
  }

  /// Walks what a closure yields until it yields nil.
  init(depth: Int, next: @escaping () throws(TemplateError) -> JinjaValue?) {
    source = .closure(next)
    self.depth = depth
    knownCount = nil
  }

  /// The next item, or nil at the end.
  func next() throws(TemplateError) -> JinjaValue? {
    switch source {
    case .items(let items):
      guard position < items.count else { return nil }
      position += 1
      return items[position - 1]
    case .view(let view):
      guard position < view.dictionary.count else { return nil }
      position += 1
      return view.item(at: position - 1)
    case .range(let range):
      guard position < range.count else { return nil }
      position += 1
      return .int(range[position - 1])
    case .scalars(let string):
      guard position < string.utf8.count else { return nil }
      let start = position
      position += 1
      while position < string.utf8.count, string.utf8[position] & 0xC0 == 0x80 { position += 1 }
      return .string(JinjaString(utf8: string.utf8[start..<position]))
    case .closure(let next): return try next()
    }
  }
}

/// The variable `loop` of a `for`: where the loop is.
final class LoopState: JinjaReclaimable {
  private var source: JinjaIterator
  private var ahead: JinjaValue?
  private var hasLookedAhead = false
  private var total: Int?
  private var current: JinjaValue?
  private(set) var previous: JinjaValue?
  /// The number of items before the present one; -1 before the first.
  private(set) var index0 = -1
  /// How many recursive calls lie around the loop.
  let recursionDepth: Int
  /// The loop's statement and the scope around it, when it may be called to recurse.
  let recursion: (statement: LoopStatement, scope: JinjaScope?)?
  /// What `changed` was called with last.
  var lastChanged: [JinjaValue]?
  let depth: Int

  /// A loop before its first item; `recursion` is given when the loop may call itself.
  init(_ source: JinjaIterator, recursionDepth: Int, recursion: (LoopStatement, JinjaScope?)?) {
    self.source = source
    total = source.knownCount
    self.recursionDepth = recursionDepth
    self.recursion = recursion.map { (statement: $0.0, scope: $0.1) }
    depth = source.depth + 1
  }

  /// Goes on to the next item, or returns nil at the end.
  func advance() throws(TemplateError) -> JinjaValue? {
    let following = hasLookedAhead ? ahead : try source.next()
    hasLookedAhead = false
    ahead = nil
    guard let following else {
      hasLookedAhead = true
      return nil
    }
    index0 += 1
    previous = current
    current = following
    return following
  }

  /// The item after the present one, or nil.
  func peek() throws(TemplateError) -> JinjaValue? {
    if !hasLookedAhead {
      ahead = try source.next()
      hasLookedAhead = true
    }
    return ahead
  }

  /// The number of items; walks the rest of a lazy sequence to count it.
  func length() throws(TemplateError) -> Int {
    if let total { return total }
    var rest: [JinjaValue] = []
    while let item = try source.next() { rest.append(item) }
    let pending = hasLookedAhead && ahead != nil ? 1 : 0
    source = JinjaIterator(items: rest, depth: depth - 1)
    let count = rest.count + index0 + 1 + pending
    total = count
    return count
  }

  func reclaim() {
    source = JinjaIterator(items: [], depth: 0)
    ahead = nil
    current = nil
    previous = nil
    lastChanged = nil
  }
}
