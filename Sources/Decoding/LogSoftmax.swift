#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif
package import Requests

/// Log-probabilities under a row of raw logits: ln p(i) = x(i) - max - ln(sum of e^(x(j) - max)).
///
/// Exponentials are float32, their sum is Double in an order that depends on the vocabulary only, so that the result
/// is the same bits in every batch. Keeps scratch memory of one row.
package struct LogSoftmax: Sendable {
  private var exponentials: [Float] = []
  private var alternatives = TopAlternatives()
  private var maximum = 0.0
  private var logOfSum = 0.0

  /// Creates an evaluator; its first row allocates the scratch memory.
  package init() {}

  /// Takes `row`, `[vocabulary]`, whose scan is `scan`, as the row that the other functions are about.
  package mutating func prepare(_ row: Span<Float>, scan: LogitsScan) {
    if exponentials.count != row.count { exponentials = Array(repeating: 0, count: row.count) }
    let largest = scan.maximum
    for index in 0..<min(row.count, exponentials.count) {
      exponentials[index] = exponentialOfNonPositive(row[index] - largest)
    }
    maximum = Double(largest)
    logOfSum = log(orderedSum(exponentials.span))
  }

  /// The log-probability of a token whose logit in the prepared row is `logit`.
  package func logprob(ofLogit logit: Float) -> Float { Float(Double(logit) - maximum - logOfSum) }

  /// The `count` most probable tokens of the prepared row, which is given again, best first, ties by lower identifier.
  package mutating func top(_ count: Int, of row: Span<Float>) -> [TokenLogprob] {
    guard count > 0 else { return [] }
    alternatives.select(count, from: row)
    return alternatives.bestFirst.map { TokenLogprob(token: $0.token, logprob: logprob(ofLogit: $0.logit)) }
  }
}
