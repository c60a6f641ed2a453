internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// The head of an answer, and the body to be read.
struct WebResponse: Sendable {
  /// The status code.
  let status: Int
  /// Where the answer came from, after redirections.
  let address: WebAddress
  fileprivate let headers: HTTPHeaders
  fileprivate let body: HTTPClientResponse.Body

  /// A reader of the body; to be made once.
  func reader() -> BodyReader { BodyReader(iterator: body.makeAsyncIterator()) }

  /// The first value of a header field.
  func header(_ name: String) -> String? { headers.first(name: name) }
}

/// Reads the body of an answer piece by piece.
struct BodyReader {
  fileprivate var iterator: HTTPClientResponse.Body.AsyncIterator

  /// The next piece; nil at the end.
  mutating func next() async throws(TransferFailure) -> [UInt8]? {
    do { return try await iterator.next().map { Array($0.readableBytesView) } } catch { throw TransferFailure(error) }
  }
}

/// Sends requests: over HTTP/1.1, through the proxies of the environment, trusting the authorities of `SSL_CERT_FILE`,
/// `SSL_CERT_DIR` or the system, following redirections.
///
/// Nothing is started before the first request. ``shutdown()`` must be called at the end.
actor WebClient {
  private static let maximumRedirections = 10
  private let environment: Environment
  private let proxies: ProxySettings
  private let policy: TransferPolicy
  /// One client for each proxy that is in use; the empty name is no proxy.
  private var clients: [String: HTTPClient] = [:]

  init(environment: Environment, policy: TransferPolicy) {
    self.environment = environment
    self.policy = policy
    proxies = ProxySettings(environment)
  }

  /// Closes all connections.
  func shutdown() async {
    for client in clients.values { try? await client.shutdown() }
    clients = [:]
  }

  /// Sends a GET and returns when the head of the answer is here. `authorization` is sent to the origin of `address`
  /// only. An error status is a failure.
  func get(
    _ address: WebAddress, headers: [(String, String)] = [], authorization: String? = nil
  ) async throws(TransferFailure) -> WebResponse {
    var current = address
    for _ in 0...Self.maximumRedirections {
      let response = try await send(
        current, headers, authorization: current.hasSameOrigin(as: address) ? authorization : nil)
      switch response.status {
      case 200...299: return response
      case 301, 302, 303, 307, 308:
        guard let location = response.header("Location"), let next = current.resolving(location) else {
          throw TransferFailure(reason: "it redirects to an invalid address", kind: .permanent)
        }
        guard next.scheme == "https" || current.scheme == "http" else {
          throw TransferFailure(reason: "it redirects to an unencrypted address", kind: .permanent)
        }
        current = next
      default: throw Self.failure(status: response)
      }
    }
    throw TransferFailure(reason: "it redirects more than \(Self.maximumRedirections) times", kind: .permanent)
  }

  private func send(
    _ address: WebAddress, _ headers: [(String, String)], authorization: String?
  ) async throws(TransferFailure) -> WebResponse {
    var request = HTTPClientRequest(url: address.requestText)
    request.headers.add(name: "User-Agent", value: "inflight")
    request.headers.add(name: "Accept-Encoding", value: "identity")
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let authorization {
      request.headers.add(name: "Authorization", value: authorization)
    } else if let credentials = address.credentials {
      request.headers.add(name: "Authorization", value: "Basic " + base64(percentDecoded(credentials)))
    }
    let client = try client(for: address)
    do {
      let response = try await client.execute(request, deadline: .distantFuture)
      return WebResponse(
        status: Int(response.status.code), address: address, headers: response.headers, body: response.body)
    } catch { throw TransferFailure(error) }
  }

  private static func failure(status response: WebResponse) -> TransferFailure {
    let isTransient = [408, 425, 429, 500, 502, 503, 504].contains(response.status)
    let retryAfter = response.header("Retry-After").flatMap { Int64($0) }.map { max(0, $0) }
    return TransferFailure(
      reason: "status \(response.status)", kind: isTransient ? .transient(retryAfter: retryAfter) : .permanent,
      status: response.status)
  }

  // MARK: Clients

  private func client(for address: WebAddress) throws(TransferFailure) -> HTTPClient {
    let proxy = proxies.proxy(for: address)
    if let client = clients[proxy ?? ""] { return client }
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tlsConfiguration(), redirectConfiguration: .disallow,
      timeout: .init(
        connect: .milliseconds(policy.connectTimeout), read: .milliseconds(policy.stallTimeout)),
      decompression: .disabled)
    configuration.httpVersion = .http1Only
    // The pool would try to connect until the time is up; how often to try is decided here (RetrySchedule).
    configuration.connectionPool.retryConnectionEstablishment = false
    if let proxy { configuration.proxy = try Self.proxyConfiguration(proxy) }
    let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    clients[proxy ?? ""] = client
    return client
  }

  private func tlsConfiguration() -> TLSConfiguration {
    var configuration = TLSConfiguration.makeClientConfiguration()
    if let path = environment.first("SSL_CERT_FILE"), System.status(path)?.size != nil {
      configuration.trustRoots = .file(path)
    } else if let path = environment.first("SSL_CERT_DIR"), System.status(path)?.isDirectory == true {
      configuration.trustRoots = .file(path)
    }
    return configuration
  }

  private static func proxyConfiguration(
    _ text: String
  ) throws(TransferFailure) -> HTTPClient.Configuration.Proxy {
    let isComplete = text.utf8.contains(UInt8(ascii: "/"))
    guard let address = WebAddress(isComplete ? text : "http://" + text), address.scheme == "http" else {
      throw TransferFailure(reason: "the proxy that the environment names is no http:// address", kind: .permanent)
    }
    guard let credentials = address.credentials else { return .server(host: address.host, port: address.effectivePort) }
    let parts = credentials.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    return .server(
      host: address.host, port: address.effectivePort,
      authorization: .basic(
        username: String(decoding: percentDecoded(parts[0]), as: UTF8.self),
        password: String(decoding: percentDecoded(parts.count > 1 ? parts[1] : ""), as: UTF8.self)))
  }
}

extension TransferFailure {
  /// What to make of an error of the client or of the network below it.
  init(_ error: any Error) {
    switch error {
    case let failure as TransferFailure: self = failure
    case is CancellationError: self = .cancelled
    case let error as HTTPClientError: self.init(client: error)
    case let error as NIOConnectionError:
      if error.connectionErrors.isEmpty {
        self.init(reason: "the host \(error.host) is not known", kind: .transient(retryAfter: nil))
      } else {
        self.init(reason: "no connection to \(error.host) port \(error.port)", kind: .transient(retryAfter: nil))
      }
    case let error as NIOSSLError:
      let words = String(describing: error)
      let problem =
        words.contains("CERTIFICATE_VERIFY_FAILED")
        ? "no authority that is trusted here has signed its certificate" : Self.oneLine(error)
      self.init(
        reason: "no encrypted connection: \(problem); SSL_CERT_FILE can name the authorities to trust", kind: .permanent
      )
    case let error as IOError:
      self.init(reason: System.words(for: error.errnoCode), kind: .transient(retryAfter: nil))
    default: self.init(reason: Self.oneLine(error), kind: .transient(retryAfter: nil))
    }
  }

  private init(client error: HTTPClientError) {
    switch error {
    case .cancelled: self = .cancelled
    case .readTimeout: self.init(reason: "nothing arrived for too long", kind: .transient(retryAfter: nil))
    case .connectTimeout: self.init(reason: "the host does not answer", kind: .transient(retryAfter: nil))
    case .remoteConnectionClosed:
      self.init(reason: "the connection was closed too early", kind: .transient(retryAfter: nil))
    case .proxyAuthenticationRequired, .invalidProxyResponse, .invalidProxyConfiguration:
      self.init(reason: "the proxy refuses (\(error.shortDescription))", kind: .permanent)
    default: self.init(reason: error.shortDescription, kind: .transient(retryAfter: nil))
    }
  }

  private static func oneLine(_ error: any Error) -> String {
    String(String(describing: error).map { $0.isNewline ? " " : $0 }.prefix(200))
  }
}
