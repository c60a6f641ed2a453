/// Attributes, items, slices and iteration.
extension JinjaInterpreter {
  /// `value.name`: the attribute, else the item, as the sandbox's `getattr`.
  func attribute(_ name: AttributeName, of value: JinjaValue) throws(TemplateError) -> JinjaValue {
    if case .dictionary(let dictionary) = value, name.dictionary == nil {
      if let item = dictionary.value(of: name.text) { return item }
    } else if let own = try ownAttribute(name, of: value) {
      return own
    }
    return .undefined(UndefinedReason(text: .attribute(name.text, ofType: value.typeName)))
  }

  /// What Python's `getattr` would give, or nil; methods that change their object are undefined, as the sandbox
  /// makes them.
  func ownAttribute(_ name: AttributeName, of value: JinjaValue) throws(TemplateError) -> JinjaValue? {
    if name.isInternal {
      if case .undefined(let reason) = value { throw undefined(reason) }
      return .undefined("the attribute '\(name.text.text)' is internal to Python", kind: .security)
    }
    switch value {
    case .undefined(let reason): throw undefined(reason)
    case .string: return name.string.map { .method(JinjaMethod(value, .string($0))) }
    case .list:
      guard let method = name.list else { return nil }
      return method.isMutating ? denied(name, of: value) : .method(JinjaMethod(value, .list(method)))
    case .tuple(let tuple):
      if tuple.isGroup {
        if name.text == "grouper" { return tuple.items.first }
        if name.text == "list" { return tuple.items.last }
      }
      guard let method = name.list, method == .index || method == .count else { return nil }
      return .method(JinjaMethod(value, .tuple(method)))
    case .dictionary:
      guard let method = name.dictionary else { return nil }
      return method.isMutating ? denied(name, of: value) : .method(JinjaMethod(value, .dictionary(method)))
    case .namespace(let namespace): return namespace.attributes.value(of: name.text)
    case .loop(let loop): return try attribute(name.text, of: loop)
    case .cycler(let cycler):
      if name.text == "current" { return cycler.items[cycler.position] }
      if name.text == "next" { return .method(JinjaMethod(value, .cycler(.next))) }
      return name.text == "reset" ? .method(JinjaMethod(value, .cycler(.reset))) : nil
    case .macro(let macro):
      if name.text == "name" { return macro.definition.name.map { .string($0) } ?? JinjaValue.none }
      throw unsupported("attributes of macros other than 'name' are not supported")
    case .range(let range):
      if name.text == "start" { return .int(range.start) }
      if name.text == "stop" { return .int(range.stop) }
      return name.text == "step" ? .int(range.step) : nil
    case .int, .float, .bool:
      guard Self.numberAttributes.contains(name.text) else { return nil }
      throw unsupported("the attribute '\(name.text.text)' of numbers is not supported")
    default: return nil
    }
  }

  private static let numberAttributes: Set<JinjaString> = [
    "real", "imag", "numerator", "denominator", "conjugate", "bit_length", "bit_count", "to_bytes", "from_bytes",
    "as_integer_ratio", "is_integer", "hex", "fromhex",
  ]

  private func denied(_ name: AttributeName, of value: JinjaValue) -> JinjaValue {
    .undefined(
      "'\(name.text.text)' would change a \(value.typeName), which templates may not do", kind: .security)
  }

  private func attribute(_ name: JinjaString, of loop: LoopState) throws(TemplateError) -> JinjaValue? {
    guard let attribute = LoopAttribute.byName[name] else { return nil }
    switch attribute {
    case .index: return .int(loop.index0 + 1)
    case .index0: return .int(loop.index0)
    case .first: return .bool(loop.index0 == 0)
    case .last: return .bool(try loop.peek() == nil)
    case .length: return .int(try loop.length())
    case .revindex: return .int(try loop.length() - loop.index0)
    case .revindex0: return .int(try loop.length() - loop.index0 - 1)
    case .depth: return .int(loop.recursionDepth + 1)
    case .depth0: return .int(loop.recursionDepth)
    case .previtem:
      if loop.index0 == 0 { return .undefined("there is no previous item") }
      return loop.previous ?? .undefined("there is no previous item")
    case .nextitem: return try loop.peek() ?? .undefined("there is no next item")
    case .cycle, .changed: return .method(JinjaMethod(.loop(loop), .loop(attribute)))
    }
  }

  /// `value[key]`: the item, else the attribute when the key is a string, as the sandbox's `getitem`.
  func item(_ key: JinjaValue, of value: JinjaValue) throws(TemplateError) -> JinjaValue {
    if let found = try plainItem(key, of: value) { return found }
    if case .string(let name) = key, let own = try ownAttribute(AttributeName(name), of: value) { return own }
    if case .string(let name) = key {
      return .undefined(UndefinedReason(text: .attribute(name, ofType: value.typeName)))
    }
    return .undefined(UndefinedReason(text: .item(ofType: value.typeName)))
  }

  private func plainItem(_ key: JinjaValue, of value: JinjaValue) throws(TemplateError) -> JinjaValue? {
    switch value {
    case .undefined(let reason): throw undefined(reason)
    case .dictionary(let dictionary):
      if case .string(let name) = key {
        try chargeScan(name.utf8.count)
        return dictionary.value(of: name)
      }
      return try self.key(key).flatMap { dictionary.value(of: $0) }
    case .list(let list), .tuple(let list):
      guard let index = integer(key).flatMap({ Self.position($0, count: list.items.count) }) else { return nil }
      return list.items[index]
    case .string(let string):
      guard let index = integer(key) else { return nil }
      try chargeScan(string.utf8.count)
      let position = index >= 0 ? index : string.count + index
      return string.scalar(at: position).map { .string(JinjaString(utf8: $0)) }
    case .range(let range):
      guard let index = integer(key).flatMap({ Self.position($0, count: range.count) }) else { return nil }
      return .int(range[index])
    default: return nil
    }
  }

  /// The integer that a value is in Python, where `true` is 1, or nil.
  func integer(_ value: JinjaValue) -> Int? {
    switch value {
    case .int(let value): value
    case .bool(let flag): flag ? 1 : 0
    default: nil
    }
  }

  /// The position that a Python index means among `count` items, or nil outside of them.
  static func position(_ index: Int, count: Int) -> Int? {
    let position = index < 0 ? index + count : index
    return position >= 0 && position < count ? position : nil
  }

  // MARK: Slices

  /// `value[start:stop:step]`; bounds that are none are open.
  func slice(
    _ value: JinjaValue, _ start: JinjaValue, _ stop: JinjaValue, _ step: JinjaValue
  ) throws(TemplateError) -> JinjaValue {
    switch value {
    case .list(let list):
      return try makeList(try selected(try positions(start, stop, step, list.items.count), list.items))
    case .tuple(let list):
      return try makeTuple(try selected(try positions(start, stop, step, list.items.count), list.items))
    case .string(let string):
      try chargeString(string.utf8.count)
      if string.isASCII {
        let range = try positions(start, stop, step, string.utf8.count)
        if range.step == 1 {
          return .string(JinjaString(utf8: string.utf8[range.start..<(range.start + range.count)]))
        }
        var bytes: [UInt8] = []
        for index in 0..<range.count { bytes.append(string.utf8[range[index]]) }
        return .string(JinjaString(utf8: bytes))
      }
      let scalars = string.scalars
      let range = try positions(start, stop, step, scalars.count)
      var bytes: [UInt8] = []
      for index in 0..<range.count { bytes.append(scalar: scalars[range[index]]) }
      return .string(JinjaString(utf8: bytes))
    case .range(let range):
      let part = try positions(start, stop, step, range.count)
      let (step, overflow) = range.step.multipliedReportingOverflow(by: part.step)
      let first = part.count > 0 ? range[part.start] : range.start
      let (stop, passes) = first.addingReportingOverflow(step &* part.count)
      guard !overflow, !passes else { throw bad("the slice's step is too large") }
      return .range(JinjaRange(start: first, stop: stop, step: step, count: part.count))
    case .undefined(let reason): throw undefined(reason)
    default: throw bad("a \(value.typeName) cannot be sliced")
    }
  }

  private func selected(_ range: JinjaRange, _ items: [JinjaValue]) throws(TemplateError) -> [JinjaValue] {
    if range.step == 1 { return Array(items[range.start..<(range.start + range.count)]) }
    var result: [JinjaValue] = []
    for index in 0..<range.count { result.append(items[range[index]]) }
    return result
  }

  /// The positions that a Python slice takes out of `count` items.
  private func positions(
    _ start: JinjaValue, _ stop: JinjaValue, _ step: JinjaValue, _ count: Int
  ) throws(TemplateError) -> JinjaRange {
    let stepValue = try bound(step) ?? 1
    guard stepValue != 0 else { throw bad("a slice's step cannot be 0") }
    let isForward = stepValue > 0
    let lowest = isForward ? 0 : -1
    let highest = isForward ? count : count - 1
    func clamped(_ value: Int?, _ fallback: Int) -> Int {
      guard let value else { return fallback }
      let position = value < 0 ? (value < -count ? lowest : value + count) : value
      return min(max(position, lowest), highest)
    }
    let first = clamped(try bound(start), isForward ? lowest : highest)
    let last = clamped(try bound(stop), isForward ? highest : lowest)
    let distance = isForward ? last - first : first - last
    guard distance > 0 else { return JinjaRange(start: 0, stop: 0, step: 1, count: 0) }
    let stride = Int(clamping: stepValue.magnitude)
    let taken = (distance - 1) / stride + 1
    let effective = taken == 1 ? 1 : stepValue
    return JinjaRange(start: first, stop: last, step: effective, count: taken)
  }

  private func bound(_ value: JinjaValue) throws(TemplateError) -> Int? {
    if value.isNone { return nil }
    if case .undefined(let reason) = value { throw undefined(reason) }
    guard let bound = integer(value) else { throw bad("a slice's bound is a \(value.typeName)") }
    return bound
  }

  // MARK: Iteration

  /// Walks a value as Python's `iter` does.
  func iterator(over value: JinjaValue) throws(TemplateError) -> JinjaIterator {
    switch value {
    case .undefined: return JinjaIterator(items: [], depth: 1)
    case .list(let list), .tuple(let list):
      return JinjaIterator(items: list.items, depth: try checkedDepth(list.depth + 1))
    case .dictionary(let dictionary): return JinjaIterator(JinjaView(.keys, of: dictionary))
    case .view(let view): return JinjaIterator(view)
    case .range(let range): return JinjaIterator(range)
    case .string(let string): return JinjaIterator(scalarsOf: string)
    case .iterator(let iterator): return iterator
    case .loop(let loop):
      return JinjaIterator(depth: try checkedDepth(loop.depth + 1)) {
        [self] () throws(TemplateError) -> JinjaValue? in
        guard let item = try loop.advance() else { return nil }
        return try makeTuple([item, .loop(loop)])
      }
    default: throw bad("a \(value.typeName) cannot be iterated")
    }
  }

  /// All items of an iterable value; with `atMost`, no more than one beyond that number.
  func items(of value: JinjaValue, atMost limit: Int = .max) throws(TemplateError) -> [JinjaValue] {
    switch value {
    case .list(let list), .tuple(let list):
      try chargeItems(list.items.count)
      return list.items
    default: break
    }
    let iterator = try iterator(over: value)
    if let count = iterator.knownCount { try chargeItems(count) }
    var items: [JinjaValue] = []
    while items.count <= limit, let item = try iterator.next() {
      try chargeItems(1)
      items.append(item)
    }
    return items
  }
}
