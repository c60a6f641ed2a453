/// Fetches a repository, or one file of it, from a model hub with the layout of the Hugging Face hub.
struct HubSource: Sendable {
  let cache: Cache
  let environment: Environment
  let policy: TransferPolicy

  /// The directory of `reference` in the cache.
  func directory(of reference: HubReference) -> String { "\(cache.root)/hf/\(reference.directoryName)" }

  /// The path of `reference` in the cache if it was fetched and verified earlier: its file, or its directory.
  func cachedPath(_ reference: HubReference) -> String? {
    let directory = directory(of: reference)
    guard let marker = VerifiedMarker(readingFrom: markerPath(reference)), marker.isPresent(in: directory) else {
      return nil
    }
    return modelPath(marker, in: directory)
  }

  /// Makes `reference` present and verified in the cache and returns its path. What is there already is not asked
  /// for again.
  func fetch(_ reference: HubReference, progress: (any DownloadProgress)?) async throws(CatalogueError) -> String {
    let directory = directory(of: reference)
    try system { () throws(SystemFailure) in
      try System.makeDirectories(directory)
      try System.makeDirectories("\(cache.root)/locks")
    }
    let scope = ProgressScope(label: reference.name, receiver: progress)
    let lock = try await CacheLock(cache.lockPath("hf+" + reference.directoryName), progress: scope)
    defer { withExtendedLifetime(lock) {} }
    if let path = cachedPath(reference) { return path }
    let client = WebClient(environment: environment, policy: policy)
    do {
      let marker = try await fetchFiles(reference, into: directory, client, scope)
      await client.shutdown()
      return modelPath(marker, in: directory)
    } catch {
      await client.shutdown()
      throw error
    }
  }

  /// Hashes what was fetched. Returns the first damaged file with what it should and what it does hash to; nil if all
  /// is right.
  func verify(
    _ reference: HubReference, progress: (any DownloadProgress)?
  ) throws(CatalogueError) -> CatalogueError? {
    let directory = directory(of: reference)
    guard let marker = VerifiedMarker(readingFrom: markerPath(reference)) else { return nil }
    let total = marker.files.reduce(0) { $0 + $1.size }
    var done = 0
    for entry in marker.files {
      let path = "\(directory)/\(entry.name)"
      let scope = ProgressScope(label: reference.name, receiver: progress, baseBytes: done, overallBytes: total)
      if let expected = ExpectedDigest(markerText: entry.digest), System.status(path) != nil {
        let file = try system { () throws(SystemFailure) in try OpenFile(path, .read) }
        let actual = try file.digest(like: expected, progress: scope)
        if !actual.utf8.elementsEqual(expected.text.utf8) {
          try system { () throws(SystemFailure) in
            try System.remove(markerPath(reference))
            try System.remove(path)
          }
          return .checksumMismatch(path: path, expected: expected.text, actual: actual)
        }
      }
      done += entry.size
    }
    return nil
  }

  private func markerPath(_ reference: HubReference) -> String {
    let directory = directory(of: reference)
    return reference.file.map { "\(directory)/\($0).verified" } ?? "\(directory)/.verified"
  }

  /// The file if the model is one GGUF file, else the directory.
  private func modelPath(_ marker: VerifiedMarker, in directory: String) -> String {
    guard marker.files.count == 1, let file = marker.files.first, file.name.utf8.suffix(5).elementsEqual(".gguf".utf8)
    else { return directory }
    return "\(directory)/\(file.name)"
  }

  // MARK: Fetching

  private func fetchFiles(
    _ reference: HubReference, into directory: String, _ client: WebClient, _ scope: ProgressScope
  ) async throws(CatalogueError) -> VerifiedMarker {
    let endpoint = try endpoint()
    let authorization = environment.first("HF_TOKEN").map { "Bearer " + $0 }
    let revision = percentEncoded(reference.revision ?? "main").utf8.split(separator: UInt8(ascii: "/"))
      .map { String(Substring($0)) }.joined(separator: "%2F")
    let repository = "\(reference.owner)/\(reference.repository)"
    var listingAddress = endpoint.appending("api/models/\(repository)/revision/\(revision)")
    listingAddress.query = "blobs=true"
    let page = try await withAdvice(reference) { () async throws(CatalogueError) in
      try await client.page(
        listingAddress, accept: "application/json", authorization: authorization, policy: policy)
    }
    let listing = try HubListing(parsing: page.bytes, reference: reference)
    let files = try listing.selection(for: reference)

    let total = try totalSize(files, reference)
    var marker = VerifiedMarker(files: [])
    var done = 0
    for file in files {
      let path = "\(directory)/\(file.name)"
      let fileScope = ProgressScope(
        label: reference.name, receiver: scope.receiver, baseBytes: done, overallBytes: total)
      if try !isVerified(file, at: path, fileScope) {
        if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) {
          try system { () throws(SystemFailure) in try System.makeDirectories(String(path[..<slash])) }
        }
        let address = endpoint.appending("\(repository)/resolve/\(listing.commit)/\(percentEncoded(file.name))")
        let item = DownloadItem(
          address: address, authorization: authorization, size: file.size, digest: file.digest)
        try await withAdvice(reference) { () async throws(CatalogueError) in
          try await Downloader(client: client, policy: policy).fetch(item, to: path, progress: fileScope)
        }
      }
      let size = System.status(path)?.size ?? 0
      marker.files.append(.init(name: file.name, size: size, digest: file.digest?.markerText ?? "-"))
      done += size
    }
    try system { () throws(SystemFailure) in try marker.write(to: markerPath(reference)) }
    System.synchronizeDirectory(directory)
    return marker
  }

  /// Whether an earlier run has fetched `file` completely.
  private func isVerified(_ file: HubListing.File, at path: String, _ scope: ProgressScope) throws(CatalogueError)
    -> Bool
  {
    guard let digest = file.digest, let size = System.status(path)?.size, file.size == nil || file.size == size else {
      return false
    }
    let content = try system { () throws(SystemFailure) in try OpenFile(path, .read) }
    return try content.digest(like: digest, progress: scope).utf8.elementsEqual(digest.text.utf8)
  }

  /// The bytes of all files; nil if the hub does not say.
  private func totalSize(_ files: [HubListing.File], _ reference: HubReference) throws(CatalogueError) -> Int? {
    var total = 0
    for file in files {
      guard let size = file.size else { return nil }
      let (sum, overflow) = total.addingReportingOverflow(size)
      guard !overflow else { throw .invalidListing(repository: reference.name, reason: "the sizes are impossible") }
      total = sum
    }
    return total
  }

  private func endpoint() throws(CatalogueError) -> WebAddress {
    let text = environment.first("HF_ENDPOINT") ?? "https://huggingface.co"
    guard let address = WebAddress(text) else {
      throw .network(address: "HF_ENDPOINT", reason: "it is no http:// or https:// address", resumable: nil)
    }
    return address
  }

  /// Runs `body`, and says more about what the hub means by its refusals.
  private func withAdvice<Result>(
    _ reference: HubReference, _ body: () async throws(CatalogueError) -> Result
  ) async throws(CatalogueError) -> Result {
    do { return try await body() } catch {
      guard case .http(let address, let status, _) = error else { throw error }
      switch status {
      case 401, 403:
        let hasToken = environment.first("HF_TOKEN") != nil
        throw .http(
          address: address, status: status,
          advice: hasToken
            ? "the token in HF_TOKEN may not read \(reference.name): ask for access to it on the hub"
            : "\(reference.name) does not exist or is not open to everybody: set HF_TOKEN to a token that may read it")
      case 404:
        throw .http(
          address: address, status: status, advice: "the hub has no \(reference.name): check owner, name and revision")
      default: throw error
      }
    }
  }
}

extension ExpectedDigest {
  /// The digest as the marker has it; its length says which kind it is.
  var markerText: String { text }

  /// Reads a digest from a marker.
  init?(markerText text: String) {
    switch text.utf8.count {
    case 64: self = .sha256(text)
    case 40: self = .gitBlob(text)
    default: return nil
    }
  }
}
