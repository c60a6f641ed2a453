import Catalogue
import Foundation
import Inflight
import JSON

/// Real weights for tests. The default model is fetched as a user's would be; others are used if their place is named.
enum RealModels {
  /// The default model: SmolLM2-135M-Instruct in Q4_1.
  static func smolLM2() async throws -> String { try await ModelCatalogue().resolve(nil) }

  /// Qwen2.5-Coder-0.5B-Instruct as a GGUF file, from the environment; it cannot be fetched automatically because the
  /// package that carries it has no licence.
  static let qwen = ProcessInfo.processInfo.environment["INFLIGHT_TEST_QWEN"]

  /// A file beside the goldens.
  static func golden(_ name: String) throws -> [UInt8] {
    guard let url = Bundle.module.url(forResource: "Goldens", withExtension: nil)?.appendingPathComponent(name) else {
      throw CocoaError(.fileNoSuchFile)
    }
    return [UInt8](try Data(contentsOf: url))
  }
}

/// What transformers says about a text in float32; see scripts/goldens/score.py.
struct ReferenceScore {
  let tokens: [TokenID]
  let logprobs: [Double?]
  let perplexity: Double
  let top: [[(id: TokenID, logprob: Double)]?]

  init(_ name: String) throws {
    let json = try JSONValue(parsing: try RealModels.golden(name))
    tokens = json["token_ids"]?.arrayValue?.compactMap { $0.intValue.map(TokenID.init) } ?? []
    logprobs = json["logprob"]?.arrayValue?.map(\.doubleValue) ?? []
    perplexity = json["perplexity"]?.doubleValue ?? 0
    top =
      json["top"]?.arrayValue?.map { entry in
        guard let ids = entry[0]?.arrayValue, let values = entry[1]?.arrayValue else { return nil }
        return zip(ids, values).map { (TokenID($0.intValue ?? -1), $1.doubleValue ?? 0) }
      } ?? []
  }

  /// Mean divergence KL(reference || score) over the reference's best tokens and all others as one outcome. A token that
  /// the score does not list is taken to be as probable as its least listed one, which can only make the result larger
  /// than it is where the model is right.
  func meanDivergence(from score: Score) -> Double {
    var sum = 0.0
    var count = 0
    for (expected, actual) in zip(top, score.top) {
      guard let expected, let actual, let least = actual.last else { continue }
      let listed = Dictionary(uniqueKeysWithValues: actual.map { ($0.token, Double($0.logprob)) })
      var (restP, restQ) = (1.0, 1.0)
      for (id, logprob) in expected {
        let other = listed[id] ?? Double(least.logprob)
        sum += exp(logprob) * (logprob - other)
        restP -= exp(logprob)
        restQ -= exp(other)
      }
      if restP > 1e-6, restQ > 1e-6 { sum += restP * log(restP / restQ) }
      count += 1
    }
    return sum / Double(count)
  }
}
