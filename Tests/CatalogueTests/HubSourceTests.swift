import Catalogue
import Foundation
import Testing

/// A hub with one repository.
struct TinyHub: Sendable {
  static let commit = String(repeating: "1a", count: 20)
  var files: [String: [UInt8]] = [
    "config.json": Array(#"{"model_type": "llama"}"#.utf8), "tokenizer.json": Array("{}".utf8),
    "tokenizer_config.json": Array("{ }".utf8), "chat_template.jinja": Array("hello".utf8),
    "README.md": Array("# hi".utf8), "onnx/model.onnx": [1, 2, 3], "pytorch_model.bin": [9],
    "consolidated.safetensors": [4],
  ]
  /// Files whose SHA-256 is in the listing.
  var large: Set<String> = ["model.safetensors", "consolidated.safetensors"]

  init() {
    var random = SeededGenerator(seed: 5)
    files["model.safetensors"] = random.bytes(50_000)
  }

  /// The hub's description of the repository.
  func listing(wrongSumOf wrong: String? = nil) -> String {
    let siblings = files.sorted { $0.key < $1.key }.map { name, content in
      var text = "{\"rfilename\": \"\(name)\", \"size\": \(content.count), \"blobId\": \"\(gitBlob(content))\""
      if large.contains(name) {
        let sum = name == wrong ? String(repeating: "00", count: 32) : sha256(content)
        text += ", \"lfs\": {\"sha256\": \"\(sum)\", \"size\": \(content.count), \"pointerSize\": 134}"
      }
      return text + "}"
    }
    return "{\"id\": \"tiny/llama\", \"sha\": \"\(Self.commit)\", \"siblings\": [\(siblings.joined(separator: ","))]}"
  }

  /// The answer to `request`; files come from another path, as with a content network.
  func reply(_ request: ServedRequest, end: Reply.End = .complete) -> Reply {
    if request.path.hasPrefix("/api/models/tiny/llama/revision/") {
      return .text(listing(), type: "application/json")
    }
    let prefix = "/tiny/llama/resolve/\(Self.commit)/"
    if request.path.hasPrefix(prefix) {
      return Reply(status: 302, headers: [("Location", "/content/\(request.path.dropFirst(prefix.count))?sig=secret")])
    }
    if request.path.hasPrefix("/content/"), let content = files[String(request.path.dropFirst(9))] {
      return .file(content, request, tag: "\"t\"", end: end)
    }
    return Reply(status: 404)
  }

  func catalogue(_ scratch: ScratchDirectory, _ server: TestServer, token: String? = nil) -> ModelCatalogue {
    var variables = ["HF_ENDPOINT": server.address]
    variables["HF_TOKEN"] = token
    return ModelCatalogue(cacheDirectory: scratch.path, environment: Environment(variables), policy: .quick)
  }
}

@Suite("Repositories of the hub", .timeLimit(.minutes(1)))
struct HubSourceTests {
  let scratch: ScratchDirectory
  init() throws { scratch = try ScratchDirectory() }

  @Test("fetches what a model needs, at one commit, and verifies it")
  func fetches() async throws {
    let hub = TinyHub()
    try await TestServer.run({ request, _ in hub.reply(request) }) { server in
      let catalogue = hub.catalogue(scratch, server, token: "hf_x")
      #expect(catalogue.cachedPath("hf:tiny/llama") == nil)
      let progress = ProgressLog()
      let path = try await catalogue.resolve("hf:tiny/llama", progress: progress)
      #expect(path == scratch.path + "/hf/tiny/llama")
      let names = [
        "chat_template.jinja", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
      ]
      for name in names { #expect(scratch.read("hf/tiny/llama/" + name) == hub.files[name]) }
      #expect(scratch.files().filter { $0.hasPrefix("hf/") }.count == names.count + 1)
      #expect(server.requests.first?.target == "/api/models/tiny/llama/revision/main?blobs=true")
      #expect(server.requests.first?.header("Authorization") == "Bearer hf_x")
      #expect(catalogue.cachedPath("hf:tiny/llama") == path)
      let total = names.reduce(0) { $0 + (hub.files[$1]?.count ?? 0) }
      #expect(progress.all.last { $0.phase == .downloading }?.bytes == total)
      #expect(progress.all.allSatisfy { $0.totalBytes == nil || $0.totalBytes == total })
      let count = server.requests.count
      _ = try await catalogue.resolve("hf:tiny/llama")
      #expect(server.requests.count == count)
      // A file that went missing is fetched again, and nothing else.
      try FileManager.default.removeItem(atPath: path + "/config.json")
      #expect(catalogue.cachedPath("hf:tiny/llama") == nil)
      _ = try await catalogue.resolve("hf:tiny/llama")
      #expect(server.requests.count == count + 3)
      // A damaged one is found.
      scratch.write([UInt8](repeating: 0, count: 50_000), to: "hf/tiny/llama/model.safetensors")
      let failure = await #expect(throws: CatalogueError.self) { try await catalogue.verify("hf:tiny/llama") }
      #expect(failure?.description.contains("model.safetensors is damaged and was deleted") == true)
    }
  }

  @Test("goes on after a drop")
  func resumes() async throws {
    let hub = TinyHub()
    try await TestServer.run({ request, _ in
      let isFirst = request.path.hasSuffix("/model.safetensors") && request.header("Range") == nil
      return hub.reply(request, end: isFirst ? .close(after: 20_000) : .complete)
    }) { server in
      _ = try await hub.catalogue(scratch, server).resolve("hf:tiny/llama")
      #expect(scratch.read("hf/tiny/llama/model.safetensors") == hub.files["model.safetensors"])
      // What was still on its way through the client when the connection broke is asked for again.
      let range = try #require(server.requests.last { $0.header("Range") != nil }?.header("Range"))
      #expect((1...20_000).contains(Int(range.dropFirst(6).dropLast()) ?? 0))
    }
  }

  @Test("a wrong checksum is said with the file, for large and small ones")
  func wrongSums() async throws {
    for name in ["model.safetensors", "config.json"] {
      let hub = TinyHub()
      let scratch = try ScratchDirectory()
      try await TestServer.run({ request, _ in
        if request.path.hasPrefix("/api/") { return hub.reply(request) }
        var other = hub
        other.files[name]?[0] ^= 1
        return other.reply(request)
      }) { server in
        let failure = await #expect(throws: CatalogueError.self) {
          try await hub.catalogue(scratch, server).resolve("hf:tiny/llama")
        }
        #expect(failure?.description.contains("\(name).part is damaged and was deleted") == true)
      }
    }
  }

  @Test("takes one GGUF file by name, or the only one; revisions have directories of their own")
  func archives() async throws {
    var hub = TinyHub()
    hub.files = ["README.md": [1], "q/a b.gguf": [5, 6, 7]]
    let tiny = hub
    try await TestServer.run({ request, _ in
      request.path == "/content/q/a%20b.gguf" ? .file([5, 6, 7], request) : tiny.reply(request)
    }) { server in
      let catalogue = tiny.catalogue(scratch, server)
      #expect(try await catalogue.resolve("hf:tiny/llama") == scratch.path + "/hf/tiny/llama/q/a b.gguf")
      let other = try await catalogue.resolve("hf:tiny/llama@refs%2Fpr%2F1/q/a b.gguf")
      #expect(other == scratch.path + "/hf/tiny/llama@refs+pr+1/q/a b.gguf")
      #expect(catalogue.cachedPath("hf:tiny/llama@refs%2Fpr%2F1/q/a b.gguf") == other)
      #expect(server.requests.contains { $0.target == "/api/models/tiny/llama/revision/refs%2Fpr%2F1?blobs=true" })
      let failure = await #expect(throws: CatalogueError.self) { try await catalogue.resolve("hf:tiny/llama/c.gguf") }
      #expect(failure?.description.contains("it has q/a b.gguf") == true)
    }
  }

  @Test(
    "says what a refusal means",
    arguments: [(401, "set HF_TOKEN"), (404, "the hub has no tiny/gone"), (429, "too many")])
  func refusals(status: Int, words: String) async throws {
    try await TestServer.run({ _, _ in Reply(status: status, headers: [("Retry-After", "0")]) }) { server in
      let failure = await #expect(throws: CatalogueError.self) {
        try await TinyHub().catalogue(scratch, server).resolve("hf:tiny/gone")
      }
      #expect(failure?.description.contains(words) == true, "\(failure?.description ?? "")")
    }
  }

  @Test("the token goes to the hub and to nobody else")
  func tokenStaysHome() async throws {
    let hub = TinyHub()
    try await TestServer.run({ request, _ in hub.reply(request) }) { content in
      let away = content.address
      try await TestServer.run({ request, _ in
        request.path.hasPrefix("/api/")
          ? hub.reply(request) : Reply(status: 307, headers: [("Location", away + request.path)])
      }) { server in
        _ = try await hub.catalogue(scratch, server, token: "hf_secret").resolve("hf:tiny/llama")
        #expect(server.requests.allSatisfy { $0.header("Authorization") == "Bearer hf_secret" })
        #expect(!content.requests.isEmpty)
        #expect(content.requests.allSatisfy { $0.header("Authorization") == nil })
      }
    }
  }

  @Test(
    "file names that lead elsewhere are refused",
    arguments: [
      "../evil.json", "/etc/passwd", "a/../../b.json", "a//b.json", "a\\\\b.json", "", "a/./b", "line\\nbreak.json",
    ])
  func traversal(name: String) throws {
    let text = #"{"sha": "\#(TinyHub.commit)", "siblings": [{"rfilename": "\#(name)"}]}"#
    let reference = try HubReference("hf:a/b")
    #expect(throws: CatalogueError.self) { try HubListing(parsing: Array(text.utf8), reference: reference) }
  }

  @Test(
    "listings that make no sense are errors",
    arguments: [
      "", "[]", "{}", #"{"siblings": []}"#, #"{"siblings": [], "sha": "main"}"#,
      #"{"siblings": [{}], "sha": "1111111111111111111111111111111111111111"}"#,
      #"{"siblings": [{"rfilename": "a", "size": -1}], "sha": "1111111111111111111111111111111111111111"}"#,
    ])
  func badListings(text: String) throws {
    let reference = try HubReference("hf:a/b")
    #expect(throws: CatalogueError.self) { try HubListing(parsing: Array(text.utf8), reference: reference) }
  }

  @Test("a repository without a model says what it has")
  func nothingToLoad() throws {
    func failure(_ names: String...) throws -> String {
      let files = names.map { #"{"rfilename": "\#($0)"}"# }.joined(separator: ",")
      let text = #"{"sha": "\#(TinyHub.commit)", "siblings": [\#(files)]}"#
      let reference = try HubReference("hf:a/b")
      let listing = try HubListing(parsing: Array(text.utf8), reference: reference)
      return #expect(throws: CatalogueError.self) { try listing.selection(for: reference) }?.description ?? ""
    }
    #expect(try failure("README.md").contains("neither config.json"))
    #expect(try failure("x.gguf", "y.gguf").contains("hf:a/b/x.gguf: x.gguf, y.gguf"))
  }
}
