internal import Resources
internal import Synchronization

/// Keeps the cache of prefixes in a file from one run to the next.
final class PrefixCacheKeeper: Sendable {
  private let file: PrefixCacheFile?
  private let state = Mutex<[CacheFileError]>([])

  /// Keeps it in `file`, or does nothing.
  init(_ file: PrefixCacheFile?) { self.file = file }

  /// What went wrong so far.
  var failures: [CacheFileError] { state.withLock { $0 } }

  /// Fills `cache` from the file if there is one.
  func restore(_ cache: any KVCacheManaging) {
    attempt(cache) { (manager, file) throws(CacheFileError) in
      guard CacheFile.exists(file.path) else { return }
      _ = try manager.restore(from: file.path, modelHash: file.modelHash)
    }
  }

  /// Writes the file, but not over one that is something else: the path may be a mistake.
  func save(_ cache: any KVCacheManaging) {
    if let file, failures.contains(.foreign(path: file.path)) { return }
    attempt(cache) { (manager, file) throws(CacheFileError) in
      try manager.save(to: file.path, modelHash: file.modelHash)
    }
  }

  private func attempt(
    _ cache: any KVCacheManaging, _ body: (KVCacheManager, PrefixCacheFile) throws(CacheFileError) -> Void
  ) {
    guard let file, let manager = cache as? KVCacheManager else { return }
    do throws(CacheFileError) {
      try body(manager, file)
    } catch {
      state.withLock { $0.append(error) }
    }
  }
}
