#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How values become places along an axis.
package struct PlotScale: Sendable, Equatable {
  /// How places grow with values.
  package enum Kind: Sendable {
    /// From zero on.
    case linear
    /// Equal steps for equal ratios; values are positive.
    case logarithmic
  }

  package let kind: Kind
  /// The values at both ends of the axis; the first is the smaller.
  package let domain: (low: Double, high: Double)
  /// The values that are written at the axis, ascending, all within ``domain``.
  package let ticks: [Double]
  private let start: Double
  private let length: Double

  package static func == (a: PlotScale, b: PlotScale) -> Bool {
    a.kind == b.kind && a.domain == b.domain && a.ticks == b.ticks && a.start == b.start && a.length == b.length
  }

  /// A scale that shows all of `values`.
  ///
  /// - Parameters:
  ///   - places: the places of the smallest and of the largest value; the first may be the larger, as for a vertical axis.
  ///   - ticks: what is written at the axis; nil for round numbers.
  package init(_ kind: Kind, values: [Double], places: (Double, Double), ticks: [Double]? = nil) {
    self.kind = kind
    start = places.0
    length = places.1 - places.0
    let usable = values.filter { $0.isFinite && (kind == .linear || $0 > 0) }
    switch kind {
    case .linear:
      let step = Self.step(upTo: max(usable.max() ?? 0, 0))
      let count = max(1, ((usable.max() ?? 0) / step).rounded(.up))
      domain = (0, step * count)
      self.ticks = ticks ?? (0...Int(count)).map { Double($0) * step }
    case .logarithmic:
      let (least, most) = (usable.min() ?? 1, usable.max() ?? 1)
      if let ticks, let first = ticks.first, let last = ticks.last {
        // A little room at both ends, so that no point lies on an axis.
        let margin = pow(max(last / first, 2), 0.04)
        domain = (min(least, first) / margin, max(most, last) * margin)
        self.ticks = ticks
      } else {
        let round = Self.roundNumbers(from: least, to: most)
        domain = (round[0], round[round.count - 1])
        self.ticks = round
      }
    }
  }

  /// The place of a value; a value beyond an end is put there.
  package func place(_ value: Double) -> Double {
    let share =
      switch kind {
      case .linear: (value - domain.low) / (domain.high - domain.low)
      case .logarithmic: log(max(value, domain.low) / domain.low) / log(domain.high / domain.low)
      }
    return start + length * (share.isFinite ? min(max(share, 0), 1) : 0)
  }

  /// A step of 1, 2 or 5 times a power of ten of which four to ten reach `most`.
  static func step(upTo most: Double) -> Double {
    guard most > 0, most.isFinite else { return 1 }
    let power = pow(10, floor(log10(most)))
    let lead = most / power
    return power * (lead <= 2 ? 0.5 : lead <= 5 ? 1 : 2)
  }

  /// Numbers of the form 1, 2, 5 times a power of ten: at least two, the first not above `least`, the last not below
  /// `most`; powers of ten only where there would be too many.
  static func roundNumbers(from least: Double, to most: Double) -> [Double] {
    let first = Int(floor(log10(least)))
    let last = max(first + 1, Int(ceil(log10(most))))
    let isWide = last - first > 3
    let all = (first...last).flatMap { exponent in
      (isWide ? [1.0] : [1, 2, 5]).map { $0 * pow(10, Double(exponent)) }
    }
    let low = all.lastIndex { $0 <= least * 1.000001 } ?? 0
    let high = all.firstIndex { $0 >= most * 0.999999 } ?? all.count - 1
    return Array(all[min(low, high)...max(high, min(low, high) + 1)])
  }
}
