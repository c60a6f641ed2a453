#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A file that could not be opened or read, with the reason of the operating system.
package struct FileError: Error, CustomStringConvertible {
  /// The path as it was given.
  package let path: String
  /// What went wrong, in words.
  package let reason: String
  /// Whether there is nothing at the path.
  package let isMissing: Bool

  package var description: String { "\(path): \(reason)" }

  package init(path: String, reason: String, isMissing: Bool = false) {
    self.path = path
    self.reason = reason
    self.isMissing = isMissing
  }

  static func last(_ path: String) -> FileError {
    let code = errno
    return FileError(
      path: path, reason: String(cString: strerror(code)), isMissing: code == ENOENT || code == ENOTDIR)
  }
}

/// A whole file, mapped read-only into memory.
///
/// The mapping lives as long as the object. Every access is checked against the size that the file had when it was
/// opened; a file that is shortened by another process while it is mapped is outside what a process can guard against.
package final class MappedFile: Sendable {
  /// The path as it was given.
  package let path: String
  /// The number of bytes.
  package let count: Int

  // The mapping is immutable (PROT_READ) and unmapped only in deinit, so sharing the pointer is safe.
  private nonisolated(unsafe) let base: UnsafeRawPointer?

  /// Maps the file at `path`. Fails for directories and for files that cannot be read; an empty file is fine.
  package init(path: String) throws(FileError) {
    self.path = path
    // Not to wait for somebody who writes, should it be a pipe.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .last(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .last(path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path: path, reason: "is not a regular file") }
    count = Int(status.st_size)
    if count == 0 {
      base = nil
    } else {
      guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
        throw .last(path)
      }
      base = UnsafeRawPointer(address)
    }
  }

  deinit {
    if let base { munmap(UnsafeMutableRawPointer(mutating: base), count) }
  }

  /// Calls `body` with the bytes of `range`, which must lie within the file.
  package func withBytes<Result, Failure: Error>(
    in range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(UnsafeRawBufferPointer(unsafeBytes(in: range)).bytes)
  }

  /// Calls `body` with the whole file.
  package func withBytes<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withBytes(in: 0..<count, body)
  }

  /// The bytes of `range`, for the packing code of this module; valid while the object lives.
  func unsafeBytes(in range: Range<Int>) -> UnsafeRawBufferPointer {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "\(range) is outside of \(path)")
    return UnsafeRawBufferPointer(start: base.map { $0 + range.lowerBound }, count: range.count)
  }

  /// Tells the operating system that the pages wholly inside `range` will not be needed soon, so that they stop
  /// counting as this process's memory. Reading them again is allowed and reads the file again.
  package func releasePages(in range: Range<Int>) {
    guard let base else { return }
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    let first = (max(0, range.lowerBound) + page - 1) / page * page
    let last = min(count, range.upperBound) / page * page
    if first < last {
      madvise(UnsafeMutableRawPointer(mutating: base + first), last - first, MADV_DONTNEED)
    }
  }
}
