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
  /// How it uses the cache. A salt is replaced by a hash with a key that is not recorded: what matters is who shares.
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
      members.append(("retention", .array(cache.retention.ranges.map(\.json))))
    }
    return .object(members)
  }

  private static let members = [
    "id", "seed", "prompt_tokens", "prompt", "priority", "tag", "eos", "params", "beams", "banned", "first_sample",
    "controls", "grammar", "reuse", "salt", "retention",
  ]

  /// Reads what ``json`` writes.
  ///
  /// - Throws: ``RecordShapeError`` for anything else.
  init(_ json: JSONValue) throws(RecordShapeError) {
    let fields = try RecordFields(json, at: "arrive", known: Self.members)
    id = RequestID(UInt64(try fields.count("id")))
    seed = try fields.unsigned("seed")
    let count = try fields.count("prompt_tokens")
    promptTokenCount = count
    prompt = try fields.optional("prompt") { $0.tokens.flatMap { $0.count == count ? $0 : nil } }
    let params = try SamplingParams(recorded: fields.read("params") { $0 }, at: fields.path(of: "params"))
    self.params = params
    priority = try fields.integer("priority", default: 0)
    tag = try fields.unsigned("tag", default: 0)
    endOfSequenceTokenIDs = try fields.elements("eos", \.tokenValue)
    guard endOfSequenceTokenIDs.count <= Self.maximumEndTokens else {
      throw RecordShapeError(member: fields.path(of: "eos"), reason: "has more than \(Self.maximumEndTokens) tokens")
    }
    firstSampleIndex = try fields.count("first_sample", default: 0)
    hasControls = try fields.flag("controls", default: false)
    grammar = try fields.optional("grammar", \.stringValue)
    if let json = try fields.optional("beams", { $0 }) {
      beams = try BeamSearchParams(recorded: json, at: fields.path(of: "beams"), params)
    }
    bannedSequences = try fields.elements("banned", \.tokens)
    cache = CacheOptions(
      isReused: try fields.flag("reuse", default: true), salt: try fields.optional("salt", \.stringValue),
      retention: CacheRetention(ranges: try fields.elements("retention", CacheRetention.TokenRange.init(recorded:))))
  }

  /// The most end-of-sequence tokens of a model.
  private static let maximumEndTokens = 4096
}

extension CacheRetention.TokenRange {
  /// As an array, in which what is not limited is `null`.
  fileprivate var json: JSONValue {
    .array([
      .integer(Int64(start)), end.map { .integer(Int64($0)) } ?? .null, .integer(Int64(priority)),
      seconds.map(JSONValue.number) ?? .null,
    ])
  }

  /// Reads what ``json`` writes; nil for anything else.
  fileprivate init?(recorded json: JSONValue) {
    guard let values = json.arrayValue, values.count == 4, let start = values[0].intValue,
      let priority = values[2].intValue, values[1].isNull || values[1].intValue != nil,
      values[3].isNull || values[3].doubleValue != nil
    else { return nil }
    self.init(start: start, end: values[1].intValue, priority: priority, seconds: values[3].doubleValue)
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

  /// Reads what ``json`` writes of a request with `params`.
  ///
  /// - Throws: ``RecordShapeError`` for anything else.
  fileprivate init(
    recorded json: JSONValue, at path: String, _ params: SamplingParams
  ) throws(RecordShapeError) {
    let fields = try RecordFields(json, at: path, known: ["width", "n", "length_penalty", "early_stopping"])
    guard let maxTokens = params.maxTokens else {
      throw RecordShapeError(member: path, reason: "is there without \"max_tokens\"")
    }
    self.init(
      width: try fields.count("width"), maxTokens: maxTokens, n: try fields.count("n"),
      lengthPenalty: try fields.number("length_penalty"),
      earlyStopping: try fields.read("early_stopping") { $0.stringValue.flatMap { EarlyStopping(rawValue: $0) } },
      stopTokenIDs: params.stopTokenIDs)
  }
}
