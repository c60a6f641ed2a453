/// The places in the cache directory, and what says that a file there was verified.
///
/// ```
/// models/NAME/FILE.gguf                   a model of the catalogue; FILE.gguf.verified beside it
/// hf/OWNER/REPO[@REVISION]/...            a repository of the hub; .verified lists what was fetched
/// downloads/                              archives and parts of them
/// locks/                                  one file for each model that is or was being fetched
/// ```
struct Cache: Sendable {
  /// The directory.
  let root: String

  /// `directory` if given; else `$INFLIGHT_CACHE`, else the user's cache directory.
  init(_ directory: String?, environment: Environment) {
    root = directory ?? environment.first("INFLIGHT_CACHE") ?? Self.userDirectory(environment)
  }

  private static func userDirectory(_ environment: Environment) -> String {
    let home = environment.first("HOME")
    #if canImport(Darwin)
      if let home { return home + "/Library/Caches/inflight" }
    #else
      if let cache = environment.first("XDG_CACHE_HOME"), cache.hasPrefix("/") { return cache + "/inflight" }
      if let home { return home + "/.cache/inflight" }
    #endif
    return "/tmp/inflight-cache"
  }

  /// Where the file of a catalogue entry is or will be.
  func path(of entry: CatalogueEntry) -> String { "\(root)/models/\(entry.name)/\(entry.fileName)" }

  /// Where archives and parts of them are kept.
  var downloads: String { root + "/downloads" }

  /// The file that is locked while `name` is being fetched.
  func lockPath(_ name: String) -> String {
    "\(root)/locks/" + String(name.map { $0 == "/" ? "+" : $0 }) + ".lock"
  }
}

/// Which files of a directory were verified, with their sizes; written after everything else, so that its presence
/// means that all of it is there. Reading it and comparing sizes is what a start costs, instead of hashing.
struct VerifiedMarker: Sendable {
  /// One file.
  struct File: Sendable {
    /// The path relative to the marker's directory.
    let name: String
    /// Its bytes.
    let size: Int
    /// What it was verified against: a SHA-256, the identity of a git blob, or `-` if nothing was known.
    let digest: String
  }

  private static let firstLine = "inflight verified 1"
  /// The files.
  var files: [File]

  init(files: [File]) { self.files = files }

  /// The marker at `path`; nil if there is none, or it is not whole.
  init?(readingFrom path: String) {
    guard let file = try? OpenFile(path, .read), let size = try? file.size(), size <= 1 << 22 else { return nil }
    var bytes = [UInt8](repeating: 0, count: size)
    guard (try? file.read(into: &bytes, 0..<size, at: 0)) == size,
      let text = String(validating: bytes, as: UTF8.self), text.hasSuffix("\n")
    else { return nil }
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"))
    guard let first = lines.first, first.elementsEqual(Self.firstLine.utf8) else { return nil }
    files = []
    for line in lines.dropFirst() {
      let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
      guard parts.count == 3, let size = Int(Substring(parts[0])) else { return nil }
      files.append(File(name: String(Substring(parts[2])), size: size, digest: String(Substring(parts[1]))))
    }
  }

  /// Puts the marker at `path` in one step.
  func write(to path: String) throws(SystemFailure) {
    var text = Self.firstLine + "\n"
    for file in files { text += "\(file.size) \(file.digest) \(file.name)\n" }
    let temporary = "\(path).\(System.processIdentifier)"
    let output = try OpenFile(temporary, .replace)
    try output.write(Array(text.utf8).span, at: 0)
    try output.synchronize()
    try System.move(temporary, to: path)
  }

  /// Whether every file is in `directory` with its size.
  func isPresent(in directory: String) -> Bool {
    files.allSatisfy { System.status("\(directory)/\($0.name)")?.size == $0.size }
  }
}

/// The right to write one model into the cache: held by one process at a time, given up with the last reference.
struct CacheLock: Sendable {
  private let file: OpenFile

  /// Waits for the lock at `path`, telling `progress` if it is not free. Throws if the task is cancelled.
  init(_ path: String, progress: ProgressScope) async throws(CatalogueError) {
    file = try system { () throws(SystemFailure) in try OpenFile(path, .update) }
    while true {
      do { if try file.tryLock() { return } } catch { throw CatalogueError(error) }
      progress.report(.waiting)
      do { try await Task.sleep(nanoseconds: 200_000_000) } catch { throw .cancelled }
    }
  }
}
