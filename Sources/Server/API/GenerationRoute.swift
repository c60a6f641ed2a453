internal import Inflight
internal import JSON
internal import NIOCore

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
    var choices = (0..<plan.sampleCount).map { shape.makeChoice(prompt: $0 / plan.params.sampleCount) }
    var usage = Usage()
    var ranking = AnswerRanking(count: plan.sampleCount)
    do {
      try await withTaskExecutorPreference(exchange.executor) {
        try await generation.read(streams) { index, chunk in
          for sample in plan.samples(prompt: index, chunk) {
            shape.add(chunk, to: &choices[sample])
            ranking.add(chunk, to: sample)
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
    return await state.work.write(count: plan.entryCount(generated: usage.completionCount)) { [choices, usage] in
      document(best.map { choices[$0] }, copyCount: plan.copyCount, usage)
    }
  }

  /// A whole answer, in which every choice is there `copyCount` times.
  func document(_ choices: [Shape.Choice], copyCount: Int, _ usage: Usage) -> Answer {
    let (before, after) = frame(shape.objects.whole, usage: usage.json)
    var pieces = [ByteBuffer(bytes: before)]
    var place = 0
    for choice in choices {
      // The copies share it: a short request may ask for very many of a long text.
      let text = ByteBuffer(bytes: shape.whole(choice).bytes)
      for _ in 0..<copyCount {
        var beginning = ByteBuffer()
        if place > 0 { beginning.writeStaticString(",") }
        beginning.writeBytes(ChoiceText.beginning(at: place))
        pieces.append(beginning)
        pieces.append(text)
        place += 1
      }
    }
    pieces.append(ByteBuffer(bytes: after))
    return .pieces(pieces)
  }

  private func stream(
    _ streams: [CompletionStream], _ plan: GenerationPlan, _ generation: Generation, _ writer: inout EventWriter
  ) async throws {
    var choices = (0..<plan.sampleCount).map { shape.makeChoice(prompt: $0 / plan.params.sampleCount) }
    var usage = Usage()
    let (before, after) = frame(shape.objects.event, usage: plan.includesUsage ? .null : nil)
    do {
      let opening = shape.opening()
      for place in 0..<plan.sampleCount * plan.copyCount {
        for text in opening {
          try await writer.add(before, ChoiceText.beginning(at: place), text.bytes, after)
        }
      }
      try await writer.flush()
      try await generation.read(streams) { index, chunk in
        if let summary = chunk.summary { usage.add(summary, copyCount: plan.copyCount) }
        for sample in plan.samples(prompt: index, chunk) {
          let events = shape.events(chunk, &choices[sample])
          for place in plan.places(ofSample: sample) {
            for text in events { try await writer.add(before, ChoiceText.beginning(at: place), text.bytes, after) }
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

  /// An answer or an event without its choices: the bytes before and after them.
  private func frame(_ object: String, usage: JSONValue?) -> (before: [UInt8], after: [UInt8]) {
    let empty = envelope(object, choices: [], usage: usage).serializedBytes()
    let after =
      Array("]".utf8) + (usage.map { Array(",\"usage\":".utf8) + $0.serializedBytes() } ?? []) + Array("}".utf8)
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
