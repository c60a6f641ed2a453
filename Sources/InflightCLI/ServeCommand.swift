internal import ArgumentParser
internal import Catalogue
internal import Inflight
internal import Logging
internal import Server

/// `inflight serve`
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Serve a model over HTTP, as OpenAI's API.",
    discussion: """
      EXAMPLES:
        inflight serve
        inflight serve --model model.gguf --host 0.0.0.0 --port 8000 --api-key-file keys.txt
        curl http://127.0.0.1:8080/v1/chat/completions -H 'Content-Type: application/json' \\
          -d '{"messages": [{"role": "user", "content": "Hello"}]}'
      """)

  @OptionGroup var model: ModelArgument
  @OptionGroup var listening: ListeningArguments
  @OptionGroup var limits: ServingLimits
  @OptionGroup var engine: EngineArguments

  func run() async throws {
    var options = try listening.options()
    limits.set(&options)
    options.modelNames = listening.servedModelName.isEmpty ? [defaultName] : listening.servedModelName
    options.version = InflightCommand.configuration.version
    let format = listening.logFormat
    let level = listening.logLevel
    var logger = Logger(label: "inflight") { _ in LineLogHandler(format: format) }
    logger.logLevel = level

    let descriptors = FileDescriptors.raise()
    if descriptors < FileDescriptors.wanted {
      logger.warning(
        "few file descriptors: raise the limit (ulimit -n) for more connections", metadata: ["limit": "\(descriptors)"])
    }
    if descriptors > 0 { options.maximumConnections = max(1, descriptors - FileDescriptors.ownCount) }
    if !options.isLoopback, options.apiKeys.isEmpty {
      logger.warning("anybody who reaches this address can use the server: it has no --api-key")
    }
    var llmOptions = engine.options(maximumBatchSize: limits.maxBatchSize)
    llmOptions.executor.maximumQueuedRequests = limits.maxQueue
    llmOptions.executor.isReportingCacheEvents = options.isReportingCacheEvents
    let (reference, isVerbose) = (model.model, engine.verbose)
    let server = InflightServer(options: options, logger: logger) { [logger, options] port in
      logger.notice("listening", metadata: ["address": "\(options.url(port: port))"])
    } load: { [llmOptions] progress, onStep in
      let path = try await ModelCatalogue().resolve(reference, progress: nil)
      let llm = try await LLM(
        model: path, options: llmOptions,
        progress: { if case .loading(let fraction) = $0 { progress(fraction) } }, onStep: onStep)
      if isVerbose { llm.printMemory() }
      return llm
    }
    try await server.runUntilSignalled()
    logger.notice("ended")
  }

  /// The model's name unless one is given: the last part of what names it.
  private var defaultName: String {
    guard let reference = model.model else { return ModelCatalogue.defaultModelName }
    let last = reference.split(separator: "/").last.map(String.init) ?? reference
    return last.hasSuffix(".gguf") ? String(last.dropLast(5)) : last
  }
}
