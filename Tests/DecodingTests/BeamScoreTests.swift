import Decoding
import Requests
import Testing

@Suite struct BeamScoreTests {
  /// Within the bounds of the length penalty sequences of any length are told apart.
  @Test(arguments: [-16.0, -1, 0, 1, 16]) func scoresOfAnyLengthAreToldApart(lengthPenalty: Double) throws {
    let params = try BeamSearchParams(width: 1, maxTokens: 1, lengthPenalty: lengthPenalty).validated(endTokenCount: 1)
    for length in [1, 1_000, 1 << 30, 1 << 50] {
      let better = params.score(logprob: -1, length: length)
      let worse = params.score(logprob: -2, length: length)
      #expect(better.isFinite && worse.isFinite && worse < better && better < 0)
    }
  }
}
