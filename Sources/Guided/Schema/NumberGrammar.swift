extension GrammarBuilder {
  /// A JSON number within bounds. Within bounds numbers have no exponents.
  mutating func number(in bounds: NumberBounds, isInteger: Bool) throws(GuidedError) -> ExpressionID {
    if bounds.lower == nil && bounds.upper == nil {
      let pattern = isInteger ? "-?(0|[1-9][0-9]*)" : "-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?"
      return try add(try node(of: pattern, for: .text), as: .text, isSearch: false)
    }
    let zero = DecimalNumber.zero
    var parts: [ExpressionID] = []
    if bounds.upper == nil || bounds.upper.map({ !($0.value < zero) }) == true {
      var positive = bounds
      positive.raise(to: .init(value: zero, isInclusive: true))
      parts.append(try add(MagnitudeAutomaton(bounds: positive, isInteger: isInteger).automaton(&budget)))
    }
    if bounds.lower == nil || bounds.lower.map({ $0.value < zero }) == true {
      var negative = NumberBounds(lower: bounds.upper?.negated, upper: bounds.lower?.negated)
      // There is no whole number -0 within bounds; other numbers may be -0.0.
      negative.raise(to: .init(value: zero, isInclusive: !isInteger))
      let magnitude = try add(MagnitudeAutomaton(bounds: negative, isInteger: isInteger).automaton(&budget))
      parts.append(try sequence([try literal("-"), magnitude]))
    }
    return try choice(parts)
  }
}

/// Compares the digits of a number that is not negative with two bounds while it is read.
private struct MagnitudeAutomaton {
  enum Order {
    case less, equal, greater
  }

  enum Part {
    case start, zero, integer, point, fraction
  }

  struct State: Hashable {
    var part = Part.start
    /// How many digits of this part were read, as far as it matters.
    var position = 0
    /// How the digits so far compare with those of the bounds.
    var lower = Order.equal
    var upper = Order.equal
    /// How many digits the fraction may still have, if that matters.
    var digitsLeft = 0
  }

  let bounds: NumberBounds
  let isInteger: Bool

  /// More digits than a double has could round to a bound that is itself excluded.
  private static let exactDigitCount = 15

  private var isExclusive: Bool { bounds.lower?.isInclusive == false || bounds.upper?.isInclusive == false }

  private var integerLimit: Int {
    let longest = max(bounds.lower?.value.integer.count ?? 1, bounds.upper?.value.integer.count ?? 1)
    return isInteger || !isExclusive ? longest + 1 : max(longest + 1, Self.exactDigitCount)
  }

  private var fractionLimit: Int {
    max(bounds.lower?.value.fraction.count ?? 0, bounds.upper?.value.fraction.count ?? 0) + 1
  }

  /// The automaton; it has some states for every digit of the bounds.
  func automaton(_ budget: inout WorkBudget) throws(GuidedError) -> ByteAutomaton {
    var places: [State: Int32] = [State(): 0]
    var states = [State()]
    var result = ByteAutomaton(states: [])
    while result.states.count < states.count {
      let state = states[result.states.count]
      var edges: [ByteAutomaton.Edge] = []
      for byte in [0x2E] + Array(UInt8(0x30)...0x39) {
        try budget.spend()
        guard let next = step(state, byte) else { continue }
        let place = places[next] ?? Int32(states.count)
        if Int(place) == states.count {
          places[next] = place
          states.append(next)
        }
        edges.append(.init(low: byte, high: byte, target: place))
      }
      result.states.append(.init(edges: edges, isAccepting: accepts(state)))
    }
    return result.trimmed()
  }

  private func step(_ state: State, _ byte: UInt8) -> State? {
    var next = state
    if byte == 0x2E {
      guard !isInteger, state.part == .zero || state.part == .integer else { return nil }
      if isExclusive, state.position >= Self.exactDigitCount { return nil }
      next.part = .point
      next.lower = order(state.lower, state.position, bounds.lower)
      next.upper = order(state.upper, state.position, bounds.upper)
      next.position = 0
      next.digitsLeft = isExclusive ? Self.exactDigitCount - state.position : 0
      return next
    }
    let digit = byte - 0x30
    switch state.part {
    case .zero: return nil
    case .start, .integer:
      next.part = state.part == .start && digit == 0 ? .zero : .integer
      next.lower = compare(state.lower, digit, bounds.lower?.value.integer, state.position)
      next.upper = compare(state.upper, digit, bounds.upper?.value.integer, state.position)
      next.position = min(state.position + 1, integerLimit)
    case .point, .fraction:
      return fractionStep(state, digit)
    }
    return next
  }

  private func fractionStep(_ state: State, _ digit: UInt8) -> State? {
    if isExclusive, state.digitsLeft == 0 { return nil }
    var next = state
    next.part = .fraction
    next.digitsLeft = max(0, state.digitsLeft - 1)
    next.lower = compare(state.lower, digit, bounds.lower?.value.fraction, state.position)
    next.upper = compare(state.upper, digit, bounds.upper?.value.fraction, state.position)
    next.position = min(state.position + 1, fractionLimit)
    return next
  }

  /// How the digits with one more compare with those of a bound, which ends with zeros.
  private func compare(_ order: Order, _ digit: UInt8, _ digits: [UInt8]?, _ position: Int) -> Order {
    guard order == .equal, let digits else { return order }
    let other = position < digits.count ? digits[position] : 0
    return digit < other ? .less : digit > other ? .greater : .equal
  }

  /// How a whole number of `count` digits compares with that of a bound.
  private func order(_ order: Order, _ count: Int, _ bound: NumberBounds.Bound?) -> Order {
    guard let length = bound?.value.integer.count else { return order }
    return count < length ? .less : count > length ? .greater : order
  }

  private func accepts(_ state: State) -> Bool {
    var lower = state.lower
    var upper = state.upper
    var fractionCount = state.position
    switch state.part {
    case .start, .point: return false
    case .zero, .integer:
      lower = order(lower, state.position, bounds.lower)
      upper = order(upper, state.position, bounds.upper)
      fractionCount = 0
    case .fraction: break
    }
    if let bound = bounds.lower {
      if lower == .equal, fractionCount < bound.value.fraction.count { lower = .less }
      guard lower == .greater || (lower == .equal && bound.isInclusive) else { return false }
    }
    if let bound = bounds.upper {
      if upper == .equal, fractionCount < bound.value.fraction.count { upper = .less }
      guard upper == .less || (upper == .equal && bound.isInclusive) else { return false }
    }
    return true
  }
}
