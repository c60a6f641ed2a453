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

  /// Reads what ``json`` writes, which `path` leads to.
  ///
  /// - Throws: ``RecordShapeError`` for anything else, unknown members included: they would change the answer.
  init(recorded json: JSONValue, at path: String) throws(RecordShapeError) {
    guard let members = json.objectValue?.members else { throw RecordShapeError(member: path, reason: "is no object") }
    self.init()
    for member in members {
      guard let isRead = read(member.key, member.value) else {
        throw RecordShapeError(member: "\(path).\(member.key)", reason: "is not known to this version")
      }
      if !isRead { throw RecordShapeError(member: "\(path).\(member.key)", reason: "is not what it must be") }
    }
  }

  /// Reads one member.
  ///
  /// - Returns: whether it is what it must be; nil if there is none of that name.
  private mutating func read(_ name: String, _ value: JSONValue) -> Bool? {
    let float = value.doubleValue.map { Float($0) }
    return switch name {
    case "max_tokens": Self.set(&maxTokens, value.intValue)
    case "min_tokens": Self.set(&minTokens, value.intValue)
    case "n": Self.set(&n, value.intValue)
    case "best_of": Self.set(&bestOf, value.intValue)
    case "temperature": Self.set(&temperature, float)
    case "top_k": Self.set(&topK, value.intValue)
    case "top_p": Self.set(&topP, float)
    case "min_p": Self.set(&minP, float)
    case "typical_p": Self.set(&typicalP, float)
    case "repetition_penalty": Self.set(&repetitionPenalty, float)
    case "presence_penalty": Self.set(&presencePenalty, float)
    case "frequency_penalty": Self.set(&frequencyPenalty, float)
    case "no_repeat_ngram_size": Self.set(&noRepeatNGramSize, value.intValue)
    case "logit_bias": Self.set(&logitBias, Self.biases(value))
    case "bad_words": Self.set(&badWords, value.elements(\.stringValue))
    case "stop": Self.set(&stop, value.elements(\.stringValue))
    case "include_stop": Self.set(&includesStop, value.boolValue)
    case "stop_token_ids": Self.set(&stopTokenIDs, value.tokens)
    case "ignore_eos": Self.set(&ignoreEndOfSequence, value.boolValue)
    case "logprobs": Self.set(&logprobs, value.intValue)
    case "prompt_logprobs": Self.set(&promptLogprobs, value.intValue)
    case "truncate_prompt": Self.set(&truncatePrompt, value.intValue)
    case "skip_special_tokens": Self.set(&skipSpecialTokens, value.boolValue)
    case "echo": Self.set(&echo, value.boolValue)
    default: nil
    }
  }

  /// Sets a field; returns false if there is no value.
  private static func set<Value>(_ field: inout Value, _ value: Value?) -> Bool {
    guard let value else { return false }
    field = value
    return true
  }

  /// The same for a field that need not have a value.
  private static func set<Value>(_ field: inout Value?, _ value: Value?) -> Bool {
    guard let value else { return false }
    field = value
    return true
  }

  private static func biases(_ json: JSONValue) -> [TokenID: Float]? {
    guard let pairs = json.arrayValue else { return nil }
    var biases: [TokenID: Float] = [:]
    for pair in pairs {
      guard let values = pair.arrayValue, values.count == 2, let token = values[0].tokenValue,
        let bias = values[1].doubleValue, biases.updateValue(Float(bias), forKey: token) == nil
      else { return nil }
    }
    return biases
  }
}
