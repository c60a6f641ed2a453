public import ArgumentParser
public import Logging
public import Server

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

  func validate() throws {
    guard (0...65535).contains(port) else { throw ValidationError("--port is \(port); it must be from 0 to 65535") }
    guard (tlsCertificate == nil) == (tlsKey == nil) else {
      throw ValidationError("--tls-certificate and --tls-key need each other")
    }
  }

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
