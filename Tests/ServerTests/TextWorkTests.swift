import Dispatch
import HTTPTypes
import HummingbirdTesting
import Inflight
import JSON
import Server
import TestKit
import Testing

/// What bounds the work and the memory that requests cost before the engine sees them.
@Suite struct TextWorkTests {
  @Test func aLaneThatIsFullRefusesAndOthersGoOn() async throws {
    let work = TextWork(limit: 1)
    let (begun, end) = (AsyncStream.makeStream(of: Void.self), DispatchSemaphore(value: 0))
    async let first = work.run(.long) { () throws(APIError) -> Int in
      begun.continuation.yield()
      end.wait()
      return 1
    }
    for await _ in begun.stream { break }
    await #expect {
      try await work.run(.long) { () throws(APIError) in }
    } throws: { ($0 as? APIError)?.status == 503 && ($0 as? APIError)?.retryAfter != nil }
    #expect(try await work.run(.short) { () throws(APIError) in 2 } == 2)
    end.signal()
    #expect(try await first == 1)
    #expect(try await work.run(.long) { () throws(APIError) in 3 } == 3)
  }

  /// The server is told to end while the text of a request is still to be read.
  @Test func whatIsBeingReadWhenTheServerEndsMayComeAgain() async throws {
    let server = try await TinyServer()
    let (state, llm) = (server.state, server.llm)
    try await server.serve { client in
      let (begun, end) = (AsyncStream.makeStream(of: Void.self), DispatchSemaphore(value: 0))
      async let busy: Void? = try? state.work.run(.short) { () throws(APIError) in
        begun.continuation.yield()
        end.wait()
      }
      for await _ in begun.stream { break }
      async let answer = client.post("/v1/completions", #"{"prompt": "a"}"#)
      while state.work.count(in: .short) < 2 { try await Task.sleep(for: .milliseconds(1)) }
      state.beginDraining()
      await llm.shutdown()
      end.signal()
      _ = await busy
      #expect(try await answer.status == .serviceUnavailable)
      #expect(try await answer.headers[.retryAfter] != nil)
    }
  }

  @Test func whatNobodyWantsAnyMoreIsNotDone() async throws {
    await #expect {
      try await TextWork().run(.short) { () throws(APIError) in
        throw APIError(499, "gone")
      } _: { () throws(APIError) in
        Issue.record("the work was done")
      }
    } throws: { ($0 as? APIError)?.status == 499 }
  }

  @Test func lanesFollowTheSizeOfTheText() {
    #expect(TextWork.Lane(byteCount: 1000) == .short)
    #expect(TextWork.Lane(byteCount: 1 << 20) == .long)
  }

  @Test func bodiesCountTogether() throws {
    let budget = BodyBudget(limit: 3 * BodyBudget.freeByteCount)
    let piece = [UInt8](repeating: 0, count: BodyBudget.freeByteCount)
    var large: ReceivedBody? = ReceivedBody(budget, limit: 1 << 20)
    for _ in 0..<4 { try large?.append(piece) }
    #expect(budget.usedByteCount == 3 * BodyBudget.freeByteCount)
    let second = ReceivedBody(budget, limit: 1 << 20)
    // The beginning is free, so that small bodies always come through.
    try second.append(piece)
    #expect { try second.append([0]) } throws: { ($0 as? APIError)?.status == 503 }
    large = nil
    #expect(budget.usedByteCount == 0)
    try second.append([0])
    #expect(budget.usedByteCount == 1 && second.byteCount == piece.count + 1)
    #expect { try ReceivedBody(budget, limit: 8).append(piece) } throws: { ($0 as? APIError)?.status == 413 }
  }

  @Test func textsThatCannotFitAreRefusedByTheirLength() async throws {
    let server = try await TinyServer()
    let limit = server.llm.maximumPromptBytes
    let text = String(repeating: "a", count: limit + 1)
    try await server.serve { client in
      for (path, body, field) in [
        ("/v1/completions", "\"prompt\": \"\(text)\"", "prompt"),
        ("/v1/completions", "\"prompt\": [\"a\", \"\(text)\"]", "prompt"),
        ("/v1/chat/completions", "\"messages\": [{\"role\": \"user\", \"content\": \"\(text)\"}]", "messages"),
        ("/v1/responses", "\"input\": \"\(text)\"", "input"),
      ] {
        let answer = try await client.post(path, "{\(body)}")
        #expect(answer.status == .badRequest, "\(path)")
        let error = try answer.json["error"]
        #expect(error?["code"] == "context_length_exceeded" && error?["param"]?.stringValue == field, "\(path)")
        #expect(error?["message"]?.stringValue?.contains("\(limit)") == true, "\(path)")
      }
      // Of which only the end is used.
      let end = #""truncate_prompt_tokens": 4, "max_tokens": 1"#
      #expect(try await client.post("/v1/completions", "{\"prompt\": \"\(text)\", \(end)}").status == .ok)
    }
  }

  @Test func tokenizingHasLimitsOfItsOwn() async throws {
    var options = ServerOptions()
    options.maximumTextBytes = 40
    try await TinyServer(options: options).serve { client in
      let short = try await client.post("/tokenize", #"{"prompt": "ab"}"#).json
      #expect(short["tokens"] == .array([97, 98]) && short["token_strs"] == nil)
      let words = try await client.post("/tokenize", #"{"prompt": "ab", "return_token_strs": true}"#).json
      #expect(words["token_strs"] == .array(["a", "b"]))
      let long = String(repeating: "a", count: 41)
      let answer = try await client.post("/tokenize", "{\"prompt\": \"\(long)\"}")
      #expect(try answer.status == .badRequest && answer.json["error"]?["param"] == "prompt")
      let ends = #""truncate_prompt_tokens": 4"#
      let cut = try await client.post("/v1/completions", "{\"prompt\": \"\(long)\", \(ends)}")
      #expect(cut.status == .badRequest)
      let tokens = JSONValue.array(Array(repeating: 97, count: 11)).serialized()
      let back = try await client.post("/detokenize", "{\"tokens\": \(tokens)}")
      #expect(try back.status == .badRequest && back.json["error"]?["param"] == "tokens")
      #expect(try await client.post("/detokenize", #"{"tokens": [97, 98]}"#).json["prompt"] == "ab")
    }
  }

  /// An idle server has places for a burst, and says of one that it never has places for.
  @Test func severalPromptsTakePlacesBeforeTheyWait() async throws {
    var executor = ExecutorConfiguration()
    executor.maximumBatchSize = 4
    executor.maximumQueuedRequests = 1
    try await TinyServer(executor: executor).serve { client in
      func ask(_ count: Int) async throws -> TestResponse {
        let prompts = JSONValue.array(Array(repeating: "a", count: count)).serialized()
        return try await client.post("/v1/completions", "{\"prompt\": \(prompts), \"max_tokens\": 1}")
      }
      #expect(try await ask(5).status == .ok)
      let tooMany = try await ask(6)
      #expect(try tooMany.status == .badRequest && tooMany.json["error"]?["param"] == "prompt")
    }
  }

  @Test func aFullQueueIsSaidBeforeTheTextIsRead() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 0)
    var script = FakeModelEngine.Script()
    script.gate = gate
    var executor = ExecutorConfiguration()
    executor.maximumBatchSize = 1
    executor.maximumQueuedRequests = 1
    let server = try await TinyServer(script: script, executor: executor)
    let llm = server.llm
    try await server.serve { client in
      var streams: [CompletionStream] = []
      while let stream = try? llm.stream(tokens: [97]) { streams.append(stream) }
      // Not even a body that is no JSON is looked at.
      for path in ["/v1/completions", "/v1/chat/completions", "/v1/responses", "/v1/embeddings"] {
        let answer = try await client.post(path, "{")
        #expect(answer.status == .tooManyRequests && answer.headers[.retryAfter] != nil, "\(path)")
      }
      #expect(try await client.post("/tokenize", #"{"prompt": "a"}"#).status == .ok)
      gate.open()
      for stream in streams { for try await _ in stream {} }
      #expect(try await client.post("/v1/completions", #"{"prompt": "a", "max_tokens": 1}"#).status == .ok)
    }
  }
}
