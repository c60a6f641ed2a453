/// One rendering of a template: the variables, the text so far, and what has been used of the limits.
final class JinjaInterpreter {
  /// The names that variables are known by.
  let symbols: [JinjaString]
  /// What the rendering may use.
  let limits: TemplateLimits
  /// What `strftime_now` reads.
  let clock: TemplateClock
  /// The variables outside of all loops and macros, by index of their name.
  var rootValues: [JinjaValue?]
  /// The innermost scope; nil at the outermost level.
  var scope: JinjaScope?
  /// What the present template, macro or capturing tag has rendered.
  var output: [UInt8] = []
  /// The line of the statement or operation at work, for errors.
  var line = 1
  private var steps = 0
  private var allocated = 0
  private var depth = 0
  private var reclaimables: [any JinjaReclaimable] = []
  /// The index of the name `loop`, when the template mentions it.
  private let loopSymbol: Int?

  /// Prepares a rendering; `rootValues` has one entry for every symbol.
  init(
    symbols: [JinjaString], loopSymbol: Int?, rootValues: [JinjaValue?], limits: TemplateLimits, clock: TemplateClock
  ) {
    self.symbols = symbols
    self.loopSymbol = loopSymbol
    self.rootValues = rootValues
    self.limits = limits
    self.clock = clock
  }

  /// Renders `body`, and takes everything apart that could refer to itself.
  func run(_ body: [JinjaStatement]) throws(TemplateError) -> String {
    defer {
      for object in reclaimables { object.reclaim() }
      reclaimables = []
      rootValues = []
      scope = nil
    }
    _ = try execute(body)
    return String(decoding: output, as: UTF8.self)
  }

  // MARK: Errors and limits

  /// An error at the present line.
  func failure(_ kind: TemplateError.Kind, _ message: String) -> TemplateError {
    TemplateError(kind: kind, message: message, line: line)
  }

  /// A mistake in the values, as Python's TypeError and ValueError.
  func bad(_ message: String) -> TemplateError { failure(.value, message) }

  /// The refusal of something that Jinja or Python has and this engine does not.
  func unsupported(_ message: String) -> TemplateError { failure(.unsupported, message) }

  /// The error of using an undefined value for something.
  func undefined(_ reason: UndefinedReason) -> TemplateError { failure(reason.kind, reason.message) }

  /// Counts steps.
  func charge(_ count: Int = 1) throws(TemplateError) {
    steps &+= count
    if steps > limits.steps { throw failure(.limit, "the rendering takes more than \(limits.steps) steps") }
  }

  /// Counts the work on a string of `count` bytes without a copy.
  func chargeScan(_ count: Int) throws(TemplateError) { try charge(count >> 6) }

  /// Counts a search through `count` bytes.
  func chargeSearch(_ count: Int) throws(TemplateError) { try charge(count >> 4) }

  /// Counts a string of `count` bytes that is about to be made, and refuses one that is too large.
  func chargeString(_ count: Int) throws(TemplateError) {
    guard count <= limits.outputBytes else {
      throw failure(.limit, "a string would be larger than \(limits.outputBytes) bytes")
    }
    try chargeMemory(count)
    try charge(count >> 6)
  }

  /// Counts a list or the like of `count` items that is about to be made.
  func chargeItems(_ count: Int) throws(TemplateError) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: 24)
    guard !overflow, bytes <= limits.allocatedBytes else {
      throw failure(.limit, "a list would have \(count) items, which is too many")
    }
    try chargeMemory(bytes + 64)
    try charge(count >> 3)
  }

  private func chargeMemory(_ bytes: Int) throws(TemplateError) {
    allocated &+= bytes
    guard allocated <= limits.allocatedBytes else {
      throw failure(.limit, "the rendering makes more than \(limits.allocatedBytes) bytes of strings and lists")
    }
  }

  /// Enters one more level of evaluation; every call is paired with one of `leave`.
  @inline(__always)
  func enter() throws(TemplateError) {
    depth += 1
    steps &+= 1
    if depth > limits.depth || steps > limits.steps { try refuseLevel() }
  }

  /// Leaves the level that `enter` entered.
  @inline(__always)
  func leave() { depth -= 1 }

  private func refuseLevel() throws(TemplateError) {
    guard depth <= limits.depth else {
      throw failure(.limit, "expressions, tags and macro calls nest deeper than \(limits.depth) levels")
    }
    try charge(0)
  }

  /// Remembers an object that must be taken apart at the end.
  func register(_ object: any JinjaReclaimable) throws(TemplateError) {
    try chargeItems(8)
    reclaimables.append(object)
  }

  // MARK: Values with bounds

  /// A list, charged and checked for its depth.
  func makeList(_ items: [JinjaValue]) throws(TemplateError) -> JinjaValue {
    .list(JinjaList(items, depth: try nestedDepth(items)))
  }

  /// A tuple, charged and checked for its depth.
  func makeTuple(_ items: [JinjaValue]) throws(TemplateError) -> JinjaValue {
    .tuple(JinjaList(items, depth: try nestedDepth(items)))
  }

  /// One more than the depth of the deepest of `values`, which is also charged for a list of them.
  func nestedDepth(_ values: [JinjaValue]) throws(TemplateError) -> Int {
    try chargeItems(values.count)
    var depth = 0
    for value in values { depth = max(depth, value.depth) }
    return try checkedDepth(depth + 1)
  }

  /// Refuses values that nest too deep.
  func checkedDepth(_ depth: Int) throws(TemplateError) -> Int {
    guard depth <= TemplateLimits.valueDepth else {
      throw failure(.limit, "values nest in each other deeper than \(TemplateLimits.valueDepth) levels")
    }
    return depth
  }

  /// A value as a key of dictionaries and sets; nil for values that cannot be keys, such as lists. It is counted as what it takes
  /// to write it out: a tuple may hold another one many times.
  func key(_ value: JinjaValue) throws(TemplateError) -> JinjaDictionary.Key? {
    switch value {
    case .tuple(let tuple):
      try chargeItems(tuple.items.count)
      var keys: [JinjaDictionary.Key] = []
      for item in tuple.items {
        guard let key = try key(item) else { return nil }
        keys.append(key)
      }
      return .tuple(keys)
    case .string(let string):
      try chargeScan(string.utf8.count)
      return .string(string)
    default: return JinjaDictionary.Key(value)
    }
  }

  /// Sets an item of a dictionary that is being built.
  func set(
    _ dictionary: JinjaDictionary, _ key: JinjaValue, to value: JinjaValue
  ) throws(TemplateError) {
    guard let hashed = try self.key(key) else { throw bad("a \(key.typeName) cannot be a dictionary key") }
    try chargeItems(4)
    dictionary.set(key, hashed, to: value)
    _ = try checkedDepth(dictionary.depth)
  }

  // MARK: Variables

  /// The value of a variable, undefined when it has none.
  func value(of name: Int) -> JinjaValue {
    if let value = scope?.value(of: name) ?? rootValues[name] { return value }
    return .undefined(UndefinedReason(text: .name(symbols[name])))
  }

  /// Sets a variable in the innermost scope.
  func setVariable(_ name: Int, to value: JinjaValue) {
    if let scope {
      scope.set(name, to: value)
    } else {
      rootValues[name] = value
    }
  }

  /// Assigns `value` to a target, taking it apart for several names.
  func assign(_ target: AssignmentTarget, _ value: JinjaValue) throws(TemplateError) {
    switch target {
    case .name(let name): setVariable(name, to: value)
    case .namespaceAttribute(let name, let attribute):
      let namespace = try namespace(name)
      guard attribute.utf8.first != UInt8(ascii: "_") else {
        throw failure(.security, "a namespace cannot hold the name '\(attribute.text)', which begins with '_'")
      }
      try chargeItems(4)
      _ = try checkedDepth(value.depth + 1)
      namespace.attributes.set(attribute, to: value)
    case .tuple(let targets):
      let items = try items(of: value, atMost: targets.count)
      guard items.count == targets.count else {
        throw bad("cannot unpack \(items.count) items into \(targets.count) names")
      }
      for (target, item) in zip(targets, items) { try assign(target, item) }
    }
  }

  private func namespace(_ name: Int) throws(TemplateError) -> JinjaNamespace {
    guard case .namespace(let namespace) = value(of: name) else {
      throw bad("'\(symbols[name].text)' is not a namespace, so its attributes cannot be set")
    }
    return namespace
  }

  /// Jinja looks at every namespace of a target before it computes the value.
  func checkNamespaces(_ target: AssignmentTarget) throws(TemplateError) {
    switch target {
    case .name: break
    case .namespaceAttribute(let name, _): _ = try namespace(name)
    case .tuple(let targets): for target in targets { try checkNamespaces(target) }
    }
  }

  /// Runs `body` in a scope of its own.
  func withScope<Result>(
    _ inner: JinjaScope, _ body: () throws(TemplateError) -> Result
  ) throws(TemplateError) -> Result {
    let outer = scope
    scope = inner
    defer { scope = outer }
    return try body()
  }

  /// Marks the present scope and those around it as visible to a macro.
  func captureScope() throws(TemplateError) {
    var present = scope
    while let scope = present, !scope.isCaptured {
      scope.isCaptured = true
      try register(scope)
      present = scope.parent
    }
  }

  /// Binds `loop` in the present scope.
  func bindLoop(_ loop: LoopState) {
    if let loopSymbol { scope?.set(loopSymbol, to: .loop(loop)) }
  }
}
