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
