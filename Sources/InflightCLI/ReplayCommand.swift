internal import ArgumentParser
internal import Catalogue
internal import Checkpoints
internal import Inflight
internal import JSON
internal import Recording

/// `inflight replay`
struct ReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Make a recorded run again, and compare every token and every decision.",
    discussion: """
      A recording is what a command wrote with --record FILE: which requests arrived and were cancelled before which \
      step, and what the scheduler decided in it. With --record-contents it also has the tokens of prompts and answers; \
      a replay then computes everything again, and every token must be the same, bit for bit, and so must every \
      decision. Without contents there is nothing to compute: the decisions are made again for requests of the recorded \
      lengths, up to the step in which one first found another's prefix in the cache, which depends on contents. Grammars \
      are recorded with the contents, and made again; code of a caller's that edits logits is not, and ends the comparison. \
      Of a token, itself and its own log-probability are compared; alternatives, and log-probabilities of prompts, are not.

      The first difference is said first. Exit status: 0 if there is none, 1 if there is one or if the replay failed, 2 if \
      nothing could be compared (or for a wrong use of the command).

      EXAMPLES:
        inflight generate "Once upon a time" --record run.jsonl --record-contents
        inflight replay run.jsonl
        inflight replay run.jsonl --threads 1         other threads, the same bits
        inflight replay run.jsonl --model copy.gguf   the model is elsewhere now
      """)

  @Argument(help: "The recording.")
  var file: String
  @Option(name: [.short, .long], help: "The model. Default: where it was.")
  var model: String?
  @Option(help: "Number of threads. Default: the processors that this process may use.")
  var threads: Int?
  @Option(help: "Kernels to use (for comparisons). Default: the best that the processor has.")
  var kernels: String?
  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads is \(threads); it must be at least 1") }
  }

  func run() async throws {
    let recording = try RecordingReader(path: file)
    var replay = try await replay(recording)
    let bar = ProgressBar()
    let report = try replay.run { bar.update("replaying step \($0)", fraction: 0) }
    bar.finish()
    StandardOutput.write(json ? report.json.serialized() + "\n" : report.words)
    switch report.verdict {
    case .same: break
    case .different: throw ExitCode(1)
    case .nothingCompared: throw ExitCode(2)
    }
  }

  private func replay(_ recording: RecordingReader) async throws -> ExecutionReplay {
    let header = recording.header
    guard header.hasContents else { return try .withoutContents(recording) }
    guard !header.modelHash.isEmpty, !header.customParts.contains(RecordingHeader.decoderPart) else {
      throw RecordingError.unsuitable("it was made with an engine or a decoder that is not part of this program")
    }
    let bar = ProgressBar()
    defer { bar.finish() }
    let path = try await ModelCatalogue().resolve(model ?? header.model, progress: bar)
    let checkpoint = try Checkpoint.open(path: path)
    let options = EngineOptions(
      threadCount: threads, maximumBatchTokens: header.limits.maximumBatchTokens,
      maximumLogitsRows: header.limits.maximumLogitsRows, maximumSequenceLength: header.limits.maximumSequenceLength,
      cacheTokens: header.geometry.blockSize * header.geometry.blockCount, cacheType: header.cacheType,
      blockSize: header.geometry.blockSize, kernelTier: kernels)
    _ = try MemoryLedger(
      checkpoint, options: options, secondTierByteCount: header.configuration.secondTier.memoryByteCount)
    guard ModelIdentity.model(checkpoint, options: options) == header.modelHash else {
      throw RecordingError.otherModel(path: path)
    }
    let engine = try CPUModelEngine(
      checkpoint: checkpoint, options: options,
      backend: CPUBackend(configuration: checkpoint.configuration, options: options))
    let grammars = try RecordedGrammars(checkpoint)
    return try ExecutionReplay(recording, engine: engine) { try grammars.controls($0) }
  }
}

extension ReplayFindings {
  /// For people.
  var words: String {
    var lines = differences.map(\.description)
    if differenceCount > differences.count {
      lines.append("and \(differenceCount - differences.count) more differences")
    }
    lines.append(
      "\(stepCount) steps, \(requestCount) requests; compared: \(tokenCount) tokens, the decisions of \(decisionCount) steps"
    )
    if openCount > 0 { lines.append("\(openCount) requests had not ended when the recording did") }
    lines += notes
    switch verdict {
    case .same: lines.append("no difference")
    case .different: lines.append(differenceCount == 1 ? "1 difference" : "\(differenceCount) differences")
    case .nothingCompared: lines.append("nothing was compared, so nothing is known to be the same")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// For programs.
  var json: JSONValue {
    func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
    return .object([
      ("verdict", .string(verdict.rawValue)), ("steps", count(stepCount)), ("requests", count(requestCount)),
      ("compared_tokens", count(tokenCount)),
      ("compared_decisions", count(decisionCount)), ("open_requests", count(openCount)),
      ("notes", .array(notes.map { .string($0) })), ("difference_count", count(differenceCount)),
      ("differences", .array(differences.map { .string($0.description) })),
    ])
  }
}
