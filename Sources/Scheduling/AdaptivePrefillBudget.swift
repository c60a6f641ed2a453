/// How many tokens of prompts a step may process so that running requests get their next token in time.
///
/// The time of a step is modelled as a base, which running requests cost anyway, and so much per token of a prompt; both
/// are running averages of what was measured, and come in as numbers: there is no clock here. The budget is what the
/// target leaves beyond the base, at least one block, so that prompts never starve, and at most `maximum`.
public struct AdaptivePrefillBudget: Sendable, Equatable {
  /// The inter-token latency to keep, in nanoseconds.
  public let targetNanoseconds: UInt64
  /// The least and the most tokens of prompts per step.
  public let range: ClosedRange<Int>
  /// Nanoseconds of a step without prompts; nil before one was measured.
  public private(set) var baseNanoseconds: Double?
  /// Nanoseconds that a token of a prompt adds to a step; nil before a step with prompts was measured.
  public private(set) var nanosecondsPerToken: Double?

  /// How much a new measurement counts against all earlier ones.
  private static let weight = 0.2

  /// Creates a budget that knows nothing yet.
  public init(targetNanoseconds: UInt64, range: ClosedRange<Int>) {
    precondition(range.lowerBound > 0, "a step must be able to process part of a prompt")
    self.targetNanoseconds = targetNanoseconds
    self.range = range
  }

  /// The tokens of prompts that the next step may process while requests generate. One block until there is something
  /// to go by.
  public var tokenCount: Int {
    guard baseNanoseconds != nil || nanosecondsPerToken != nil else { return range.lowerBound }
    let room = Double(targetNanoseconds) - (baseNanoseconds ?? 0)
    guard room > 0 else { return range.lowerBound }
    guard let nanosecondsPerToken else { return min(range.upperBound, range.lowerBound * 4) }
    guard nanosecondsPerToken > 0 else { return range.upperBound }
    return Int(min(max(room / nanosecondsPerToken, Double(range.lowerBound)), Double(range.upperBound)))
  }

  /// Learns from a step that took `nanoseconds` and processed `prefillTokenCount` tokens of prompts beside the next
  /// tokens of `generationCount` requests.
  public mutating func record(nanoseconds: UInt64, prefillTokenCount: Int, generationCount: Int) {
    let time = Double(nanoseconds)
    if prefillTokenCount == 0 {
      guard generationCount > 0 else { return }
      Self.average(&baseNanoseconds, time)
    } else {
      let base = generationCount > 0 ? baseNanoseconds ?? 0 : 0
      Self.average(&nanosecondsPerToken, max(0, time - base) / Double(prefillTokenCount))
    }
  }

  private static func average(_ value: inout Double?, _ measured: Double) {
    value = value.map { $0 + weight * (measured - $0) } ?? measured
  }
}
