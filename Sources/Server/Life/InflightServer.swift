internal import Hummingbird
package import HummingbirdCore
internal import HummingbirdTLS
package import Inflight
package import Logging
internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import ServiceLifecycle
internal import UnixSignals

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

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
    let loops = MultiThreadedEventLoopGroup(numberOfThreads: Self.loopCount(processorCount: System.coreCount))
    let application = Application(
      responder: ServerResponder(state: state), server: try Self.httpServer(state),
      configuration: ApplicationConfiguration(
        address: .hostname(state.options.host, port: state.options.port), serverName: "inflight", backlog: 4096,
        availableConnectionsDelegate: state.options.maximumConnections.map { MaximumAvailableConnections($0) }),
      onServerRunning: { [state, onListening] channel in
        state.beganListening()
        onListening(channel.localAddress?.port ?? 0)
      },
      eventLoopGroupProvider: .shared(loops), logger: logger)
    var configuration = ServiceGroupConfiguration(
      services: [
        // Told to end in the opposite order: requests first, then connections.
        .init(service: application),
        .init(
          service: ModelService(state: state, load: load), successTerminationBehavior: .gracefullyShutdownGroup,
          failureTerminationBehavior: .gracefullyShutdownGroup),
      ], gracefulShutdownSignals: signals, logger: logger)
    configuration.maximumGracefulShutdownDuration = .seconds(state.options.drainTimeout + 10)
    let result: Result<Void, any Error>
    do {
      result = .success(try await ServiceGroup(configuration: configuration).run())
    } catch {
      result = .failure(state.hasListened ? error : StartError(error, state.options) ?? error)
    }
    // A process that was signalled ends, and its threads with it. To end them before is to race with what the HTTP server does
    // on them unwaited for.
    if signals.isEmpty { try? await loops.shutdownGracefully() }
    try result.get()
  }

  /// How many threads speak with clients. One writes tens of thousands of events in a second, and more than are needed only
  /// take turns with the threads that compute.
  private static func loopCount(processorCount: Int) -> Int { max(1, min(4, processorCount / 4)) }

  /// What speaks HTTP with clients, as the options of `state` say.
  ///
  /// - Throws: if the certificate cannot be read.
  package static func httpServer(_ state: ServerState) throws -> HTTPServerBuilder {
    let options = state.options
    let plain = HTTPServerBuilder.http1(
      configuration: .init(
        additionalChannelHandlers: [
          VersionHandler(),
          ConnectionWatcher(),
          UnsentHandler(patience: .milliseconds(Int64(options.idleTimeout * 1000))),
          BodyHandler(timeout: .milliseconds(Int64(options.bodyTimeout * 1000))),
          ParseErrorHandler(state),
        ],
        idleTimeout: .milliseconds(Int64(options.idleTimeout * 1000))))
    guard let tls = options.tls else { return plain }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try certificates(tls.certificate).map { .certificate($0) },
      privateKey: .privateKey(try key(tls.key)))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    do {
      return try .tls(plain, tlsConfiguration: configuration)
    } catch {
      throw StartError("the certificate \(tls.certificate) and the key \(tls.key) cannot be used together: \(error)")
    }
  }

  private static func certificates(_ path: String) throws(StartError) -> [NIOSSLCertificate] {
    do {
      return try NIOSSLCertificate.fromPEMFile(path)
    } catch {
      throw StartError("cannot read a certificate from \(path): it must be a PEM file (\(error))")
    }
  }

  private static func key(_ path: String) throws(StartError) -> NIOSSLPrivateKey {
    do {
      return try NIOSSLPrivateKey(file: path, format: .pem)
    } catch {
      throw StartError("cannot read the certificate's key from \(path): it must be a PEM file (\(error))")
    }
  }
}

/// Why a server cannot begin to serve.
struct StartError: Error, CustomStringConvertible {
  /// One line that says what cannot be done, with what, and what to do.
  let description: String

  init(_ description: String) { self.description = description }

  /// What the error says, if it is about the address; nil otherwise.
  init?(_ error: any Error, _ options: ServerOptions) {
    let address = options.url(port: options.port)
    switch error {
    case let error as IOError where error.errnoCode == EADDRINUSE:
      self.init("\(address) is in use already; --port takes another port, 0 any that is free")
    case let error as IOError:
      self.init("cannot listen on \(address), which --host and --port say: \(error)")
    case is SocketAddressError, is SocketAddressError.UnknownHost:
      self.init("there is no address for the --host \(options.host)")
    default: return nil
    }
  }
}
