package import JSON

/// A model's chat template: messages in, the text of the prompt out, exactly as `apply_chat_template` of
/// `transformers` renders it.
package struct ChatTemplate: Sendable {
  /// The special tokens that templates may print, as text; nil for those the model does not have.
  package struct SpecialTokens: Sendable {
    package var bos: String?
    package var eos: String?
    package var pad: String?
    package var unknown: String?

    package init(bos: String? = nil, eos: String? = nil, pad: String? = nil, unknown: String? = nil) {
      self.bos = bos
      self.eos = eos
      self.pad = pad
      self.unknown = unknown
    }
  }

  private let template: JinjaTemplate
  private let specialTokens: SpecialTokens
  /// What one rendering may use.
  package var limits: TemplateLimits
  /// Where `strftime_now` takes the time from.
  package var clock: TemplateClock

  /// Compiles the text of a chat template.
  package init(
    source: String, specialTokens: SpecialTokens = SpecialTokens(), limits: TemplateLimits = TemplateLimits(),
    clock: TemplateClock = .system
  ) throws(TemplateError) {
    template = try JinjaTemplate(source: source)
    self.specialTokens = specialTokens
    self.limits = limits
    self.clock = clock
  }

  /// The text of the prompt.
  ///
  /// The template sees `messages`, `tools`, `documents` (none unless `extra` has it), `add_generation_prompt`, the
  /// special tokens that exist, and the variables of `extra`, which win over the special tokens. Reasoning that a
  /// message has as `reasoning_content`, `thinking` or `reasoning` is passed as `reasoning_content` and `thinking`.
  package func render(
    messages: [JSONValue], tools: [JSONValue]? = nil, addGenerationPrompt: Bool = true,
    extra: [(name: String, value: JSONValue)] = []
  ) throws(TemplateError) -> String {
    var context: [(name: String, value: JSONValue)] = []
    let tokens = [
      ("bos_token", specialTokens.bos), ("eos_token", specialTokens.eos), ("pad_token", specialTokens.pad),
      ("unk_token", specialTokens.unknown),
    ]
    for (name, token) in tokens {
      if let token { context.append((name, .string(token))) }
    }
    context.append(("documents", .null))
    context += extra
    context.append(("messages", .array(messages.map(Self.withReasoningNames))))
    context.append(("tools", tools.map { .array($0) } ?? .null))
    context.append(("add_generation_prompt", .bool(addGenerationPrompt)))
    return try template.render(context: context, limits: limits, clock: clock)
  }

  /// The message with its reasoning under both names that templates read.
  private static func withReasoningNames(_ message: JSONValue) -> JSONValue {
    guard case .object(var object) = message else { return message }
    let reasoning = ["reasoning_content", "thinking", "reasoning"].lazy.compactMap { name -> JSONValue? in
      guard let value = object[name] else { return nil }
      if case .null = value { return nil }
      return value
    }.first
    guard let reasoning else { return message }
    if object["thinking"] == nil { object.members.insert(.init(key: "thinking", value: reasoning), at: 0) }
    if let index = object.members.lastIndex(where: { $0.key.utf8.elementsEqual("reasoning_content".utf8) }) {
      object.members[index].value = reasoning
    } else {
      object.members.append(.init(key: "reasoning_content", value: reasoning))
    }
    return .object(object)
  }
}
