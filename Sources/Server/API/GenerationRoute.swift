internal import Inflight
internal import JSON

/// A request whose text has been read.
struct PreparedRequest<Shape: AnswerShape>: Sendable {
  /// What the engine is asked for.
  enum Plan: Sendable {
    /// Answers that are drawn.
    case drawn(GenerationPlan)
    /// Answers that are searched for.
    case searched(BeamPlan)
  }

  /// The model.
  let llm: LLM
  /// How answers are written.
  let shape: Shape
  /// What the engine is asked for.
  let plan: Plan
}

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

  /// Has the engine do what is asked for, and answers, whole or with events.
  ///
  /// - Throws: ``APIError`` if it is refused, and if a whole answer fails.
  func run(_ request: PreparedRequest<Shape>) async throws(APIError) -> Answer {
    switch request.plan {
    case .searched(let plan): return try await run(plan, llm: request.llm)
    case .drawn(var plan):
      try await state.compile(&plan, request.llm, exchange)
      return try await run(plan, llm: request.llm)
    }
  }

  private func run(_ plan: GenerationPlan, llm: LLM) async throws(APIError) -> Answer {
    let generation = await Generation(exchange, llm: llm, state: state)
    let streams: [CompletionStream]
    do {
      streams = try generation.submit(plan)
    } catch {
      throw generation.refusal(error)
    }
    if plan.isStreamed {
      return .events { writer in
        try await withTaskExecutorPreference(exchange.executor) {
          try await stream(streams, plan, generation, &writer)
        }
      }
    }
    let count = streams.count * plan.answerCount
    var choices = (0..<count).map { shape.makeChoice($0) }
    var usage = Usage()
    var ranking = AnswerRanking(count: count)
    do {
      try await withTaskExecutorPreference(exchange.executor) {
        try await generation.read(streams) { index, chunk in
          for answer in plan.answers(prompt: index, chunk) {
            _ = shape.add(chunk, to: &choices[answer])
            ranking.add(chunk, to: answer)
          }
          if let summary = chunk.summary { usage.add(summary, copyCount: plan.copyCount) }
        }
      }
    } catch {
      throw generation.fail(error)
    }
    generation.finish()
    usage.note(exchange)
    let best = ranking.best(plan)
    return await state.work.write(count: usage.completionCount) { [choices, usage] in
      let whole = best.enumerated().map { shape.whole(choices[$0.element], index: $0.offset) }
      return .written(envelope(shape.objects.whole, choices: whole, usage: usage.json).serializedBytes())
    }
  }

  private func stream(
    _ streams: [CompletionStream], _ plan: GenerationPlan, _ generation: Generation, _ writer: inout EventWriter
  ) async throws {
    var choices = (0..<streams.count * plan.answerCount).map { shape.makeChoice($0) }
    var usage = Usage()
    let (before, after) = eventFrame(hasUsage: plan.includesUsage)
    do {
      for index in choices.indices {
        for choice in shape.opening(&choices[index]) { try await writer.add(before, choice.serializedBytes(), after) }
      }
      try await writer.flush()
      try await generation.read(streams) { index, chunk in
        if let summary = chunk.summary { usage.add(summary, copyCount: plan.copyCount) }
        for answer in plan.answers(prompt: index, chunk) {
          for choice in shape.add(chunk, to: &choices[answer]) {
            try await writer.add(before, choice.serializedBytes(), after)
          }
        }
      } onPause: {
        try await writer.flush()
      }
      if plan.includesUsage { try await writer.add(envelope(shape.objects.event, choices: [], usage: usage.json)) }
    } catch {
      let answer = generation.fail(error)
      // Without a reader there is nobody to tell.
      if generation.reason == .disconnected { throw error }
      try await writer.add(answer.body)
      return writer.addDone()
    }
    generation.finish()
    usage.note(exchange)
    writer.addDone()
  }

  /// What is the same in every event with a choice: the bytes before and after it.
  private func eventFrame(hasUsage: Bool) -> (before: [UInt8], after: [UInt8]) {
    let empty = envelope(shape.objects.event, choices: [], usage: hasUsage ? .null : nil).serializedBytes()
    let after = Array((hasUsage ? "],\"usage\":null}" : "]}").utf8)
    return (Array(empty.dropLast(after.count)), after)
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
