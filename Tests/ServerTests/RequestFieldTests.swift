import JSON
import Requests
import Server
import Testing

@Suite struct RequestFieldTests {
  private func parse(_ text: String, _ fields: [RequestField] = RouteFields.chat) throws -> FieldValues {
    try FieldValues(try #require(try JSONValue(parsing: text).objectValue), fields: fields)
  }

  /// The error of a body, and the field that it names.
  private func refusal(_ text: String, _ fields: [RequestField] = RouteFields.chat) throws -> APIError {
    try #require(throws: APIError.self) { _ = try parse(text, fields) }
  }

  private let messages = #""messages": [{"role": "user", "content": "a"}]"#

  @Test func fieldsSetSamplingParameters() throws {
    let text =
      #"{"prompt": "a", "max_tokens": 7.0, "temperature": 0.5, "top_p": 0.25, "top_k": 3, "seed": -1, "logprobs": 2, "#
      + #""stop_token_ids": [4, 5], "ignore_eos": true}"#
    var params = SamplingParams()
    try parse(text, RouteFields.completions).apply(to: &params)
    let expected = SamplingParams(
      maxTokens: 7, temperature: 0.5, topK: 3, topP: 0.25, seed: .max, stopTokenIDs: [4, 5], ignoreEndOfSequence: true,
      logprobs: 2)
    #expect(params == expected)
  }

  @Test func everyControlIsSet() throws {
    let text =
      #"{"prompt": "a", "n": 2, "best_of": 3, "stop": "x", "include_stop_str_in_output": true, "min_tokens": 1, "#
      + #""min_p": 0.125, "typical_p": 0.5, "repetition_penalty": 1.5, "presence_penalty": -1, "#
      + #""frequency_penalty": 0.5, "logit_bias": {"7": -100, "0": 1.5}, "no_repeat_ngram_size": 4, "#
      + #""bad_words": ["b"], "skip_special_tokens": false, "truncate_prompt_tokens": 5, "echo": true}"#
    var params = SamplingParams()
    try parse(text, RouteFields.completions).apply(to: &params)
    var expected = SamplingParams()
    (expected.n, expected.bestOf, expected.stop, expected.includesStop, expected.minTokens) = (2, 3, ["x"], true, 1)
    (expected.minP, expected.typicalP, expected.repetitionPenalty) = (0.125, 0.5, 1.5)
    (expected.presencePenalty, expected.frequencyPenalty) = (-1, 0.5)
    (expected.logitBias, expected.noRepeatNGramSize, expected.badWords) = ([7: -100, 0: 1.5], 4, ["b"])
    (expected.skipSpecialTokens, expected.truncatePrompt, expected.echo) = (false, 5, true)
    #expect(params == expected)
    try parse(#"{"prompt": "a", "stop": ["y", "z"]}"#, RouteFields.completions).apply(to: &params)
    #expect(params.stop == ["y", "z"])
  }

  @Test func unknownFieldsAreNamed() throws {
    #expect(try refusal("{\(messages), \"colour\": 1}").field == "colour")
    let inner = try refusal(#"{"messages": [{"role": "user", "content": "a", "mood": 1}]}"#)
    #expect(inner.field == "messages[0].mood")
    #expect(inner.code == "unknown_parameter")
  }

  @Test func unsupportedFieldsAreRefusedUnlessTheyAskForNothing() throws {
    #expect(try refusal("{\(messages), \"modalities\": [\"audio\"]}").code == "unsupported_parameter")
    #expect(try refusal("{\(messages), \"prediction\": {\"type\": \"content\"}}").field == "prediction")
    _ = try parse("{\(messages), \"use_beam_search\": false, \"store\": null, \"parallel_tool_calls\": true}")
  }

  @Test(arguments: [
    ("temperature", "-0.1"), ("temperature", "true"), ("top_p", "0"), ("seed", "1.5"),
    ("seed", "9223372036854775808"), ("max_tokens", "0"), ("stream", "1"), ("tool_choice", "\"must\""), ("n", "0"),
    ("n", "129"),
    ("stop", "[1]"), ("logit_bias", "{\"a\": 1}"), ("logit_bias", "{\"01\": 1}"), ("logit_bias", "{\"1\": 101}"),
    ("min_p", "1.5"), ("typical_p", "0"), ("repetition_penalty", "0"), ("presence_penalty", "3"),
    ("guided_choice", "[]"),
    ("messages", "[]"), ("messages", "null"), ("model", "1"), ("top_logprobs", "21"), ("user", "[]"),
    ("parallel_tool_calls", "1"),
  ])
  func wrongValuesAreNamed(field: String, value: String) throws {
    let text = field == "messages" ? "{\"messages\": \(value)}" : "{\(messages), \"\(field)\": \(value)}"
    let error = try refusal(text)
    #expect(error.field == field)
    #expect(error.status == 400)
    #expect(error.message.contains(field))
  }

  @Test func nullIsTheSameAsNothing() throws {
    let fields = try parse("{\(messages), \"temperature\": null, \"tools\": null}")
    #expect(fields["temperature"] == nil)
    #expect(fields["tools"] == nil)
  }

  @Test func nullWithinAFieldIsTheSameAsNothing() throws {
    let text =
      #"{"messages": [{"role": "user", "content": "a", "name": null, "refusal": null}], "tools": [{"type": "#
      + #""function", "function": {"name": "f", "parameters": null, "strict": null}}], "#
      + #""response_format": {"type": "json_object", "json_schema": null}}"#
    let fields = try parse(text)
    #expect(fields["messages"]?[0]?.objectValue?.members.map(\.key) == ["role", "content"])
    #expect(fields["tools"]?[0]?["function"]?.objectValue?.members.map(\.key) == ["name"])
    #expect(fields["response_format"]?.objectValue?.members.map(\.key) == ["type"])
    // What is the caller's own keeps its nulls.
    let own = #"{"type": "object", "default": null}"#
    let tool =
      "{\(messages), \"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"f\", \"parameters\": \(own)}}]}"
    #expect(try parse(tool)["tools"]?[0]?["function"]?["parameters"]?["default"] == .null)
    let required = #"{"messages": [{"role": null, "content": "a"}]}"#
    #expect(try refusal(required).field == "messages[0].role")
  }

  /// Where one of several types is meant, the error is about what is wrong within it.
  @Test(arguments: [
    (
      #""messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]"#,
      "messages[0].content[0].type"
    ),
    (
      #""messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text"}]}]"#,
      "messages[0].content[1].text"
    ),
    (#""messages": [{"role": "user", "content": 1}]"#, "messages[0].content"),
    (
      #""messages": [{"role": "user", "content": "a"}], "tool_choice": {"type": "function", "function": {}}"#,
      "tool_choice.function.name"
    ),
    (#""messages": [{"role": "user", "content": "a"}], "stop": ["a", 1]"#, "stop[1]"),
  ])
  func errorsWithinAlternativesAreNamed(members: String, field: String) throws {
    #expect(try refusal("{\(members)}").field == field)
  }

  @Test(arguments: [
    (#"["a", 1]"#, "prompt[1]"), ("[1, -1]", "prompt[1]"), ("[1.5]", "prompt[0]"), ("[[1], [2, true]]", "prompt[1][1]"),
    ("{}", "prompt"), ("[]", "prompt"), ("[[]]", "prompt[0]"), ("[null]", "prompt"),
  ])
  func wrongPromptsAreNamed(prompt: String, field: String) throws {
    let error = try refusal("{\"prompt\": \(prompt)}", RouteFields.completions)
    #expect(error.field == field)
    #expect(error.message.hasPrefix("\(field): "))
  }

  @Test func repeatedFieldsAreRefused() throws {
    #expect(try refusal("{\(messages), \"seed\": 1, \"seed\": 2}").field == "seed")
  }

  @Test func missingFieldsAreNamed() throws {
    #expect(try refusal("{}").field == "messages")
    let inner = try refusal(#"{"messages": [{"content": "a"}]}"#)
    #expect(inner.field == "messages[0].role")
    #expect(inner.code == "missing_required_parameter")
  }

  @Test func noFieldIsListedTwice() {
    for fields in [RouteFields.chat, RouteFields.completions] {
      #expect(Set(fields.map(\.name)).count == fields.count)
    }
  }

  @Test func wholeNumbersMayBeWrittenWithAFraction() {
    #expect(JSONValue.number(3).wholeNumber == 3)
    #expect(JSONValue.number(3.5).wholeNumber == nil)
    #expect(JSONValue.number(1e300).wholeNumber == nil)
    #expect(JSONValue.number(.nan).wholeNumber == nil)
  }

  /// What the document says of texts is what is checked: JSON schema counts characters.
  @Test func textsHaveTheLengthOfTheDocument() throws {
    let name = try #require(RouteFields.chat.first { $0.name == "user" }?.type.schema)
    let limit = try #require(name["maxLength"]?.intValue)
    for text in [String(repeating: "a", count: limit), String(repeating: "😀", count: limit)] {
      _ = try parse("{\(messages), \"user\": \"\(text)\"}")
      #expect(try refusal("{\(messages), \"user\": \"\(text)b\"}").field == "user")
    }
    #expect(try refusal("{\(messages), \"stop\": \"\"}").field == "stop")
    #expect(try refusal("{\(messages), \"bad_words\": [\"a\", \"\"]}").field == "bad_words[1]")
    #expect(RequestField.schema(of: RouteFields.chat).serialized().contains(#""minLength":1"#))
  }

  @Test func boundsOfSeedsAreNamed() throws {
    let message = try refusal("{\(messages), \"seed\": 18446744073709551615}").message
    #expect(message.contains("9223372036854775807") && message.contains("-9223372036854775808"))
  }
}
