internal import Inflight
internal import JSON

/// Runs a plan and writes what comes of it in the shape of a route.
struct GenerationRoute<Shape: AnswerShape>: Sendable {
  /// What the server's routes share.
  let state: ServerState
  /// The request.
  let exchange: Exchange
  /// How answers are written.
  let shape: Shape
  private let id: String
  private let created = Timestamp.seconds

  /// Answers `exchange` in `shape`.
  init(_ shape: Shape, state: ServerState, exchange: Exchange) {
    self.state = state
    self.exchange = exchange
    self.shape = shape
    id = shape.prefix + Exchange.randomName()
  }

  /// Submits the plan and answers with its outputs, whole or as events.
  ///
  /// - Throws: ``APIError`` if it is refused, and if a whole answer fails.
  func run(_ plan: GenerationPlan, llm: LLM) async throws(APIError) -> Answer {
    let generation = await Generation(exchange, llm: llm, state: state)
    let streams: [CompletionStream]
    do {
      streams = try generation.submit(plan)
    } catch {
      throw generation.refusal(error)
    }
    if plan.isStreamed {
      return .events { writer in try await stream(streams, plan, generation, &writer) }
    }
    let count = streams.count * plan.answerCount
    var choices = (0..<count).map { shape.makeChoice($0) }
    var usage = Usage()
    var ranking = AnswerRanking(count: count)
    do {
      try await generation.read(streams) { index, chunk in
        for answer in plan.answers(prompt: index, chunk) {
          _ = shape.add(chunk, to: &choices[answer])
          ranking.add(chunk, to: answer)
        }
        if let summary = chunk.summary { usage.add(summary, copyCount: plan.copyCount) }
      }
    } catch {
      throw generation.fail(error)
    }
    generation.finish()
    usage.note(exchange)
    return .json(
      envelope(
        shape.objects.whole,
        choices: ranking.best(plan).enumerated().map { shape.whole(choices[$0.element], index: $0.offset) },
        usage: usage.json))
  }

  private func stream(
    _ streams: [CompletionStream], _ plan: GenerationPlan, _ generation: Generation, _ writer: inout EventWriter
  ) async throws {
    var choices = (0..<streams.count * plan.answerCount).map { shape.makeChoice($0) }
    var usage = Usage()
    let nothing: JSONValue? = plan.includesUsage ? .null : nil
    do {
      for index in choices.indices {
        for choice in shape.opening(&choices[index]) {
          try await writer.send(envelope(shape.objects.event, choices: [choice], usage: nothing))
        }
      }
      try await generation.read(streams) { index, chunk in
        if let summary = chunk.summary { usage.add(summary, copyCount: plan.copyCount) }
        for answer in plan.answers(prompt: index, chunk) {
          for choice in shape.add(chunk, to: &choices[answer]) {
            try await writer.send(envelope(shape.objects.event, choices: [choice], usage: nothing))
          }
        }
      }
      if plan.includesUsage {
        try await writer.send(envelope(shape.objects.event, choices: [], usage: usage.json))
      }
    } catch {
      let answer = generation.fail(error)
      // Without a reader there is nobody to tell.
      if generation.reason == .disconnected { throw error }
      try await writer.send(answer.body)
      return try await writer.sendDone()
    }
    generation.finish()
    usage.note(exchange)
    try await writer.sendDone()
  }

  /// An answer or an event with these choices.
  func envelope(_ object: String, choices: [JSONValue], usage: JSONValue?) -> JSONValue {
    var members: [(String, JSONValue)] = [
      ("id", .string(id)), ("object", .string(object)), ("created", .integer(created)),
      ("model", .string(state.options.modelNames.first ?? "")), ("choices", .array(choices)),
    ]
    if let usage { members.append(("usage", usage)) }
    return .object(members)
  }
}
