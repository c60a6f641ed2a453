internal import JSON
internal import Requests

extension RouteFields {
  /// `/v1/responses`
  package static let responses: [RequestField] =
    serving.filter { $0.name != "stream_options" } + [
      RequestField(
        "input",
        .anyOf([
          .string(0...textLimit), .array(.record(inputItem), count: 1...maximumMessages),
        ]), isRequired: true, "A message of the user, or a conversation."),
      RequestField("instructions", .string(0...textLimit), "Instructions to the model."),
      RequestField(
        "max_output_tokens", .integer(1...Int(Int32.max)), use: .sampling { $0.maxTokens = $1.wholeNumber },
        "Most tokens to generate. Default: as many as fit."),
      RequestField("metadata", .object, use: .noEffect, "The caller's own notes."),
      RequestField("store", .any, use: .only([false], reason: "nothing is stored"), "Keep the answer."),
      RequestField("previous_response_id", .any, use: .only([], reason: "nothing is stored"), "What to go on from."),
      RequestField("conversation", .any, use: .only([], reason: "nothing is stored"), "What to go on from."),
      RequestField("background", .any, use: .only([false], reason: unsupported), "Answer later."),
      RequestField("include", .any, use: .only([.array([])], reason: unsupported), "More to answer."),
      RequestField("tools", .any, use: .only([.array([])], reason: "use /v1/chat/completions"), "Tools."),
      RequestField("tool_choice", .any, use: .only(["auto", "none"], reason: "use /v1/chat/completions"), "Tools."),
      RequestField("parallel_tool_calls", .any, use: .only([true, false], reason: unsupported), "Several calls."),
      RequestField("reasoning", .any, use: .only([.object([])], reason: unsupported), "How to think."),
      RequestField("truncation", .any, use: .only(["disabled"], reason: unsupported), "Shorten what is too long."),
      RequestField("text", .record(responseText), "Form of the answer."),
      RequestField("top_logprobs", .any, use: .only([0], reason: unsupported), "Log-probabilities."),
      RequestField("service_tier", .any, use: .only(["auto", "default"], reason: "there is one tier"), "Tier."),
      RequestField(
        "use_beam_search", .any, use: .only([false], reason: "use /v1/completions"), "Beam search."),
      RequestField(
        "n", .any, use: .only([1], reason: "there is one answer; use /v1/completions"), "Number of answers."),
    ] + sampling.filter { $0.name != "n" }

  /// One message of the conversation.
  private static let inputItem: [RequestField] = [
    RequestField("type", .choice(["message"]), "Always message."),
    RequestField("id", .string(0...nameLimit), "Its name, as an answer told it."),
    RequestField("status", .choice(["completed", "incomplete"]), "As an answer told it."),
    RequestField("role", .choice(["system", "developer", "user", "assistant"]), isRequired: true, "Who speaks."),
    RequestField(
      "content",
      .anyOf([
        .string(0...textLimit),
        .array(
          .record([
            RequestField("type", .choice(["input_text", "output_text"]), isRequired: true, "Only text."),
            RequestField("text", .string(0...textLimit), isRequired: true, "The text."),
            RequestField("annotations", .array(.any, count: 0...1024), "As an answer told them."),
            RequestField("logprobs", .array(.any, count: 0...0), "As an answer told them."),
          ]), count: 1...1024),
      ]), isRequired: true, "What is said."),
  ]
}
