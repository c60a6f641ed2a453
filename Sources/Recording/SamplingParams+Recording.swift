internal import JSON
package import Requests

extension SamplingParams {
  /// Every field that is not what it is by default; the seed is the request's. A new field must be added here and below.
  var json: JSONValue {
    var members: [(String, JSONValue)] = []
    func add(_ name: String, _ value: Int, unless standard: Int) {
      if value != standard { members.append((name, .integer(Int64(value)))) }
    }
    func add(_ name: String, _ value: Float, unless standard: Float) {
      if value != standard { members.append((name, .float(value))) }
    }
    func add(_ name: String, _ value: Int?) { if let value { members.append((name, .integer(Int64(value)))) } }
    func add(_ name: String, _ value: Bool, unless standard: Bool = false) {
      if value != standard { members.append((name, .bool(value))) }
    }
    func add(_ name: String, _ values: [JSONValue]) { if !values.isEmpty { members.append((name, .array(values))) } }
    add("max_tokens", maxTokens)
    add("min_tokens", minTokens, unless: 0)
    add("n", n, unless: 1)
    add("best_of", bestOf)
    add("temperature", temperature, unless: 0)
    add("top_k", topK, unless: 0)
    add("top_p", topP, unless: 1)
    add("min_p", minP, unless: 0)
    add("typical_p", typicalP, unless: 1)
    add("repetition_penalty", repetitionPenalty, unless: 1)
    add("presence_penalty", presencePenalty, unless: 0)
    add("frequency_penalty", frequencyPenalty, unless: 0)
    add("no_repeat_ngram_size", noRepeatNGramSize, unless: 0)
    let biases = logitBias.sorted { $0.key < $1.key }
    add("logit_bias", biases.map { .array([.integer(Int64($0.key)), .float($0.value)]) })
    add("bad_words", badWords.map { .string($0) })
    add("stop", stop.map { .string($0) })
    add("include_stop", includesStop)
    add("stop_token_ids", stopTokenIDs.map { .integer(Int64($0)) })
    add("ignore_eos", ignoreEndOfSequence)
    add("logprobs", logprobs)
    add("prompt_logprobs", promptLogprobs)
    add("truncate_prompt", truncatePrompt)
    add("skip_special_tokens", skipSpecialTokens, unless: true)
    add("echo", echo)
    return .object(members)
  }

  /// The fields that are recorded, by the names of their properties, so that a test notices one that is not.
  package static let recordedFields = [
    "maxTokens", "minTokens", "n", "bestOf", "temperature", "topK", "topP", "minP", "typicalP", "repetitionPenalty",
    "presencePenalty", "frequencyPenalty", "noRepeatNGramSize", "logitBias", "badWords", "stop", "includesStop", "seed",
    "stopTokenIDs", "ignoreEndOfSequence", "logprobs", "promptLogprobs", "truncatePrompt", "skipSpecialTokens", "echo",
  ]

  /// The parameters without the words in them, which only say which tokens are chosen.
  var withoutContents: SamplingParams {
    var params = self
    (params.stop, params.badWords, params.logitBias) = ([], [], [:])
    return params
  }

  /// Reads what ``json`` writes. Nil for anything else, unknown members included: they would change the answer.
  init?(recorded json: JSONValue) {
    guard let members = json.objectValue?.members else { return nil }
    self.init()
    for member in members {
      let (value, number) = (member.value, member.value.doubleValue.map { Float($0) } ?? .nan)
      switch member.key {
      case "max_tokens": maxTokens = value.intValue
      case "min_tokens": minTokens = value.intValue ?? -1
      case "n": n = value.intValue ?? -1
      case "best_of": bestOf = value.intValue
      case "temperature": temperature = number
      case "top_k": topK = value.intValue ?? -1
      case "top_p": topP = number
      case "min_p": minP = number
      case "typical_p": typicalP = number
      case "repetition_penalty": repetitionPenalty = number
      case "presence_penalty": presencePenalty = number
      case "frequency_penalty": frequencyPenalty = number
      case "no_repeat_ngram_size": noRepeatNGramSize = value.intValue ?? -1
      case "logit_bias":
        guard let biases = Self.biases(value) else { return nil }
        logitBias = biases
      case "bad_words":
        guard let words = Self.words(value) else { return nil }
        badWords = words
      case "stop":
        guard let words = Self.words(value) else { return nil }
        stop = words
      case "include_stop": includesStop = value.boolValue ?? false
      case "stop_token_ids":
        guard let tokens = value.tokens else { return nil }
        stopTokenIDs = tokens
      case "ignore_eos": ignoreEndOfSequence = value.boolValue ?? false
      case "logprobs": logprobs = value.intValue
      case "prompt_logprobs": promptLogprobs = value.intValue
      case "truncate_prompt": truncatePrompt = value.intValue
      case "skip_special_tokens": skipSpecialTokens = value.boolValue ?? true
      case "echo": echo = value.boolValue ?? false
      default: return nil
      }
    }
  }

  private static func words(_ json: JSONValue) -> [String]? {
    guard let words = json.arrayValue?.compactMap(\.stringValue), words.count == json.arrayValue?.count else {
      return nil
    }
    return words
  }

  private static func biases(_ json: JSONValue) -> [TokenID: Float]? {
    var biases: [TokenID: Float] = [:]
    for pair in json.arrayValue ?? [] {
      guard let values = pair.arrayValue, values.count == 2,
        let token = values[0].intValue.flatMap(TokenID.init(exactly:)),
        let bias = values[1].doubleValue
      else { return nil }
      biases[token] = Float(bias)
    }
    return biases
  }
}
