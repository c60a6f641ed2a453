internal import ArgumentParser
internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// `inflight health`
struct HealthCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "health",
    abstract: "Ask a server whether it can serve.",
    discussion:
      "Prints what the server says. The exit status is 0 if it is healthy and 1 if it is not, or is not there.")

  @Option(help: "The address; /health if it has no path.")
  var url = "http://127.0.0.1:8080/health"

  @Option(help: "Seconds to wait for the answer.")
  var timeout = 4.0

  func validate() throws {
    guard url.hasPrefix("http://") || url.hasPrefix("https://") else {
      throw ValidationError("--url is \(url); it must begin with http:// or https://")
    }
    guard (0.001...3600).contains(timeout) else { throw ValidationError("--timeout must be above 0 and at most 3600") }
  }

  func run() async throws {
    do {
      let response = try await HTTPClient.shared.execute(
        HTTPClientRequest(url: address), timeout: .milliseconds(Int64(timeout * 1000)))
      let body = try await response.body.collect(upTo: 1 << 16)
      let text = String(buffer: body)
      guard response.status == .ok else { throw CommandFailure("\(address): \(response.status.code): \(text)") }
      StandardOutput.write(text + "\n")
    } catch let error as CommandFailure {
      throw error
    } catch {
      throw CommandFailure("\(address): \(error)")
    }
  }

  /// The address with a path.
  private var address: String {
    let rest = url.utf8.drop { $0 != UInt8(ascii: ":") }.dropFirst(3)
    return rest.contains(UInt8(ascii: "/")) ? url : url + "/health"
  }
}
