import HTTPTypes
import HummingbirdTesting
import JSON
import Server
import TestKit
import Testing

/// By which names a server may be called, and by whose pages.
@Suite struct AccessTests {
  private func rule(
    _ host: String = "127.0.0.1", keys: [String] = [], allowed: [String] = []
  ) -> HostRule {
    var options = ServerOptions()
    (options.host, options.apiKeys, options.allowedHosts) = (host, keys, allowed)
    return HostRule(options)
  }

  @Test(arguments: ["localhost", "localhost:8080", "127.0.0.1:1", "[::1]", "[::1]:8080", "LOCALHOST", "localhost:"])
  func theMachinesOwnNamesAreAccepted(host: String) {
    #expect(rule().accepts(host))
    #expect(rule("localhost", allowed: ["a.example"]).accepts(host))
  }

  @Test(arguments: [
    "evil.example", "evil.example:8080", "localhost.evil.example", "127.0.0.1.evil.example", "", ":8080", "[::1",
    "[::1]x", "localhost:80:80", "localhost:8o", "evil.example@localhost", "::1", "10.0.0.1", "localhost ",
  ])
  func otherNamesAreNot(host: String) {
    #expect(!rule().accepts(host))
    #expect(!rule("::1").accepts(host))
  }

  @Test func namesThatAreGivenAreAccepted() {
    #expect(rule(allowed: ["Models.example"]).accepts("models.example:443"))
    #expect(rule(allowed: ["*"]).accepts("evil.example"))
    // With keys, or where others may come, the name says nothing, unless names are given.
    #expect(rule(keys: ["k"]).accepts("evil.example") && rule("0.0.0.0").accepts("evil.example"))
    #expect(!rule("0.0.0.0", allowed: ["models.example"]).accepts("evil.example"))
    #expect(rule().accepts(nil))
  }

  @Test func everySpellingOfTheMachineItselfIsLoopback() {
    for host in [
      "127.0.0.1", "127.0.0.2", "127.1", "127.255.255.254", "::1", "0:0:0:0:0:0:0:1", "localhost", "LocalHost",
      "::ffff:127.0.0.1",
    ] {
      var options = ServerOptions()
      options.host = host
      #expect(options.isLoopback, "\(host)")
    }
    for host in ["0.0.0.0", "::", "10.0.0.127", "128.0.0.1", "127.example", "localhost.example", "", "::2"] {
      var options = ServerOptions()
      options.host = host
      #expect(!options.isLoopback, "\(host)")
    }
    #expect(!rule("127.0.0.2").accepts("evil.example") && rule("127.0.0.2").accepts("127.0.0.2:80"))
    var options = ServerOptions()
    options.host = "::1"
    #expect(options.url(port: 80) == "http://[::1]:80")
  }

  @Test func theFieldsThatClientsAddMayBeSentFromOtherOrigins() async throws {
    var options = ServerOptions()
    options.allowedOrigin = "https://app.example"
    try await TinyServer(options: options).serve { client in
      let wanted =
        "authorization,content-type, x-stainless-os ,x-stainless-retry-count,X-Stainless-Lang,b@d,,"
      let answer = try await client.execute(
        uri: "/v1/chat/completions", method: .options,
        headers: [.origin: "https://app.example", .accessControlRequestHeaders: wanted])
      #expect(answer.status == .noContent)
      #expect(answer.headers[.accessControlAllowOrigin] == "https://app.example")
      let allowed =
        answer.headers[.accessControlAllowHeaders]?.split(separator: ",").map { $0.drop { $0 == " " } } ?? []
      for name in ["authorization", "content-type", "last-event-id", "x-stainless-os", "x-stainless-lang"] {
        #expect(allowed.contains { $0 == name }, "\(name)")
      }
      #expect(!allowed.contains { $0.contains("@") || $0.isEmpty })
      #expect(Set(allowed).count == allowed.count)
      #expect(answer.headers[.accessControlMaxAge].flatMap { Int($0) } ?? 0 >= 600)
      #expect(answer.headers[.vary]?.contains("access-control-request-headers") == true)
      let models = try await client.execute(uri: "/v1/models", method: .get)
      #expect(models.headers[.accessControlAllowOrigin] == "https://app.example")
      #expect(models.headers[.accessControlAllowHeaders] == nil)
    }
    try await TinyServer().serve { client in
      let answer = try await client.execute(uri: "/v1/models", method: .options)
      #expect(answer.status == .methodNotAllowed && answer.headers[.accessControlAllowOrigin] == nil)
    }
  }
}
