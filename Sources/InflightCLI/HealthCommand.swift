internal import ArgumentParser
internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// `inflight health`
struct HealthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Ask a server whether it can serve.",
    discussion: """
      Prints what the server says. The exit status is 0 if it is healthy and 1 if it is not, or is not there.

      EXAMPLES:
        inflight health
        inflight health --url https://models.example:8443 --ca-certificate ca.pem
      """)

  @Option(help: "The address; /health if it has no path.")
  var url = "http://127.0.0.1:8080/health"

  @Option(help: "Seconds to wait for the answer.")
  var timeout = 4.0

  @Option(
    help: "A PEM file with the certificates of authorities to trust, or with the server's own. Default: the machine's.")
  var caCertificate: String?

  @Flag(help: "Take any certificate: for a server on this machine, where nobody is between.")
  var insecure = false

  func validate() throws {
    guard caCertificate == nil || !insecure else {
      throw ValidationError("--ca-certificate and --insecure contradict each other")
    }
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw ValidationError("--url is \(url); it must begin with http:// or https://")
    }
    guard (0.001...3600).contains(timeout) else { throw ValidationError("--timeout must be above 0 and at most 3600") }
  }

  func run() async throws {
    if let caCertificate { _ = try TextFile.read(caCertificate) }
    let client = HTTPClient(configuration: HTTPClient.Configuration(tlsConfiguration: tls))
    let result = await ask(client)
    try? await client.shutdown()
    StandardOutput.write(try result.get() + "\n")
  }

  /// What the server says of itself.
  private func ask(_ client: HTTPClient) async -> Result<String, CommandFailure> {
    do {
      let response = try await client.execute(
        HTTPClientRequest(url: address), timeout: .milliseconds(Int64(timeout * 1000)))
      let text = String(buffer: try await response.body.collect(upTo: 1 << 16))
      guard response.status == .ok else {
        return .failure(CommandFailure("\(address): \(response.status.code): \(text)"))
      }
      return .success(text)
    } catch {
      return .failure(CommandFailure("\(address): \(error)"))
    }
  }

  /// Whom the client believes.
  private var tls: TLSConfiguration {
    var tls = TLSConfiguration.makeClientConfiguration()
    if let caCertificate { tls.trustRoots = .file(caCertificate) }
    if insecure { tls.certificateVerification = .none }
    return tls
  }

  /// The address with a path.
  private var address: String {
    let rest = url.utf8.drop { $0 != UInt8(ascii: ":") }.dropFirst(3)
    return rest.contains(UInt8(ascii: "/")) ? url : url + "/health"
  }
}
