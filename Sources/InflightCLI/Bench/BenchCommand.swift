internal import ArgumentParser
internal import Benchmarking
internal import Catalogue
internal import Inflight
internal import JSON
internal import Tensors

/// `inflight bench`
struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure speed: prefill, decode, and many requests at a time.",
    discussion: """
      Prompts are random tokens and the end-of-sequence token is ignored, so that every request has the length asked \
      for. Prefill (tokens of a prompt per second until its first token) and decode (tokens per second after that) are \
      measured with one request at a time; then --requests requests run, --concurrency at a time. The machine's own \
      limits are measured before and after, and each figure is given as a share of them.

      EXAMPLES:
        inflight bench
        inflight bench --prompt-tokens 128 --concurrency 32 --requests 64
        inflight bench --profile                  where the time of a step goes
        inflight bench --sweep                    1, 2, 4 ... 64 at a time, with plots
        inflight bench --sweep 1,8,32 --report speed.html
        inflight bench --compare llama.cpp        the same on llama.cpp, in turns
        inflight bench --compare llama.cpp --python .venv/bin/python --rounds 5
        inflight bench --sampling --json-schema schema.json --concurrency 32
                                                  what sampling and a grammar add to a step
        inflight bench --limits --json            the machine's limits only

      --compare needs a Python that has llama-cpp-python: --python, else the variable INFLIGHT_PYTHON, else what \
      scripts/install-llama-cpp.sh installs. The comparison favours llama.cpp a little: of it only passes are timed, \
      and of Inflight everything between sending a request and receiving its tokens.

      --sampling and --json-schema run the closed loop in turns: greedy, with temperature 0.8, top-k 50, top-p 0.9 and \
      all penalties, with the schema, and with both. Only those steps count in which each of the --concurrency requests \
      gets one token, and none is appended without a pass. A schema of long texts, such as an array of at least 100 \
      items, has the most of them.
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var engine: EngineArguments

  @Option(help: "Tokens of each prompt.")
  var promptTokens: Int = 512
  @Option(help: "Tokens of each answer.")
  var outputTokens: Int = 128
  @Option(help: "Requests that run at a time. Default: 1.")
  var concurrency: Int?
  @Option(help: "Requests in all; of a sweep, at each level. Default: twice the concurrency, at a level at least 4.")
  var requests: Int?
  @Flag(help: "Measure the machine's limits only.")
  var limits = false
  @Flag(help: "Show where the time of a step goes, by operation.")
  var profile = false
  @Option(
    defaultAsFlag: BenchPlan.defaultLevels,
    help: ArgumentHelp("Run closed loops at these levels of concurrency, and write a report.", valueName: "1,8,32"))
  var sweep: String?
  @Option(help: ArgumentHelp("Where a sweep's HTML page goes. Default: inflight-bench.html.", valueName: "file"))
  var report: String?
  @Option(help: ArgumentHelp("Run another engine in turns: llama.cpp.", valueName: "engine"))
  var compare: String?
  @Option(help: ArgumentHelp("The Python that has llama-cpp-python.", valueName: "path"))
  var python: String?
  @Flag(help: "Compare sampling with greedy choice, by the time of a step.")
  var sampling = false
  @Option(help: ArgumentHelp("Compare texts of the JSON schema in this file with free ones.", valueName: "file"))
  var jsonSchema: String?
  @Option(help: "Rounds of a comparison. Default: 3.")
  var rounds: Int?
  @Flag(help: "Print one JSON object.")
  var json = false

  /// What the options say, checked.
  private func plan() throws(BenchOptionError) -> BenchPlan {
    var options = BenchOptions()
    options.promptTokens = promptTokens
    options.outputTokens = outputTokens
    options.concurrency = concurrency
    options.requests = requests
    options.threads = engine.threads
    options.limits = limits
    options.profile = profile
    options.sweep = sweep
    options.report = report
    options.compare = compare
    options.python = python
    options.rounds = rounds
    options.sampling = sampling
    options.jsonSchema = jsonSchema
    return try BenchPlan(options)
  }

  func validate() throws {
    if engine.scheduling.prefixCacheFile != nil {
      throw ValidationError("bench computes every prompt from its beginning; --prefix-cache-file has no place in it")
    }
    do {
      _ = try plan()
    } catch {
      throw ValidationError(error.description)
    }
  }

  func run() async throws {
    let plan = try plan()
    if limits {
      let limits = MachineLimits.measure(threadCount: engine.threads ?? availableProcessorCount())
      StandardOutput.write(
        json ? JSONValue.object([("limits", limits.json)]).serialized() + "\n" : limits.words)
      return
    }
    if let report = plan.report { try checkWritable(report) }
    let peer = plan.hasPeer ? try startPeer() : nil
    let guided = try jsonSchema.map { try GrammarArguments.jsonSchema(inFile: $0) }
    let run = try await BenchRun.load(model, engine, plan)
    let figures = try await run.measure(
      peer: peer, guided: try guided.map { try run.llm.controls(for: $0) } ?? TokenControls())
    if let report = plan.report {
      try write(HTMLReport(figures).markup, to: report)
      Terminal.write("the report is in \(report)\n")
    }
    StandardOutput.write(json ? figures.json.serialized() + "\n" : figures.words(withProfile: plan.printsProfile))
    await run.llm.close()
  }

  /// Starts llama.cpp's process, before anything takes long.
  private func startPeer() throws(PeerError) -> LlamaPeer {
    try LlamaPeer(
      interpreter: LlamaPeer.interpreter(
        option: python, variable: environmentVariable("INFLIGHT_PYTHON"), cacheDirectory: userCacheDirectory()))
  }

  /// Fails now rather than after minutes if the report cannot be written.
  private func checkWritable(_ path: String) throws(CommandFailure) {
    do {
      _ = try OpenFile(path, .update)
    } catch {
      throw CommandFailure("cannot write the report \(path); --report names another file")
    }
  }

  private func write(_ text: String, to path: String) throws(CommandFailure) {
    do {
      let bytes = Array(text.utf8)
      try OpenFile(path, .replace).write(bytes.span, at: 0)
    } catch {
      throw CommandFailure("cannot write the report \(path)")
    }
  }
}
