internal import NIOCore

/// How a server is set up.
package struct ServerOptions: Sendable {
  /// Where it listens.
  package var host = "127.0.0.1"
  /// The port; 0 takes any.
  package var port = 8080
  /// The names under which the model is served; the first is said in answers.
  package var modelNames: [String] = ["default"]
  /// The version that `/version` tells.
  package var version = "0"
  /// The keys of which a client must send one; empty for no keys.
  package var apiKeys: [String] = []
  /// PEM files of the certificate chain and its key, for TLS.
  package var tls: (certificate: String, key: String)?
  /// The origin that browsers may call from, `*` for any; nil for none but the server's own.
  package var allowedOrigin: String?
  /// Names beside the machine's own by which clients may call the server, `*` for any; see ``HostRule``.
  package var allowedHosts: [String] = []
  /// The most bytes of a body.
  package var maximumBodyBytes = 16 << 20
  /// The most bytes of all bodies together that are being received or worked on.
  package var maximumBufferedBytes = 128 << 20
  /// The most bytes of a text for `/tokenize`, and of one of which only the end is used; a quarter as many tokens for
  /// `/detokenize`. Prompts have limits that follow from the model.
  package var maximumTextBytes = 4 << 20
  /// How deeply a body's JSON may be nested.
  package var maximumDepth = 64
  /// The most log-probabilities of one answer: tokens of all choices, each with its alternatives.
  package var maximumLogprobs = 1 << 19
  /// The most messages of a conversation.
  package var maximumMessages = 4096
  /// Seconds that a body may take to arrive.
  package var bodyTimeout = 60.0
  /// Seconds that a request may take in all.
  package var requestTimeout = 600.0
  /// Seconds after which a connection on which nothing happens is closed.
  package var idleTimeout = 300.0
  /// Seconds that running requests have to end when the server is told to.
  package var drainTimeout = 30.0
  /// Most connections that are open at a time; others wait to be accepted. nil: as many as the system lets the process have, where
  /// one more than that may keep a processor busy.
  package var maximumConnections: Int?
  /// Seconds without a step while requests wait after which the server calls itself unhealthy.
  package var stallTimeout = 30.0
  /// Whether `/v1/kv_cache/events` is there.
  package var isReportingCacheEvents = false

  /// Creates options with defaults that are safe on a machine that others can reach.
  package init() {}
}

extension ServerOptions {
  /// Whether only this machine can reach the server.
  package var isLoopback: Bool {
    if host.lowercased().utf8.elementsEqual("localhost".utf8) { return true }
    // 127.1 is an address, too.
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count <= 4, parts.allSatisfy({ UInt32($0) != nil }) { return parts.first.flatMap { UInt32($0) } == 127 }
    let address = try? SocketAddress(ipAddress: host, port: 0)
    return address?.ipAddress.map { $0.utf8.elementsEqual("::1".utf8) || $0.hasPrefix("::ffff:127.") } ?? false
  }

  /// Where the server is, as people and clients write it: IPv6 addresses in brackets.
  package func url(port: Int) -> String {
    let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
    return "\(tls == nil ? "http" : "https")://\(name):\(port)"
  }
}
