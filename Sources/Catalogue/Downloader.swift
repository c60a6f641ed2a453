/// A file to download.
struct DownloadItem: Sendable {
  /// Where it is.
  let address: WebAddress
  /// The value of the `Authorization` field for that origin.
  var authorization: String?
  /// Its bytes, if they are known.
  let size: Int?
  /// What it must hash to, if that is known.
  let digest: ExpectedDigest?
}

/// Downloads files so that nothing received is lost.
///
/// Bytes go to `PATH.part`, which survives the process; the next run continues behind its last byte. `PATH.part.tag`
/// holds the validator (RFC 9110, section 8.8) of what the part belongs to, and is sent as `If-Range`, so that a file that
/// has changed meanwhile starts afresh. Only a complete file with the expected digest gets the name `PATH`.
struct Downloader: Sendable {
  let client: WebClient
  let policy: TransferPolicy

  /// Downloads `item` to `path`, whose directory exists. Not for two callers at once: take a ``CacheLock`` first.
  func fetch(_ item: DownloadItem, to path: String, progress: ProgressScope) async throws(CatalogueError) {
    let part = path + ".part"
    while true {
      let start = try await receive(item, part, progress)
      guard let digest = item.digest else { break }
      let actual = try system { () throws(SystemFailure) in try OpenFile(part, .read) }
        .digest(like: digest, progress: progress)
      if actual.utf8.elementsEqual(digest.text.utf8) { break }
      try system { () throws(SystemFailure) in
        try System.remove(part)
        try System.remove(part + ".tag")
      }
      // What an earlier run left may have been something else; only bytes of one single answer are the server's fault.
      if start == 0 { throw .checksumMismatch(path: part, expected: digest.text, actual: actual) }
    }
    try system { () throws(SystemFailure) in
      try OpenFile(part, .update).synchronize()
      try System.move(part, to: path)
      try System.remove(part + ".tag")
    }
  }

  /// Receives until the part is complete; returns how many bytes of it were there before.
  private func receive(
    _ item: DownloadItem, _ part: String, _ progress: ProgressScope
  ) async throws(CatalogueError) -> Int {
    let file = try system { () throws(SystemFailure) in try OpenFile(part, .update) }
    var transfer = PartialFile(file: file, tagPath: part + ".tag", item: item, progress: progress)
    try transfer.open()
    let start = transfer.count
    var schedule = RetrySchedule(policy)
    while !transfer.isComplete {
      let before = transfer.count
      do { try await transfer.receive(from: client) } catch let failure as TransferFailure {
        if await schedule.wait(after: failure, madeProgress: transfer.count > before) { continue }
        throw CatalogueError(failure, address: item.address, resumable: transfer.count > 0 ? transfer.count : nil)
      } catch let error as CatalogueError { throw error } catch {
        throw CatalogueError(TransferFailure(error), address: item.address)
      }
    }
    return transfer.restarted ? 0 : start
  }
}
