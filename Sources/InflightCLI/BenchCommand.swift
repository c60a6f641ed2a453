internal import ArgumentParser
internal import Inflight
internal import JSON
internal import Synchronization
internal import Tensors

/// `inflight bench`
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure speed: prefill, decode, and many requests at a time.",
    discussion: """
      Prompts are random tokens and the end-of-sequence token is ignored, so that every request has the length asked for.
      Prefill and decode are measured with one request; then --requests requests run, --concurrency at a time. The \
      machine's own limits are measured in the same run, and each figure is given as a share of them.

      EXAMPLES:
        inflight bench
        inflight bench --prompt-tokens 128 --output-tokens 128 --concurrency 32 --requests 64
        inflight bench --limits --json
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var engine: EngineArguments

  @Option(help: "Tokens of each prompt.")
  var promptTokens: Int = 512
  @Option(help: "Tokens of each answer.")
  var outputTokens: Int = 128
  @Option(help: "Requests that run at a time.")
  var concurrency: Int = 1
  @Option(help: "Requests in all. Default: twice the concurrency.")
  var requests: Int?
  @Flag(help: "Measure the machine's limits only.")
  var limits = false
  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    for (name, value) in [
      ("--prompt-tokens", promptTokens), ("--output-tokens", outputTokens), ("--concurrency", concurrency),
      ("--requests", requests ?? 1),
    ] where value < 1 {
      throw ValidationError("\(name) is \(value); it must be at least 1")
    }
    if let threads = engine.threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); it must be 1 to 1024")
    }
  }

  func run() async throws {
    let threads = engine.threads ?? availableProcessorCount()
    if limits {
      print(limits: MachineLimits.measure(threadCount: threads))
      return
    }
    let overheads = Overheads()
    let llm = try await LLM.load(model, options: engine.options()) { overheads.add($0) }
    var report = BenchReport(
      promptTokens: promptTokens, outputTokens: outputTokens, concurrency: concurrency,
      requests: requests ?? 2 * concurrency, threads: threads, limits: MachineLimits.measure(threadCount: threads),
      information: llm.information)
    let driver = BenchDriver(llm: llm, promptTokens: promptTokens, outputTokens: outputTokens)
    _ = try await driver.request(number: 0)  // Warms the caches and touches the memory.
    try await report.add(single: (1...3).asyncMap { try await driver.request(number: $0) })
    overheads.reset()
    try await report.add(loop: driver.closedLoop(requests: report.requests, concurrency: concurrency))
    report.stepOverheads = overheads.microseconds
    report.peakResidentBytes = peakResidentBytes()
    StandardOutput.write(json ? report.json.serialized() + "\n" : report.words)
    await llm.shutdown()
  }

  private func print(limits: MachineLimits) {
    if json {
      StandardOutput.write(.object([("limits", BenchReport.json(limits))]))
    } else {
      StandardOutput.write(BenchReport.words(limits))
    }
  }
}

/// What the executor itself costs in each step.
private final class Overheads: Sendable {
  private let values = Mutex<[Double]>([])

  func add(_ step: StepStatistics) { values.withLock { $0.append(Double(step.overheadNanoseconds) / 1000) } }
  func reset() { values.withLock { $0.removeAll() } }
  var microseconds: [Double] { values.withLock { $0 } }
}

extension ClosedRange<Int> {
  /// The results of `body` for each number, one after the other.
  fileprivate func asyncMap<Result>(_ body: (Int) async throws -> Result) async rethrows -> [Result] {
    var results: [Result] = []
    for value in self { results.append(try await body(value)) }
    return results
  }
}
