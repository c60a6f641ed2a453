import Foundation
import HTTPTypes
import HummingbirdTesting
import Inflight
import JSON
import Server
import TestKit
import Testing

@Suite struct EmbeddingsTests {
  private static let size = 8

  /// The fake's hidden state after `text`.
  private func state(after text: some StringProtocol) -> [Float] {
    FakeModelEngine.logits(after: text.utf8.map(TokenID.init), vocabularySize: Self.size)
  }

  private func values(_ json: JSONValue?) -> [Float] { (json?.arrayValue ?? []).map { Float($0.doubleValue ?? 0) } }

  @Test func theyAreTheHiddenStatesInTheOrderOfTheInputs() async throws {
    try await TinyServer(hiddenSize: Self.size).serve { client in
      let inputs = (0..<40).map { "text \($0)" }
      let list = inputs.map { "\"\($0)\"" }.joined(separator: ", ")
      let json = try await client.post("/v1/embeddings", "{\"input\": [\(list)], \"normalize\": false}").json
      for (index, input) in inputs.enumerated() {
        #expect(json["data"]?[index]?["index"]?.intValue == index)
        #expect(values(json["data"]?[index]?["embedding"]) == state(after: input))
      }
      let count = inputs.reduce(0) { $0 + $1.utf8.count }
      #expect(json["usage"]?["prompt_tokens"]?.intValue == count && json["usage"]?["total_tokens"]?.intValue == count)
      let tokens = try await client.post("/v1/embeddings", #"{"input": [97, 98], "normalize": false}"#).json
      #expect(values(tokens["data"]?[0]?["embedding"]) == state(after: "ab"))
      let cut = try await client.post(
        "/v1/embeddings", #"{"input": "abc", "normalize": false, "truncate_prompt_tokens": 2}"#
      ).json
      #expect(values(cut["data"]?[0]?["embedding"]) == state(after: "bc"))
    }
  }

  @Test func lengthPoolingAndBytesAreChosen() async throws {
    try await TinyServer(hiddenSize: Self.size).serve { client in
      let mean = try await client.post("/v1/embeddings", #"{"input": "ab", "pooling": "mean", "normalize": false}"#)
        .json
      let expected = zip(state(after: "a"), state(after: "ab")).map { Float((Double($0) + Double($1)) / 2) }
      #expect(values(mean["data"]?[0]?["embedding"]) == expected)
      let unit = values(try await client.post("/v1/embeddings", #"{"input": "ab"}"#).json["data"]?[0]?["embedding"])
      #expect(abs(unit.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
      let text = try await client.post("/v1/embeddings", #"{"input": "ab", "encoding_format": "base64"}"#).json
      let bytes = try #require(Data(base64Encoded: text["data"]?[0]?["embedding"]?.stringValue ?? ""))
      let bits = stride(from: 0, to: bytes.count, by: 4).map { start in
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
      }
      #expect(bits == unit.map(\.bitPattern))
    }
  }

  @Test func whatCannotBeIsNamed() async throws {
    try await TinyServer(hiddenSize: Self.size).serve { client in
      for (body, field) in [
        (#""input": """#, "input"), (#""input": []"#, "input"), (#""input": ["a", ""]"#, "input"),
        (#""input": "a", "dimensions": 4"#, "dimensions"), (#""input": "a", "pooling": "max""#, "pooling"),
        (#""input": "a", "encoding_format": "int8""#, "encoding_format"), (#""input": "a", "top_p": 1"#, "top_p"),
      ] {
        let answer = try await client.post("/v1/embeddings", "{\(body)}")
        #expect(answer.status == .badRequest, "\(body)")
        #expect(try answer.json["error"]?["param"]?.stringValue == field, "\(body)")
      }
      let long = "{\"input\": \"" + String(repeating: "a", count: 600) + "\"}"
      #expect(try await client.post("/v1/embeddings", long).json["error"]?["code"] == "context_length_exceeded")
    }
  }
}
