import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Inflight
import JSON
import Logging
import NIOCore
import Server
import TestKit

/// A model of 258 tokens: a byte each, then two special ones. Its engine is the fake.
struct TinyServer {
  let state: ServerState
  let llm: LLM
  private let directory: TemporaryDirectory

  /// Loads the model; the server serves it at once unless `isReady` is false. It has embeddings if there is a `hiddenSize`, and
  /// its template says how many tools there are if it `showsTools`.
  init(
    options: ServerOptions = ServerOptions(), script: FakeModelEngine.Script = FakeModelEngine.Script(),
    executor: ExecutorConfiguration = ExecutorConfiguration(), scheduler: Scheduler? = nil, hiddenSize: Int? = nil,
    isReady: Bool = true, showsTools: Bool = true
  ) async throws {
    directory = try TemporaryDirectory()
    let config = TinyCheckpoint.config().replacing("\"vocab_size\": 96", with: "\"vocab_size\": 258")
    try TinyCheckpoint(configJSON: config).writeHuggingFace(
      to: directory,
      files: ["tokenizer.json": Self.tokenizer, "tokenizer_config.json": Self.tokenizerConfig(showsTools)])
    llm = try await LLM(
      model: directory.path, options: LLMOptions(executor: executor),
      engine: FakeModelEngine(vocabularySize: 258, hiddenSize: hiddenSize, script: script), scheduler: scheduler)
    var options = options
    options.modelNames = ["tiny"]
    state = ServerState(options: options, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    if isReady { state.becomeReady(llm) }
  }

  /// Serves while `body` runs.
  func serve(_ body: @Sendable (any TestClientProtocol) async throws -> Void) async throws {
    let application = Application(
      responder: ServerResponder(state: state), server: try InflightServer.httpServer(state),
      configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await application.test(.live, body)
    await llm.shutdown()
  }

  /// The bytes as the byte-level alphabet spells them, then two special tokens.
  private static var tokenizer: String {
    var vocabulary: [(String, JSONValue)] = []
    var moved: UInt32 = 256
    for byte in UInt32(0)..<256 {
      let isPrintable = (33...126).contains(byte) || (161...172).contains(byte) || (174...255).contains(byte)
      let scalar = isPrintable ? byte : moved
      if !isPrintable { moved += 1 }
      vocabulary.append((String(Character(Unicode.Scalar(scalar) ?? " ")), .integer(Int64(byte))))
    }
    let special = [("<|end|>", Int64(256)), ("<|turn|>", 257)].map { content, id -> JSONValue in
      .object([
        ("id", .integer(id)), ("content", .string(content)), ("special", true), ("single_word", false),
        ("lstrip", false),
        ("rstrip", false), ("normalized", false),
      ])
    }
    let byteLevel: JSONValue = .object([
      ("type", "ByteLevel"), ("add_prefix_space", false), ("trim_offsets", true), ("use_regex", true),
    ])
    return JSONValue.object([
      ("version", "1.0"), ("truncation", .null), ("padding", .null), ("added_tokens", .array(special)),
      ("normalizer", .null), ("pre_tokenizer", byteLevel), ("post_processor", .null), ("decoder", byteLevel),
      ("model", .object([("type", "BPE"), ("vocab", .object(vocabulary)), ("merges", .array([]))])),
    ]).serialized()
  }

  private static func tokenizerConfig(_ showsTools: Bool) -> String {
    """
    {"eos_token": "<|end|>", "chat_template":
     "\(showsTools ? "{% if tools %}{{ tools|length }}{% endif %}" : "")\
    {% for m in messages %}<|turn|>{{ m.role }}: {{ m.content }}{% endfor %}<|turn|>assistant: "}
    """
  }
}

extension TestClientProtocol {
  /// Sends JSON and reads the answer.
  func post(_ path: String, _ body: String) async throws -> TestResponse {
    try await execute(
      uri: path, method: .post, headers: [.contentType: "application/json"], body: ByteBuffer(string: body))
  }
}

extension TestResponse {
  /// The body.
  var text: String { String(buffer: body) }

  /// The body as JSON.
  var json: JSONValue { get throws { try JSONValue(parsing: text) } }

  /// The body's events, `[DONE]` not included.
  var events: [JSONValue] {
    get throws {
      try text.split(separator: "\n\n").map { $0.dropFirst("data: ".count) }.filter { $0 != "[DONE]" }.map {
        try JSONValue(parsing: String($0))
      }
    }
  }
}
