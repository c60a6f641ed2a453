internal import Inflight
internal import JSON
internal import Tokenization

/// How a route writes what the engine generates.
protocol AnswerShape: Sendable {
  /// What is known of one answer while it is generated.
  associatedtype Choice: Sendable

  /// The `object` of a whole answer and of an event.
  var objects: (whole: String, event: String) { get }
  /// What the answer's name begins with.
  var prefix: String { get }

  /// An answer of which nothing is known yet.
  func makeChoice(_ index: Int) -> Choice
  /// What events say before the first token.
  func opening(_ choice: inout Choice) -> [JSONValue]
  /// Adds a piece to an answer, and returns what events say of it.
  func add(_ chunk: CompletionChunk, to choice: inout Choice) -> [JSONValue]
  /// A whole answer, at its place among those that are returned.
  func whole(_ choice: Choice, index: Int) -> JSONValue
}

/// Texts and bytes of tokens, for log-probabilities.
struct TokenWords: Sendable {
  private let tokenizer: @Sendable (TokenID) -> [UInt8]

  /// Knows the tokens of a model.
  init(_ llm: LLM) {
    let tokenizer = llm.tokenizer
    self.tokenizer = { tokenizer.bytes(of: $0) ?? [] }
  }

  /// The token as text; what is not UTF-8 becomes U+FFFD.
  func text(_ token: TokenID) -> String { String(decoding: tokenizer(token), as: UTF8.self) }

  /// The token as text; one that is not UTF-8, which parts of characters are not, as `bytes:` and its bytes as `\\x` and
  /// two hexadecimal digits each, so that different tokens are different texts.
  func key(_ token: TokenID) -> String {
    let bytes = tokenizer(token)
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    return bytes.reduce(into: "bytes:") { text, byte in
      text += (byte < 16 ? "\\x0" : "\\x") + String(byte, radix: 16)
    }
  }

  /// The token's bytes.
  func bytes(_ token: TokenID) -> JSONValue { .array(tokenizer(token).map { .integer(Int64($0)) }) }
}
