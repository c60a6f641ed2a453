/// The numbers that a schema allows.
struct NumberBounds: Sendable {
  struct Bound: Sendable {
    var value: DecimalNumber
    var isInclusive: Bool

    var negated: Bound { Bound(value: value.negated, isInclusive: isInclusive) }
  }

  var lower: Bound?
  var upper: Bound?

  /// Allows only what is also allowed above `bound`.
  mutating func raise(to bound: Bound) {
    guard let lower else {
      self.lower = bound
      return
    }
    if lower.value < bound.value || (!(bound.value < lower.value) && !bound.isInclusive) { self.lower = bound }
  }

  /// Allows only what is also allowed below `bound`.
  mutating func lowerTop(to bound: Bound) {
    guard let upper else {
      self.upper = bound
      return
    }
    if bound.value < upper.value || (!(upper.value < bound.value) && !bound.isInclusive) { self.upper = bound }
  }

  /// Whether a number is allowed.
  func contains(_ number: DecimalNumber) -> Bool {
    if let lower, number < lower.value || (!lower.isInclusive && !(lower.value < number)) { return false }
    if let upper, upper.value < number || (!upper.isInclusive && !(number < upper.value)) { return false }
    return true
  }

  /// Whether no number can be in both.
  func isDisjoint(with other: NumberBounds) -> Bool {
    var both = self
    if let lower = other.lower { both.raise(to: lower) }
    if let upper = other.upper { both.lowerTop(to: upper) }
    guard let lower = both.lower, let upper = both.upper else { return false }
    return upper.value < lower.value
      || (!(lower.value < upper.value) && !(lower.isInclusive && upper.isInclusive))
  }
}
