#if canImport(Glibc)
  @unsafe @preconcurrency internal import Glibc
#elseif canImport(Musl)
  @unsafe @preconcurrency internal import Musl
#elseif canImport(Darwin)
  @unsafe @preconcurrency internal import Darwin
#endif

// Every unsafe expression of this room is in this file: pointers passed to the operating system come from arrays that are
// alive during the call, with a count that was checked against them.

/// A file that is written and read at given offsets; closed with the object.
package final class BlockFile: Sendable {
  /// The path as it was given.
  package let path: String
  private let descriptor: Int32

  /// Creates the file, or empties it. Only its owner may read it: it holds what users have asked.
  ///
  /// - Parameter beginning: how a file that may be emptied begins; nil if any may.
  /// - Throws: ``CacheFileError``; what is refused is left as it is.
  package init(writing path: String, replacing beginning: [UInt8]? = nil) throws(CacheFileError) {
    self.path = path
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure(path) }
    guard isRegular, byteCount > 0 else { return }
    if let beginning {
      var bytes: [UInt8] = []
      if byteCount >= beginning.count { try read(0..<beginning.count, into: &bytes) }
      guard bytes == beginning else { throw .notRecording(path: path) }
    }
    guard ftruncate(descriptor, 0) == 0 else { throw Self.failure(path) }
  }

  /// Opens a file that is there.
  ///
  /// - Throws: ``CacheFileError``, for what is no file in particular: to wait for a pipe to be written could take for ever.
  init(reading path: String) throws(CacheFileError) {
    self.path = path
    descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw Self.failure(path) }
    guard isRegular else { throw .foreign(path: path) }
  }

  deinit { close(descriptor) }

  /// Number of bytes in the file; 0 if the operating system does not say.
  var byteCount: Int {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Whether it is a file, and no directory, device or pipe.
  private var isRegular: Bool {
    var status = stat()
    return unsafe fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: [UInt8], at offset: Int) throws(CacheFileError) {
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe pwrite(
          descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done, off_t(offset + done))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.failure(path)
      }
      if count == 0 { throw .system(path: path, reason: "nothing more could be written at byte \(offset + done)") }
      done += count
    }
  }

  /// Makes `bytes` what is at `range` of the file.
  func read(_ range: Range<Int>, into bytes: inout [UInt8]) throws(CacheFileError) {
    if bytes.count > range.count { bytes.removeLast(bytes.count - range.count) }
    while bytes.count < range.count { bytes.append(0) }
    var done = 0
    while done < range.count {
      let count = unsafe bytes.withUnsafeMutableBytes { buffer in
        unsafe pread(
          descriptor, buffer.baseAddress.map { unsafe $0 + done }, buffer.count - done, off_t(range.lowerBound + done))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.failure(path)
      }
      if count == 0 { throw .damaged(path: path, reason: "it ends at byte \(range.lowerBound + done)") }
      done += count
    }
  }

  /// Waits until the file is on the disk and gives it the name `name`.
  func finish(as name: String) throws(CacheFileError) {
    guard fsync(descriptor) == 0 else { throw Self.failure(path) }
    guard unsafe rename(path, name) == 0 else { throw Self.failure(name) }
  }

  /// Deletes the file; it can be used until it is closed.
  func remove() { _ = unsafe unlink(path) }

  private static func failure(_ path: String) -> CacheFileError {
    .system(path: path, reason: unsafe String(cString: strerror(errno)))
  }
}

/// Questions about files of cache blocks.
package enum CacheFile {
  /// Whether there is anything at `path`.
  package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }
}

/// A file of cache blocks that cannot be written or used.
public enum CacheFileError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The operating system refused something.
  case system(path: String, reason: String)
  /// The blocks were computed with another model, or differently.
  case otherModel(path: String)
  /// The blocks have another shape.
  case otherGeometry(path: String, reason: String)
  /// There is something else in the file's place.
  case foreign(path: String)
  /// There is something else where a recording is to be written.
  case notRecording(path: String)
  /// The file is not what was written.
  case damaged(path: String, reason: String)
  /// The manager cannot read the contents of blocks.
  case noStore

  /// One line that says what happened, and what to do.
  public var description: String {
    switch self {
    case .system(let path, let reason): "\(path): \(reason)"
    case .otherModel(let path): "\(path): the saved cache belongs to another model; delete it or save a new one"
    case .otherGeometry(let path, let reason): "\(path): the saved cache does not fit: \(reason); save a new one"
    case .foreign(let path): "\(path): this is no saved cache, and is left as it is"
    case .notRecording(let path): "\(path): this is no recording, and is left as it is; name another file"
    case .damaged(let path, let reason): "\(path): the saved cache is damaged: \(reason); delete it"
    case .noStore:
      "the engine does not give access to the contents of its cache, so that nothing can be saved or restored"
    }
  }
}
