/// Why a model could not be found or fetched. Every description is one line that says what happened, where, and what to do.
package enum CatalogueError: Error, Sendable, CustomStringConvertible {
  /// Neither a path nor a name of the catalogue.
  case unknownModel(String, known: [String])
  /// A reference that begins with `hf:` but is not well formed.
  case invalidReference(String, reason: String)
  /// A call of the operating system failed.
  case system(action: String, path: String, reason: String)
  /// There is not enough room for a file.
  case diskFull(path: String, needed: Int?)
  /// The cache cannot be written.
  case readOnlyCache(path: String, reason: String)
  /// A host cannot be reached, or what it sends cannot be used. `resumable` is what was kept of a file.
  case network(address: String, reason: String, resumable: Int?)
  /// A host answered with an error.
  case http(address: String, status: Int, advice: String?)
  /// Neither pip nor a variable says where the package index is.
  case noPackageIndex
  /// The package index has no such wheel.
  case packageNotFound(String, index: String)
  /// pip was asked to download, and failed.
  case pipFailed(command: String, status: Int, direct: String?)
  /// A downloaded file is not the expected one; it was deleted.
  case checksumMismatch(path: String, expected: String, actual: String)
  /// A downloaded archive cannot be unpacked; it was deleted.
  case damagedArchive(path: String, reason: String)
  /// The hub's answer cannot be used.
  case invalidListing(repository: String, reason: String)
  /// A repository of the hub holds no model that could be loaded.
  case noModelFiles(repository: String, reason: String)
  /// The task was cancelled.
  case cancelled

  package var description: String {
    switch self {
    case .unknownModel(let name, let known):
      "no model \(quoted(name)): there is no such path, and the catalogue has \(known.joined(separator: ", ")); "
        + "a model of the hub is named hf:OWNER/REPO"
    case .invalidReference(let reference, let reason):
      "\(quoted(reference)) does not name a model: \(reason); the form is hf:OWNER/REPO[@REVISION][/FILE.gguf]"
    case .system(let action, let path, let reason): "cannot \(action) \(path): \(reason)"
    case .diskFull(let path, let needed):
      "no room on the disk for \(path)" + (needed.map { ", which needs \(ByteCount($0))" } ?? "")
        + "; make room, or set INFLIGHT_CACHE to a directory elsewhere, and run the command again"
    case .readOnlyCache(let path, let reason):
      "cannot write to the cache at \(path): \(reason); set INFLIGHT_CACHE to a directory that can be written"
    case .network(let address, let reason, let resumable):
      "cannot fetch \(address): \(reason); "
        + (resumable.map { "\(ByteCount($0)) are kept: run the command again to continue" }
          ?? "check the network and the proxy settings, and run the command again")
    case .http(let address, let status, let advice):
      "\(address) answered with status \(status)" + (advice.map { "; \($0)" } ?? "")
    case .noPackageIndex:
      "cannot tell where the package index is: install Python 3 with pip, or set INFLIGHT_PACKAGE_INDEX to the address "
        + "of a simple package index"
    case .packageNotFound(let package, let index):
      "the package index at \(index) has no wheel of \(package); set INFLIGHT_PACKAGE_INDEX to an index that has it"
    case .pipFailed(let command, let status, let direct):
      "\(quoted(command)) failed with status \(status)"
        + (direct.map { ", and so did the direct way: \($0)" } ?? "; what it printed says why")
    case .checksumMismatch(let path, let expected, let actual):
      "\(path) is damaged and was deleted: its SHA-256 is \(actual) instead of \(expected); run the command again"
    case .damagedArchive(let path, let reason):
      "\(path) is damaged and was deleted: \(reason); run the command again"
    case .invalidListing(let repository, let reason): "cannot use the file list of \(repository): \(reason)"
    case .noModelFiles(let repository, let reason): "\(repository) has no model to load: \(reason)"
    case .cancelled: "cancelled; what was fetched is kept, and the same command continues there"
    }
  }

  /// The error for a failed call of the operating system; `needed` is the size of the file that was being written.
  package init(_ failure: SystemFailure, needed: Int? = nil) {
    self =
      if failure.isDiskFull {
        .diskFull(path: failure.path, needed: needed)
      } else if failure.isReadOnly && !failure.action.utf8.elementsEqual("read".utf8) {
        .readOnlyCache(path: failure.path, reason: failure.reason)
      } else {
        .system(action: failure.action, path: failure.path, reason: failure.reason)
      }
  }
}

/// Runs `body`, whose failures are the operating system's, as a call of this room.
func system<Result>(
  needed: Int? = nil, _ body: () throws(SystemFailure) -> Result
) throws(CatalogueError) -> Result {
  do { return try body() } catch { throw CatalogueError(error, needed: needed) }
}

/// `text` in quotation marks on one line: control characters are shown as `?`.
func quoted(_ text: String) -> String {
  "'" + String(text.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "?" : Character($0) }) + "'"
}
