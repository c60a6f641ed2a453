internal import JSON
package import Requests

/// A request as it arrived.
package struct RecordedRequest: Sendable, Equatable {
  /// Its name.
  package var id: RequestID
  /// The seed of its random numbers, given or drawn.
  package var seed: UInt64
  /// Number of tokens of its prompt.
  package var promptTokenCount: Int
  /// The prompt; nil in a recording without contents.
  package var prompt: [TokenID]?
  /// How its tokens are chosen.
  package var params: SamplingParams
  /// Its priority.
  package var priority: Int
  /// The number that policies see.
  package var tag: UInt64
  /// The model's end-of-sequence tokens.
  package var endOfSequenceTokenIDs: [TokenID]
  /// Sequences of which the last token is not generated; none in a recording without contents.
  package var bannedSequences: [[TokenID]]
  /// The index of its first sample.
  package var firstSampleIndex: Int
  /// How its most probable continuations were searched for; nil for a request that is no beam search.
  package var beams: BeamSearchParams?
  /// Whether a constraint or code of the caller's decided about its tokens, or hidden states were asked for.
  package var hasControls: Bool
  /// The grammar that did, as whoever made the constraint of it wrote it down; nil for code, of which nothing is recorded, and
  /// in a recording without contents.
  package var grammar: String?
  /// How it uses the cache. A salt is replaced by the number of different salts before it: what matters is who shares.
  package var cache: CacheOptions

  /// Describes a request; `salt` stands for the salt of its cache options.
  init(
    id: RequestID, seed: UInt64, _ request: GenerationRequest, hasControls: Bool, grammar: (() -> String)?,
    salt: String?, keepsContents: Bool
  ) {
    self.id = id
    self.seed = seed
    promptTokenCount = request.promptTokens.count
    prompt = keepsContents ? request.promptTokens : nil
    params = keepsContents ? request.params : request.params.withoutContents
    bannedSequences = keepsContents ? request.bannedSequences : []
    firstSampleIndex = request.firstSampleIndex
    beams = request.beams
    self.hasControls = hasControls
    self.grammar = keepsContents ? grammar?() : nil
    priority = request.priority
    tag = request.tag
    endOfSequenceTokenIDs = request.endOfSequenceTokenIDs
    cache = request.cache
    cache.salt = salt
  }

  /// The request again. Without contents its prompt is zeros, and it shares nothing.
  var request: GenerationRequest {
    var (params, cache) = (params, cache)
    params.seed = seed
    if prompt == nil { cache.isReused = false }
    let tokens = prompt ?? Array(repeating: 0, count: promptTokenCount)
    if let beams {
      return GenerationRequest(
        promptTokens: tokens, beams: beams, priority: priority, tag: tag, endOfSequenceTokenIDs: endOfSequenceTokenIDs,
        cache: cache)
    }
    var request = GenerationRequest(
      promptTokens: tokens, params: params, priority: priority, tag: tag,
      endOfSequenceTokenIDs: endOfSequenceTokenIDs, cache: cache)
    (request.bannedSequences, request.firstSampleIndex) = (bannedSequences, firstSampleIndex)
    return request
  }

  /// Number of names that the request has: one for each of its samples or beams.
  var sequenceCount: Int { beams?.width ?? params.sampleCount }
}

// As JSON. Numbers of 64 bits without a sign are text, since JSON's integers end at 2^63.
extension RecordedRequest {
  var json: JSONValue {
    var members: [(String, JSONValue)] = [
      ("id", .integer(Int64(clamping: id.rawValue))), ("seed", .string("\(seed)")),
      ("prompt_tokens", .integer(Int64(promptTokenCount))),
    ]
    if let prompt { members.append(("prompt", .tokens(prompt))) }
    if priority != 0 { members.append(("priority", .integer(Int64(priority)))) }
    if tag != 0 { members.append(("tag", .string("\(tag)"))) }
    if !endOfSequenceTokenIDs.isEmpty { members.append(("eos", .tokens(endOfSequenceTokenIDs))) }
    members.append(("params", params.json))
    if let beams { members.append(("beams", beams.json)) }
    if !bannedSequences.isEmpty { members.append(("banned", .array(bannedSequences.map { .tokens($0) }))) }
    if firstSampleIndex != 0 { members.append(("first_sample", .integer(Int64(firstSampleIndex)))) }
    if hasControls { members.append(("controls", .bool(true))) }
    if let grammar { members.append(("grammar", .string(grammar))) }
    if !cache.isReused { members.append(("reuse", .bool(false))) }
    if let salt = cache.salt { members.append(("salt", .string(salt))) }
    if !cache.retention.ranges.isEmpty {
      members.append(
        (
          "retention",
          .array(
            cache.retention.ranges.map {
              .array([
                .integer(Int64($0.start)), $0.end.map { .integer(Int64($0)) } ?? .null, .integer(Int64($0.priority)),
                $0.seconds.map(JSONValue.number) ?? .null,
              ])
            })
        ))
    }
    return .object(members)
  }

  /// Reads what ``json`` writes; nil for anything else.
  init?(_ json: JSONValue) {
    guard let fields = RecordFields(json), let id = fields.count("id"), let seed = fields.unsigned("seed"),
      let count = fields.count("prompt_tokens"),
      let params = fields["params"].flatMap({ SamplingParams(recorded: $0) }),
      let priority = fields.integer("priority", default: 0), let tag = fields.unsigned("tag", default: 0),
      let endOfSequence = fields.tokens("eos", default: []),
      let firstSampleIndex = fields.count("first_sample", default: 0)
    else { return nil }
    self.id = RequestID(UInt64(id))
    self.seed = seed
    promptTokenCount = count
    self.params = params
    self.priority = priority
    self.tag = tag
    endOfSequenceTokenIDs = endOfSequence
    self.firstSampleIndex = firstSampleIndex
    hasControls = fields["controls"]?.boolValue ?? false
    grammar = fields["grammar"]?.stringValue
    if let json = fields["beams"] {
      guard let beams = BeamSearchParams(recorded: json, params) else { return nil }
      self.beams = beams
    }
    bannedSequences = []
    for value in fields["banned"]?.arrayValue ?? [] {
      guard let sequence = value.tokens else { return nil }
      bannedSequences.append(sequence)
    }
    cache = CacheOptions(isReused: fields["reuse"]?.boolValue ?? true, salt: fields["salt"]?.stringValue)
    if fields["prompt"] != nil {
      guard let prompt = fields.tokens("prompt"), prompt.count == count else { return nil }
      self.prompt = prompt
    }
    for range in fields["retention"]?.arrayValue ?? [] {
      guard let values = range.arrayValue, values.count == 4, let start = values[0].intValue,
        let priority = values[2].intValue
      else { return nil }
      cache.retention.ranges.append(
        CacheRetention.TokenRange(
          start: start, end: values[1].intValue, priority: priority, seconds: values[3].doubleValue))
    }
  }
}

extension BeamSearchParams {
  /// What the parameters of the request do not say.
  fileprivate var json: JSONValue {
    .object([
      ("width", .integer(Int64(width))), ("n", .integer(Int64(n))), ("length_penalty", .number(lengthPenalty)),
      ("early_stopping", .string(earlyStopping.rawValue)),
    ])
  }

  /// Reads what ``json`` writes of a request with `params`; nil for anything else.
  fileprivate init?(recorded json: JSONValue, _ params: SamplingParams) {
    guard let fields = RecordFields(json), let width = fields.count("width"), let n = fields.count("n"),
      let penalty = fields["length_penalty"]?.doubleValue, let maxTokens = params.maxTokens,
      let early = fields["early_stopping"]?.stringValue.flatMap({ EarlyStopping(rawValue: $0) })
    else { return nil }
    self.init(
      width: width, maxTokens: maxTokens, n: n, lengthPenalty: penalty, earlyStopping: early,
      stopTokenIDs: params.stopTokenIDs)
  }
}
