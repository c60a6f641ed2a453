/// The part of a file that was received.
struct PartialFile {
  let file: OpenFile
  let tagPath: String
  let item: DownloadItem
  let progress: ProgressScope
  /// Bytes received.
  private(set) var count = 0
  /// Whether nothing is missing.
  private(set) var isComplete = false
  /// Whether what an earlier run left was thrown away.
  private(set) var restarted = false
  private var tag: String?

  init(file: OpenFile, tagPath: String, item: DownloadItem, progress: ProgressScope) {
    self.file = file
    self.tagPath = tagPath
    self.item = item
    self.progress = progress
  }

  /// Finds out what an earlier run has left.
  mutating func open() throws(CatalogueError) {
    count = try system { () throws(SystemFailure) in try file.size() }
    tag = readSmallFile(tagPath)
    if count > item.size ?? Int.max || (tag == nil && item.digest == nil) { try restart() }
    if count > 0, count == item.size { isComplete = true }
    progress.report(.downloading, count, of: item.size)
    if let size = item.size, let free = System.freeBytes(file.path), free < size - count {
      throw .diskFull(path: file.path, needed: size - count)
    }
  }

  /// Asks for what is missing and writes what arrives. Throws ``TransferFailure`` and ``CatalogueError``.
  mutating func receive(from client: WebClient) async throws {
    var headers = [("Accept", "*/*")]
    if count > 0 {
      headers.append(("Range", "bytes=\(count)-"))
      if let tag { headers.append(("If-Range", tag)) }
    }
    let response: WebResponse
    do { response = try await client.get(item.address, headers: headers, authorization: item.authorization) } catch {
      // The part does not fit the file any more.
      guard error.status == 416, count > 0 else { throw error }
      try restart()
      throw TransferFailure(reason: "the file has changed there", kind: .transient(retryAfter: nil))
    }
    let total = try begin(response)
    var reader = response.reader()
    while let bytes = try await reader.next() {
      guard bytes.count <= (total ?? Int.max) - count else {
        throw TransferFailure(reason: "more arrives than the \(total ?? 0) bytes announced", kind: .permanent)
      }
      try system(needed: total) { () throws(SystemFailure) in try file.write(bytes.span, at: count) }
      count += bytes.count
      progress.report(.downloading, count, of: total)
    }
    guard count == total ?? count else {
      throw TransferFailure(reason: "the connection was closed too early", kind: .transient(retryAfter: nil))
    }
    isComplete = true
  }

  /// Checks that the answer continues the part, or begins anew. Returns the bytes of the whole file, if known.
  private mutating func begin(_ response: WebResponse) throws -> Int? {
    let length = response.header("Content-Length").flatMap { Int($0) }
    var total = length
    if response.status == 206 {
      guard let range = ContentRange(response.header("Content-Range") ?? ""), range.start == count,
        range.total == nil || item.size == nil || range.total == item.size
      else {
        try restart()
        throw TransferFailure(reason: "it sent another part than was asked for", kind: .transient(retryAfter: nil))
      }
      total = range.total
    } else if count > 0 {
      try restart()
    }
    if let size = item.size, let total, size != total {
      throw TransferFailure(reason: "the file has \(total) bytes there instead of \(size)", kind: .permanent)
    }
    try remember(response)
    return total ?? item.size
  }

  private mutating func restart() throws(CatalogueError) {
    restarted = true
    count = 0
    tag = nil
    try system { () throws(SystemFailure) in
      try file.truncate(to: 0)
      try System.remove(tagPath)
    }
  }

  /// Keeps the validator of the answer: a strong entity tag, or else the date of the last change.
  private mutating func remember(_ response: WebResponse) throws(CatalogueError) {
    let entityTag = response.header("ETag").flatMap { $0.hasPrefix("\"") ? $0 : nil }
    guard let new = entityTag ?? response.header("Last-Modified"), new.utf8.count < 1024 else { return }
    guard !(tag?.utf8.elementsEqual(new.utf8) ?? false) else { return }
    tag = new
    try system { () throws(SystemFailure) in
      let file = try OpenFile(tagPath, .replace)
      try file.write(Array(new.utf8).span, at: 0)
    }
  }
}

/// The value of a `Content-Range` field: `bytes START-END/TOTAL`, where the total may be `*`.
struct ContentRange {
  /// The first byte.
  let start: Int
  /// Bytes of the whole.
  let total: Int?

  init?(_ text: String) {
    guard text.lowercased().hasPrefix("bytes ") else { return nil }
    let parts = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
    let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, ends.count == 2, let start = Int(ends[0]), let end = Int(ends[1]), start >= 0, start <= end
    else { return nil }
    self.start = start
    if parts[1] == "*" {
      total = nil
    } else {
      guard let total = Int(parts[1]), total > end else { return nil }
      self.total = total
    }
  }
}

/// The text of a file of at most 4 KiB; nil if there is none, or it is longer, or no UTF-8.
func readSmallFile(_ path: String) -> String? {
  guard let file = try? OpenFile(path, .read) else { return nil }
  var buffer = [UInt8](repeating: 0, count: 4097)
  guard let count = try? file.read(into: &buffer, 0..<4097, at: 0), count <= 4096 else { return nil }
  return String(validating: buffer[..<count], as: UTF8.self)
}
