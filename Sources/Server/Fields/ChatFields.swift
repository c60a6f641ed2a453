internal import JSON
internal import Requests

extension RouteFields {
  /// `/v1/chat/completions`
  package static let chat: [RequestField] =
    serving + [
      RequestField(
        "messages", .array(.record(message), count: 1...maximumMessages), isRequired: true,
        "The conversation, oldest message first."),
      RequestField(
        "max_completion_tokens", .integer(1...Int(Int32.max)), use: .sampling { $0.maxTokens = $1.wholeNumber },
        "Most tokens to generate. Default: as many as fit."),
      RequestField(
        "max_tokens", .integer(1...Int(Int32.max)), use: .sampling { $0.maxTokens = $1.wholeNumber },
        "The older name of max_completion_tokens; not together with it."),
      RequestField("logprobs", .boolean, "Whether to report log-probabilities."),
      RequestField("top_logprobs", .integer(0...20), "Number of alternatives at each place; needs logprobs."),
      RequestField(
        "tools", .array(.record(tool), count: 0...maximumTools), "Functions that the model may call."),
      RequestField(
        "tool_choice",
        .anyOf([
          .choice(["auto", "none", "required"]),
          .record([
            RequestField("type", .choice(["function"]), isRequired: true, "Always function."),
            RequestField(
              "function",
              .record([RequestField("name", .string(0...nameLimit), isRequired: true, "Which function.")]),
              isRequired: true, "The function."),
          ]),
        ]),
        "Whether the model may call tools: auto, the default with tools; none; required, which makes it call one; or which one it must call."
      ),
      RequestField(
        "parallel_tool_calls", .boolean,
        "Whether one answer may have several calls; false only where tool_choice asks for one call, or none may be made."
      ),
      RequestField(
        "chat_template_kwargs", .object, "More variables of the model's chat template, such as enable_thinking."),
      RequestField("metadata", .object, use: .noEffect, "The caller's own notes."),
      RequestField("store", .any, use: .only([false], reason: "nothing is stored"), "Keep the answer."),
      RequestField("modalities", .any, use: .only([.array(["text"])], reason: "answers are text"), "Kinds of answers."),
      RequestField("functions", .any, use: .only([], reason: "use tools"), "The older form of tools."),
      RequestField(
        "function_call", .any, use: .only(["none"], reason: "use tool_choice"), "Older form of tool_choice."),
      RequestField("audio", .any, use: .only([], reason: "answers are text"), "Speech."),
      RequestField("prediction", .any, use: .only([], reason: unsupported), "Predicted output."),
      RequestField("reasoning_effort", .any, use: .only([], reason: unsupported), "How much to think."),
      RequestField("verbosity", .any, use: .only([], reason: unsupported), "How long to answer."),
      RequestField("web_search_options", .any, use: .only([], reason: unsupported), "Search of the web."),
      RequestField(
        "service_tier", .any, use: .only(["auto", "default"], reason: "there is one tier; use priority"), "Tier."),
    ] + guided + beams + sampling

  /// The most messages of a conversation; the options may set fewer.
  static let maximumMessages = 1 << 16
  /// The most tools.
  static let maximumTools = 512

  /// One message.
  static let message: [RequestField] = [
    RequestField(
      "role", .choice(["system", "developer", "user", "assistant", "tool"]), isRequired: true, "Who speaks."),
    RequestField(
      "content",
      .anyOf([
        .string(0...textLimit),
        .array(
          .record([
            RequestField("type", .choice(["text"]), isRequired: true, "Only text."),
            RequestField("text", .string(0...textLimit), isRequired: true, "The text."),
          ]), count: 1...1024),
      ]), "What is said."),
    RequestField("name", .string(0...nameLimit), "The speaker's name."),
    RequestField("reasoning_content", .string(0...textLimit), "What the model thought."),
    RequestField("refusal", .any, use: .only([], reason: unsupported), "A refusal."),
    RequestField("audio", .any, use: .only([], reason: unsupported), "Speech."),
    RequestField("function_call", .any, use: .only([], reason: "use tool_calls"), "Older form of tool_calls."),
    RequestField("annotations", .any, use: .only([.array([])], reason: unsupported), "Notes on the text."),
    RequestField("tool_call_id", .string(0...nameLimit), "The call that a tool's message answers."),
    RequestField(
      "tool_calls",
      .array(
        .record([
          RequestField("id", .string(0...nameLimit), isRequired: true, "The call's name."),
          RequestField("type", .choice(["function"]), isRequired: true, "Always function."),
          RequestField("index", .integer(0...maximumTools), "Its place."),
          RequestField(
            "function",
            .record([
              RequestField("name", .string(0...nameLimit), isRequired: true, "Which function."),
              RequestField(
                "arguments", .string(0...textLimit), isRequired: true, "Its arguments, as JSON in a string."),
            ]), isRequired: true, "The call."),
        ]), count: 0...maximumTools), "What the model called."),
  ]

  /// One tool.
  static let tool: [RequestField] = [
    RequestField("type", .choice(["function"]), isRequired: true, "Always function."),
    RequestField(
      "function",
      .record([
        RequestField("name", .string(0...nameLimit), isRequired: true, "The function's name."),
        RequestField("description", .string(0...textLimit), "What it does."),
        RequestField("parameters", .object, "The JSON schema of its arguments."),
        RequestField(
          "strict", .boolean, "Whether calls that the model is free to make have the schema's form. Default false."),
      ]), isRequired: true, "The function."),
  ]
}
