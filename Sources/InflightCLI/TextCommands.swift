internal import ArgumentParser
internal import Catalogue
internal import Checkpoints
internal import Inflight
internal import JSON
internal import Tokenization

/// `inflight tokenize`
struct TokenizeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tokenize",
    abstract: "The tokens of the text on standard input.",
    discussion: """
      EXAMPLES:
        echo -n "Hello, world" | inflight tokenize
        inflight tokenize --json --no-special < text.txt
      """)

  @OptionGroup var model: ModelArgument

  @Flag(help: "Print one JSON object.")
  var json = false

  @Flag(help: "Do not add the special tokens that the model puts around a text.")
  var noSpecial = false

  func run() async throws {
    let text = try StandardInput.readText()
    let tokenizer = try Tokenizer(try await model.openCheckpoint().tokenizer)
    let ids = tokenizer.encode(text, addSpecialTokens: !noSpecial)
    let tokens = ids.map { tokenizer.text(of: $0) ?? "" }
    let missing = Set(tokenizer.missingBytes)
    let dropped = text.utf8.count { missing.contains($0) }
    if dropped > 0 {
      Terminal.write("inflight: the vocabulary has no token for \(dropped) bytes of the text; they are left out\n")
    }
    if json {
      StandardOutput.write(
        .object([
          ("token_ids", .array(ids.map { .integer(Int64($0)) })),
          ("tokens", .array(tokens.map { .string($0) })),
        ]))
    } else {
      for (id, token) in zip(ids, tokens) { StandardOutput.write("\(id)\t\(token)\n") }
    }
  }
}

/// `inflight template`
struct TemplateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "template",
    abstract: "The prompt that the model's chat template makes of the messages on standard input.",
    discussion: """
      Standard input is a JSON array of messages, or an object with "messages" and, if you like, "tools",
      "add_generation_prompt" and other variables of the template.

      EXAMPLES:
        echo '[{"role": "user", "content": "Hello"}]' | inflight template
      """)

  @OptionGroup var model: ModelArgument

  func run() async throws {
    let input = try JSONValue(parsing: try StandardInput.readAll())
    let checkpoint = try await model.openCheckpoint()
    let text = try LoadedText(checkpoint)
    StandardOutput.write(try text.render(Conversation(input)))
  }
}

/// The variables of a chat template as a user writes them.
struct Conversation {
  var messages: [JSONValue]
  var tools: [JSONValue]?
  var addGenerationPrompt = true
  var extra: [(name: String, value: JSONValue)] = []

  init(_ input: JSONValue) throws(CommandFailure) {
    if let list = input.arrayValue {
      messages = list
      return
    }
    guard let object = input.objectValue, let list = object["messages"]?.arrayValue else {
      throw CommandFailure("standard input must be a JSON array of messages, or an object with \"messages\"")
    }
    messages = list
    for member in object.members {
      switch member.key {
      case "messages": break
      case "tools":
        guard member.value.isNull || member.value.arrayValue != nil else {
          throw CommandFailure("\"tools\" must be an array")
        }
        tools = member.value.arrayValue
      case "add_generation_prompt":
        guard let value = member.value.boolValue else {
          throw CommandFailure("\"add_generation_prompt\" must be true or false")
        }
        addGenerationPrompt = value
      default: extra.append((member.key, member.value))
      }
    }
  }
}

extension LoadedText {
  /// The prompt that the model's template makes of a conversation.
  func render(_ conversation: Conversation) throws -> String {
    if let templateError { throw templateError }
    guard let template else { throw CommandFailure("the model has no chat template") }
    return try template.render(
      messages: conversation.messages, tools: conversation.tools,
      addGenerationPrompt: conversation.addGenerationPrompt, extra: conversation.extra)
  }
}

extension ModelArgument {
  /// The model's checkpoint, fetched with a progress bar if it is not here.
  func openCheckpoint() async throws -> Checkpoint {
    let bar = ProgressBar()
    defer { bar.finish() }
    return try Checkpoint.open(path: try await ModelCatalogue().resolve(model, progress: bar))
  }
}
