/// What is left of the work that compiling may cost.
struct WorkBudget {
  private var left: Int
  private let limit: Int

  init(limit: Int) {
    left = limit
    self.limit = limit
  }

  /// What was taken.
  var spent: Int { limit - left }

  /// Takes `amount` from what is left.
  ///
  /// - Throws: ``GuidedError/tooLarge(what:limit:)`` if nothing is left.
  @inline(__always)
  mutating func spend(_ amount: Int = 1) throws(GuidedError) {
    left &-= amount
    if left < 0 { throw .tooLarge(what: "compiling it takes too many steps", limit: limit) }
  }
}
