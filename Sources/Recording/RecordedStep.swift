internal import JSON
package import Requests

/// What one step of an executor did: what came in, what was decided, and what came out.
package struct RecordedStep: Sendable, Equatable {
  /// A request with a number of tokens.
  package struct Count: Sendable, Equatable {
    /// The request.
    package var id: RequestID
    /// Number of tokens.
    package var tokenCount: Int
  }

  /// A generated token.
  package struct Token: Sendable, Equatable {
    /// The request.
    package var id: RequestID
    /// The token.
    package var token: TokenID
    /// The bits of its log-probability, if that was asked for.
    package var logprobBits: UInt32?
  }

  /// The end of a request.
  package struct End: Sendable, Equatable {
    /// The request.
    package var id: RequestID
    /// Why: `stop`, `length`, `cancelled` or `error`.
    package var reason: String
    /// Number of tokens that it generated.
    package var tokenCount: Int
  }

  /// Number of the step, from 1. Steps in which nothing happened are not recorded.
  package var number = 0
  /// Microseconds from the beginning of the recording to that of the step: what the step took for the time.
  package var microseconds = 0
  /// The limit of prompts' tokens that measured speed suggested, if there was one.
  package var prefillTokenCount: Int?
  /// Requests that came in.
  package var arrivals: [RecordedRequest] = []
  /// Requests that were to be cancelled.
  package var cancellations: [RequestID] = []
  /// Requests, or samples of them, whose readers had found one of their stop strings.
  package var stopped: [RequestID] = []
  /// Whether the executor was told to cancel everything.
  package var cancelsEverything = false
  /// Whether a request that had not started began with what another one was going to compute, so that it may have waited for
  /// it.
  package var awaitsPrefix = false
  /// Requests that were paused.
  package var paused: [RequestID] = []
  /// The tokens that were to be processed.
  package var plan: [Count] = []
  /// Requests that started, with the tokens that were found in the cache.
  package var starts: [Count] = []
  /// Generated tokens; none in a recording without contents.
  package var tokens: [Token] = []
  /// Requests that ended.
  package var ends: [End] = []

  /// Creates a step in which nothing happened.
  package init() {}

  /// Whether there is anything to record.
  var isEmpty: Bool {
    arrivals.isEmpty && cancellations.isEmpty && stopped.isEmpty && !cancelsEverything && paused.isEmpty
      && plan.isEmpty && starts.isEmpty && tokens.isEmpty && ends.isEmpty
  }

  /// Whether the policies decided the same.
  func hasDecisions(of other: RecordedStep) -> Bool {
    paused == other.paused && plan == other.plan && starts == other.starts
  }
}

// As one line of JSON.
extension RecordedStep {
  /// The step, without its plan if that is `previous`.
  func json(previousPlan previous: [Count]) -> JSONValue {
    func id(_ id: RequestID) -> JSONValue { .integer(Int64(clamping: id.rawValue)) }
    func pairs(_ counts: [Count]) -> JSONValue {
      .array(counts.flatMap { [id($0.id), .integer(Int64($0.tokenCount))] })
    }
    var members: [(String, JSONValue)] = [
      ("step", .integer(Int64(number))), ("us", .integer(Int64(microseconds))),
    ]
    if let prefillTokenCount { members.append(("prefill", .integer(Int64(prefillTokenCount)))) }
    if !arrivals.isEmpty { members.append(("arrive", .array(arrivals.map(\.json)))) }
    if !cancellations.isEmpty { members.append(("cancel", .array(cancellations.map(id)))) }
    if !stopped.isEmpty { members.append(("stop", .array(stopped.map(id)))) }
    if cancelsEverything { members.append(("cancel_all", .bool(true))) }
    if awaitsPrefix { members.append(("awaits_prefix", .bool(true))) }
    if !paused.isEmpty { members.append(("pause", .array(paused.map(id)))) }
    if plan != previous { members.append(("plan", pairs(plan))) }
    if !starts.isEmpty { members.append(("start", pairs(starts))) }
    if !tokens.isEmpty {
      members.append(("tokens", .array(tokens.flatMap { [id($0.id), .integer(Int64($0.token))] })))
      if tokens.contains(where: { $0.logprobBits != nil }) {
        members.append(
          ("logprobs", .array(tokens.map { $0.logprobBits.map { .integer(Int64($0)) } ?? .null })))
      }
    }
    if !ends.isEmpty {
      members.append(
        ("end", .array(ends.map { .array([id($0.id), .string($0.reason), .integer(Int64($0.tokenCount))]) })))
    }
    return .object(members)
  }

  private static let members = [
    "step", "us", "prefill", "arrive", "cancel", "stop", "cancel_all", "awaits_prefix", "pause", "plan", "start",
    "tokens", "logprobs", "end",
  ]

  /// Reads what ``json(previousPlan:)`` writes.
  ///
  /// - Throws: ``RecordShapeError`` for anything else.
  init(_ json: JSONValue, previousPlan previous: [Count]) throws(RecordShapeError) {
    let fields = try RecordFields(json, known: Self.members)
    number = try fields.count("step")
    microseconds = try fields.count("us")
    prefillTokenCount = try fields.optional("prefill") { $0.count(in: 1...Int.max) }
    for value in try fields.array("arrive") { arrivals.append(try RecordedRequest(value)) }
    cancellations = try fields.requests("cancel")
    stopped = try fields.requests("stop")
    cancelsEverything = try fields.flag("cancel_all", default: false)
    awaitsPrefix = try fields.flag("awaits_prefix", default: false)
    paused = try fields.requests("pause")
    plan = fields.has("plan") ? try fields.pairs("plan").map { Count(id: $0.0, tokenCount: $0.1) } : previous
    starts = try fields.pairs("start").map { Count(id: $0.0, tokenCount: $0.1) }
    tokens = try Self.tokens(fields)
    ends = try fields.elements("end", End.init(recorded:))
  }

  private static func tokens(_ fields: RecordFields) throws(RecordShapeError) -> [Token] {
    let pairs = try fields.pairs("tokens")
    let bits: [UInt32?]? = try fields.optional("logprobs") { json in
      json.elements { (element) -> UInt32?? in
        element.isNull ? .some(nil) : element.intValue.flatMap { UInt32(exactly: $0) }.map { .some($0) }
      }
    }
    guard bits == nil || bits?.count == pairs.count else {
      throw RecordShapeError(member: fields.path(of: "logprobs"), reason: "has another length than \"tokens\"")
    }
    var tokens: [Token] = []
    tokens.reserveCapacity(pairs.count)
    for (place, pair) in pairs.enumerated() {
      guard let token = TokenID(exactly: pair.1) else {
        throw RecordShapeError(member: fields.path(of: "tokens"), reason: "has \(pair.1), which is no token")
      }
      tokens.append(Token(id: pair.0, token: token, logprobBits: bits?[place]))
    }
    return tokens
  }
}

extension RecordedStep.End {
  /// Reads an array of the request, the reason and the number of tokens; nil for anything else.
  fileprivate init?(recorded json: JSONValue) {
    guard let values = json.arrayValue, values.count == 3, let id = values[0].countValue,
      let reason = values[1].stringValue, let count = values[2].countValue
    else { return nil }
    self.init(id: RequestID(UInt64(id)), reason: reason, tokenCount: count)
  }
}
