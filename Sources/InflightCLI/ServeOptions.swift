public import ArgumentParser
internal import Inflight
public import Logging
public import Server

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

extension LineLogHandler.Format: ExpressibleByArgument {}
extension Logger.Level: @retroactive ExpressibleByArgument {}

/// Where `serve` listens and to whom it answers.
struct ListeningArguments: ParsableArguments {
  @Option(help: "The address to listen on; 0.0.0.0 is every one that this machine has.")
  var host = "127.0.0.1"

  @Option(help: "The port; 0 takes any that is free.")
  var port = 8080

  @Option(help: "A name under which the model is served; may be repeated. Default: the model's own.")
  var servedModelName: [String] = []

  @Option(help: "A key that clients must send; may be repeated. Others see it in the list of processes: prefer a file.")
  var apiKey: [String] = []

  @Option(help: "A file with one key on each line; empty lines and lines that begin with # do not count.")
  var apiKeyFile: String?

  @Option(help: "A PEM file with the certificate and those between it and its authority, for HTTPS.")
  var tlsCertificate: String?

  @Option(help: "A PEM file with the certificate's key.")
  var tlsKey: String?

  @Option(help: "The origin whose pages may call this server from a browser, or *. Default: none.")
  var allowOrigin: String?

  @Option(
    help:
      "A name by which clients may call the server, or *; may be repeated. Without keys on 127.0.0.1 it goes by the machine's own only."
  )
  var allowHost: [String] = []

  @Option(help: "How log lines look: text or json.")
  var logFormat: LineLogHandler.Format = .text

  @Option(help: "The least of what is logged: debug, info, notice, warning, error.")
  var logLevel: Logger.Level = .info

  @Flag(name: .customLong("kv-cache-events"), help: "Report what happens to the cache at /v1/kv_cache/events.")
  var cacheEvents = false

  /// The server's options as far as these arguments say them.
  func options() throws -> ServerOptions {
    var options = ServerOptions()
    (options.host, options.port) = (host, port)
    for key in apiKey { options.apiKeys.append(try Self.key(key, from: "--api-key")) }
    if let apiKeyFile { options.apiKeys += try Self.keys(in: apiKeyFile) }
    if let tlsCertificate, let tlsKey { options.tls = (tlsCertificate, tlsKey) }
    options.allowedOrigin = allowOrigin
    options.allowedHosts = allowHost
    options.isReportingCacheEvents = cacheEvents
    return options
  }

  private static func keys(in path: String) throws(CommandFailure) -> [String] {
    var keys: [String] = []
    for line in try TextFile.read(path).split(whereSeparator: \.isNewline) {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      keys.append(try key(words.count == 1 ? String(first) : String(line), from: path))
    }
    guard !keys.isEmpty else { throw CommandFailure("\(path) has no keys") }
    return keys
  }

  /// The key, if a client can send it.
  private static func key(_ key: String, from source: String) throws(CommandFailure) -> String {
    guard !key.isEmpty, key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
      throw CommandFailure(
        "\(source) has a key that no client can send: keys are of printable ASCII, without white space")
    }
    return key
  }
}

/// How much `serve` takes on.
struct ServingLimits: ParsableArguments {
  @Option(help: "Most requests that run at a time.")
  var maxBatchSize = 256

  @Option(help: "Most requests that wait; more are told to come back later (429).")
  var maxQueue = 512

  @Option(help: "Most bytes of a request's body.")
  var maxBodyBytes = 16 << 20

  @Option(
    help: "Most bytes of all bodies together that are being received or read; more are told to come back later (503).")
  var maxBufferedBytes = 128 << 20

  @Option(help: "Most bytes of a text for /tokenize; a quarter as many tokens for /detokenize.")
  var maxTextBytes = 4 << 20

  @Option(help: "Most messages of a conversation.")
  var maxMessages = 4096

  @Option(help: "Seconds that a request's body may take to arrive.")
  var bodyTimeout = 60.0

  @Option(help: "Seconds that a request may take.")
  var requestTimeout = 600.0

  @Option(help: "Seconds after which an idle connection is closed.")
  var idleTimeout = 300.0

  @Option(help: "Seconds that running requests have to end on SIGTERM.")
  var drainTimeout = 30.0

  @Option(help: "Seconds without a step while requests wait after which /health says 503.")
  var stallTimeout = 30.0

  func check() throws {
    let counts = [
      ("--max-batch-size", maxBatchSize), ("--max-queue", maxQueue), ("--max-body-bytes", maxBodyBytes),
      ("--max-buffered-bytes", maxBufferedBytes), ("--max-text-bytes", maxTextBytes), ("--max-messages", maxMessages),
    ]
    for (name, value) in counts where value < 1 { throw ValidationError("\(name) must be at least 1") }
    let times = [
      ("--body-timeout", bodyTimeout), ("--request-timeout", requestTimeout), ("--idle-timeout", idleTimeout),
      ("--drain-timeout", drainTimeout),
      ("--stall-timeout", stallTimeout),
    ]
    for (name, value) in times where !(0.001...1_000_000).contains(value) {
      throw ValidationError("\(name) must be a number of seconds above 0")
    }
  }

  func set(_ options: inout ServerOptions) {
    options.maximumBodyBytes = maxBodyBytes
    options.maximumBufferedBytes = maxBufferedBytes
    options.maximumTextBytes = maxTextBytes
    options.bodyTimeout = bodyTimeout
    options.maximumMessages = maxMessages
    options.requestTimeout = requestTimeout
    options.idleTimeout = idleTimeout
    options.drainTimeout = drainTimeout
    options.stallTimeout = stallTimeout
  }
}

/// The files and connections that the process may have open.
enum FileDescriptors {
  /// As many as ten thousand clients and the server itself need.
  static let wanted = 10_240
  /// What the server itself has open, and some more: its sockets, event loops, logs, the model while it loads.
  static let ownCount = 40

  /// Raises the limit as far as this user may, and returns it.
  static func raise() -> Int {
    var limit = rlimit()
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let resource = RLIMIT_NOFILE
    #endif
    // Both calls only read and fill in the structure.
    guard unsafe getrlimit(resource, &limit) == 0 else { return 0 }
    if limit.rlim_cur < limit.rlim_max {
      limit.rlim_cur = limit.rlim_max
      _ = unsafe setrlimit(resource, &limit)
      guard unsafe getrlimit(resource, &limit) == 0 else { return 0 }
    }
    return Int(clamping: limit.rlim_cur)
  }
}
