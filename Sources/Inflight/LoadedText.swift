package import Checkpoints
internal import JSON
package import Tokenization

/// The tokenizer of a checkpoint and what belongs to it: text in and out, without the weights.
package struct LoadedText: Sendable {
  /// The tokenizer.
  package let tokenizer: Tokenizer
  /// The compiled chat template, if the model has one that can be used.
  package let template: ChatTemplate?
  /// The text of ``template``.
  package let templateSource: String?
  /// Whether ``template`` shows tools to the model; true where that cannot be told.
  package let templateReadsTools: Bool
  /// Why the chat template cannot be used. Such a model can still complete text.
  package let templateError: TemplateError?
  /// The tokens that end an answer.
  package let endOfSequence: [Int32]
  /// The most bytes of a text that one token stands for.
  package let maximumBytesPerToken: Int

  /// Reads the tokenizer and compiles the chat template.
  ///
  /// - Throws: ``InflightError``.
  package init(_ checkpoint: Checkpoint) throws(InflightError) {
    do {
      tokenizer = try Tokenizer(checkpoint.tokenizer)
    } catch {
      throw InflightError(error)
    }
    guard tokenizer.vocabularySize <= checkpoint.configuration.vocabularySize else {
      throw InflightError(
        .model,
        "\(checkpoint.path): the tokenizer has \(tokenizer.vocabularySize) tokens, but the model only "
          + "\(checkpoint.configuration.vocabularySize)")
    }
    var ends = checkpoint.generation.eosTokenIDs
    if let id = tokenizer.endOfSequence, !ends.contains(id) { ends.append(id) }
    endOfSequence = ends
    maximumBytesPerToken = tokenizer.maximumBytesPerToken
    do {
      template = try Self.template(of: checkpoint, tokenizer)
      templateSource = checkpoint.chatTemplate
      templateReadsTools = template.map(Self.readsTools) ?? true
      templateError = nil
    } catch {
      template = nil
      templateSource = nil
      templateReadsTools = true
      templateError = error
    }
  }

  /// Whether a prompt looks different for a tool. A template that refuses either may have its reasons.
  private static func readsTools(_ template: ChatTemplate) -> Bool {
    let text = JSONValue.object([("type", .string("string")), ("description", .string("A word."))])
    let parameters = JSONValue.object([
      ("type", .string("object")), ("properties", .object([("word", text)])), ("required", .array([.string("word")])),
    ])
    let tool = JSONValue.object([
      ("type", .string("function")),
      (
        "function",
        .object([
          ("name", .string("look_up")), ("description", .string("Looks a word up.")), ("parameters", parameters),
        ])
      ),
    ])
    let messages = [ChatMessage.user("Hello").json]
    guard let with = try? template.render(messages: messages, tools: [tool]),
      let without = try? template.render(messages: messages)
    else { return true }
    return !with.utf8.elementsEqual(without.utf8)
  }

  private static func template(
    of checkpoint: Checkpoint, _ tokenizer: Tokenizer
  ) throws(TemplateError) -> ChatTemplate? {
    guard let source = checkpoint.chatTemplate else { return nil }
    let beginning = tokenizer.beginningOfSequence ?? checkpoint.generation.bosTokenID
    return try ChatTemplate(
      source: source,
      specialTokens: ChatTemplate.SpecialTokens(
        bos: beginning.flatMap { tokenizer.text(of: $0) },
        eos: tokenizer.endOfSequence.flatMap { tokenizer.text(of: $0) }))
  }
}
