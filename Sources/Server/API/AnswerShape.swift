internal import Inflight
internal import JSON
internal import Tokenization

/// How a route writes what the engine generates.
///
/// What is generated once may be the answer at several places, so an answer is written without its place; see
/// ``ChoiceText``. A whole answer is kept as the engine's tokens and written when all are there: as JSON values it would take
/// twenty times the memory.
protocol AnswerShape: Sendable {
  /// What is known of one sample while it is generated.
  associatedtype Choice: Sendable

  /// The `object` of a whole answer and of an event.
  var objects: (whole: String, event: String) { get }
  /// What the answer's name begins with.
  var prefix: String { get }

  /// A sample of a prompt of which nothing is known yet.
  func makeChoice(prompt: Int) -> Choice
  /// What events say before the first token.
  func opening() -> [ChoiceText]
  /// Adds a piece to a sample of which events are sent, and returns what they say.
  func events(_ chunk: CompletionChunk, _ choice: inout Choice) -> [ChoiceText]
  /// Adds a piece to a sample of a whole answer.
  func add(_ chunk: CompletionChunk, to choice: inout Choice)
  /// A whole answer.
  func whole(_ choice: Choice) -> ChoiceText
}

/// An answer, or an event about one, as JSON without its place among the answers.
struct ChoiceText: Sendable {
  /// The text behind the place.
  private(set) var bytes: [UInt8]

  /// Begins an answer that is written piece by piece; its members come after a comma each.
  init() { bytes = [] }

  /// Creates an answer with these members.
  init(_ members: [(String, JSONValue)]) {
    bytes = []
    for (name, value) in members { add(name, value) }
    end()
  }

  /// Adds a member.
  mutating func add(_ name: String, _ value: JSONValue) { add(name) { $0.bytes += value.serializedBytes() } }

  /// Adds a member that `write` writes.
  mutating func add(_ name: String, _ write: (inout ChoiceText) -> Void) {
    bytes += ",\"\(name)\":".utf8
    write(&self)
  }

  /// Adds a list, element by element, so that there is never a tree of all of them.
  mutating func add(list elements: some Sequence<JSONValue>) {
    bytes.append(UInt8(ascii: "["))
    var isFirst = true
    for element in elements {
      if !isFirst { bytes.append(UInt8(ascii: ",")) }
      isFirst = false
      bytes += element.serializedBytes()
    }
    bytes.append(UInt8(ascii: "]"))
  }

  /// Adds text that is written already.
  mutating func add(text: StaticString) { bytes += "\(text)".utf8 }

  /// Ends the answer.
  mutating func end() { bytes.append(UInt8(ascii: "}")) }

  /// What is before ``bytes`` in the answer at a place.
  static func beginning(at index: Int) -> [UInt8] { Array("{\"index\":\(index)".utf8) }
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
