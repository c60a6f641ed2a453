package import Requests
internal import Tensors

/// Log-probabilities under a row of raw logits: ln p(i) = x(i) - max - ln(sum of e^(x(j) - max)).
///
/// The sum's relative error is below 2e-7 (``ExponentialSums``), and so is what it adds to a log-probability, which is
/// rounded to float32 once, at the end. The result is the same bits in every batch.
package struct LogSoftmax: Sendable {
  private let sums = ExponentialSums()
  private var blockSums: [Double] = []
  private var alternatives = TopAlternatives()
  private var maximum = 0.0
  private var logOfSum = 0.0

  /// Creates an evaluator; its first rows allocate the scratch memory.
  package init() {}

  /// Takes `row`, `[vocabulary]`, whose scan is `scan`, as the row that the other functions are about.
  package mutating func prepare(_ row: Span<Float>, scan: LogitsScan) {
    sums.fill(&blockSums, row, maximum: scan.maximum)
    maximum = Double(scan.maximum)
    logOfSum = logarithm(ExponentialSums.total(blockSums))
  }

  /// The log-probability of a token whose logit in the prepared row is `logit`.
  package func logprob(ofLogit logit: Float) -> Float { Float(Double(logit) - maximum - logOfSum) }

  /// The `count` most probable tokens of the prepared row, which is given again, best first, ties by lower identifier.
  package mutating func top(_ count: Int, of row: Span<Float>) -> [TokenLogprob] {
    guard count > 0 else { return [] }
    alternatives.select(count, from: row)
    return reported
  }

  /// The same, of a row whose maxima are known, so that few blocks of it are looked into.
  package mutating func top(_ count: Int, of row: Span<Float>, _ maxima: BlockMaxima) -> [TokenLogprob] {
    guard count > 0 else { return [] }
    alternatives.select(count, from: row, maxima)
    return reported
  }

  private var reported: [TokenLogprob] {
    alternatives.bestFirst.map { TokenLogprob(token: $0.token, logprob: logprob(ofLogit: $0.logit)) }
  }
}
