internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
package import Inflight
package import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle
internal import UnixSignals

/// An OpenAI-compatible server: listens, loads a model, serves until it is told to end, and ends what it has begun.
package struct InflightServer: Sendable {
  /// Makes the model; told how to report progress and where the engine's steps go.
  package typealias Load =
    @Sendable (_ progress: @escaping @Sendable (Double) -> Void, _ onStep: @escaping @Sendable (StepStatistics) -> Void)
    async throws -> LLM

  /// What the routes share.
  package let state: ServerState
  private let load: Load
  private let onListening: @Sendable (Int) -> Void

  /// Creates a server that does not listen yet.
  ///
  /// - Parameters:
  ///   - options: how it is set up.
  ///   - logger: where it logs.
  ///   - onListening: told the port once connections are accepted.
  ///   - load: makes the model, on a thread of its own, while the server listens already.
  package init(
    options: ServerOptions, logger: Logger, onListening: @escaping @Sendable (Int) -> Void = { _ in },
    load: @escaping Load
  ) {
    state = ServerState(options: options, logger: logger)
    self.load = load
    self.onListening = onListening
  }

  /// Serves until the process gets SIGTERM or SIGINT and what was running has ended.
  ///
  /// - Throws: if the address cannot be bound, the certificate cannot be read, or the model cannot be loaded.
  package func runUntilSignalled() async throws { try await run(signals: [.sigterm, .sigint]) }

  /// Serves until the task is cancelled.
  ///
  /// - Throws: if the address cannot be bound, the certificate cannot be read, or the model cannot be loaded.
  package func run() async throws { try await run(signals: []) }

  private func run(signals: [UnixSignal]) async throws {
    var logger = state.logger
    logger.logLevel = max(logger.logLevel, .warning)
    let application = Application(
      responder: ServerResponder(state: state), server: try httpServer(),
      configuration: ApplicationConfiguration(
        address: .hostname(state.options.host, port: state.options.port), serverName: "inflight", backlog: 4096),
      onServerRunning: { [onListening] channel in onListening(channel.localAddress?.port ?? 0) }, logger: logger)
    var configuration = ServiceGroupConfiguration(
      services: [
        // Told to end in the opposite order: requests first, then connections.
        .init(service: application),
        .init(
          service: ModelService(state: state, load: load), successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .gracefullyShutdownGroup),
      ], gracefulShutdownSignals: signals, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(state.options.drainTimeout + 10)
    try await ServiceGroup(configuration: configuration).run()
  }

  private func httpServer() throws -> HTTPServerBuilder {
    let plain = HTTPServerBuilder.http1(
      configuration: .init(
        additionalChannelHandlers: [ConnectionWatcher()],
        idleTimeout: .milliseconds(Int64(state.options.idleTimeout * 1000))))
    guard let tls = state.options.tls else { return plain }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMFile(tls.certificate).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(file: tls.key, format: .pem)))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    return try .tls(plain, tlsConfiguration: configuration)
  }
}

/// Loads the model, keeps it, and on the way out lets what is running finish.
private struct ModelService: Service {
  let state: ServerState
  let load: InflightServer.Load

  func run() async throws {
    let start = ContinuousClock.now
    let llm = try await loadModel()
    state.becomeReady(llm)
    if let events = llm.cacheEvents {
      Task { [state] in
        for await event in events { state.cacheEvents.append(event) }
      }
    }
    state.logger.notice(
      "ready",
      metadata: [
        "model": "\(state.options.modelNames.first ?? "")",
        "ms": "\(Int((ContinuousClock.now - start) / .milliseconds(1)))",
      ])
    try? await gracefulShutdown()
    await drain(llm)
  }

  /// Loads on a thread of its own, since packing weights would keep one of few threads from answering.
  private func loadModel() async throws -> LLM {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let result = await withTaskExecutorPreference(LoopExecutor(loop: group.next())) {
      await Result(catching: { [state, load] in
        try await load({ state.loaded($0) }, { state.metrics.record($0) })
      })
    }
    try? await group.shutdownGracefully()
    return try result.get()
  }

  /// Waits for running requests, as long as it may, and ends the others.
  private func drain(_ llm: LLM) async {
    state.beginDraining()
    state.logger.notice("draining", metadata: ["requests": "\(state.activeRequestCount)"])
    let deadline = ContinuousClock.now + .seconds(state.options.drainTimeout)
    while state.activeRequestCount > 0, ContinuousClock.now < deadline {
      try? await Task.sleep(for: .milliseconds(20))
    }
    if state.activeRequestCount > 0 {
      state.logger.warning("cancelling", metadata: ["requests": "\(state.activeRequestCount)"])
    }
    await llm.shutdown(.cancelling)
  }
}

/// Runs tasks on an event loop of their own.
private final class LoopExecutor: TaskExecutor {
  private let loop: any EventLoop

  init(loop: any EventLoop) { self.loop = loop }

  func enqueue(_ job: consuming ExecutorJob) {
    // The job is run exactly once, which is what the executor promises in exchange for the unowned reference.
    let job = UnownedJob(job)
    loop.execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}

extension Result where Failure == any Error {
  /// What `body` returns or throws.
  fileprivate init(catching body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }
}
