/// Something that a part promised and did not keep.
public struct ConformanceViolation: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was broken, in one line.
  public let description: String

  /// Creates a violation.
  public init(_ description: String) { self.description = description }
}

/// A generator whose numbers are a function of its seed, so that what was found can be found again (SplitMix64; Steele,
/// Lea and Flood, OOPSLA 2014).
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Creates a generator.
  public init(seed: UInt64) { state = seed }

  /// The next number.
  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }

  /// A number of `range`.
  public mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}
