#if canImport(Glibc)
  @unsafe @preconcurrency internal import Glibc
#elseif canImport(Musl)
  @unsafe @preconcurrency internal import Musl
#elseif canImport(Darwin)
  @unsafe @preconcurrency internal import Darwin
#endif
internal import Crypto

// Every unsafe expression of this room is in this file, each in a wrapper that is safe to call: pointers passed to the
// operating system come from values that are alive during the call, with the count of that very value beside them, and
// no pointer outlives its call unless it is released a few lines further on.

/// A call of the operating system that failed.
package struct SystemFailure: Error {
  /// What was tried, as a verb that fits before the path: "write", "create".
  package let action: String
  /// The file or directory concerned.
  package let path: String
  /// The value of `errno`.
  package let code: Int32

  /// The operating system's words for ``code``.
  var reason: String { System.words(for: code) }
  /// The file system or the user's quota is full.
  var isDiskFull: Bool { code == ENOSPC || code == EDQUOT }
  /// The place cannot be written by this user.
  var isReadOnly: Bool { code == EROFS || code == EACCES || code == EPERM }

  static func last(_ action: String, _ path: String) -> SystemFailure {
    SystemFailure(action: action, path: path, code: errno)
  }
}

/// The functions of the operating system that have no file behind them.
enum System {
  /// The value of an environment variable of this process; nil if it is unset or empty.
  static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// The size of a regular file, or nil for a directory; nil altogether if there is nothing at `path`.
  static func status(_ path: String) -> (size: Int?, isDirectory: Bool)? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    let kind = status.st_mode & S_IFMT
    return (kind == S_IFREG ? Int(status.st_size) : nil, kind == S_IFDIR)
  }

  /// Creates `path` and the directories above it where they are missing.
  static func makeDirectories(_ path: String) throws(SystemFailure) {
    if path.isEmpty || status(path)?.isDirectory == true { return }
    if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex {
      try makeDirectories(String(path[..<slash]))
    }
    guard unsafe mkdir(path, 0o755) == 0 || (errno == EEXIST && status(path)?.isDirectory == true) else {
      throw .last("create directory", path)
    }
  }

  /// Gives `source` the name `destination` in one step; what was there is replaced.
  static func move(_ source: String, to destination: String) throws(SystemFailure) {
    guard unsafe rename(source, destination) == 0 else { throw .last("rename to", destination) }
  }

  /// Deletes a file; one that is not there is fine.
  static func remove(_ path: String) throws(SystemFailure) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else { throw .last("delete", path) }
  }

  /// Deletes a directory and the files directly inside it, as far as that is possible.
  static func removeFlatDirectory(_ path: String) {
    for name in names(inDirectory: path) { _ = unsafe unlink("\(path)/\(name)") }
    _ = unsafe rmdir(path)
  }

  /// The names in a directory, sorted by their bytes; empty if it cannot be read.
  static func names(inDirectory path: String) -> [String] {
    guard let directory = unsafe opendir(path) else { return [] }
    defer { _ = unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { field in
        unsafe field.withMemoryRebound(to: CChar.self, capacity: 1) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  /// Makes renames inside the directory `path` durable, where the file system can.
  static func synchronizeDirectory(_ path: String) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    _ = close(descriptor)
  }

  /// Bytes that this user can still write to the file system of `path`; nil if it cannot be said.
  static func freeBytes(_ path: String) -> Int? {
    var status = statvfs()
    guard unsafe statvfs(path, &status) == 0 else { return nil }
    let (bytes, overflow) = Int(clamping: status.f_bavail).multipliedReportingOverflow(
      by: Int(clamping: status.f_frsize))
    return overflow ? Int.max : bytes
  }

  /// The operating system's words for a value of `errno`.
  static func words(for code: Int32) -> String {
    guard let words = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: words)
  }

  /// The number of this process, to make names that no other process uses.
  static var processIdentifier: Int32 { getpid() }

  /// Nanoseconds of a clock that never goes back.
  static func nanoseconds() -> UInt64 {
    var time = timespec()
    _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
  }
}

/// An open file. Closed, and with that unlocked, when the last reference goes.
package final class OpenFile: Sendable {
  /// How a file is opened.
  package enum Access {
    /// An existing file, to be read.
    case read
    /// For reading and writing; created if it is missing, kept if it is not.
    case update
    /// For writing; emptied if it is there.
    case replace
  }

  /// The path as it was given.
  package let path: String
  private let descriptor: Int32

  package init(_ path: String, _ access: Access) throws(SystemFailure) {
    self.path = path
    let flags =
      switch access {
      case .read: O_RDONLY
      case .update: O_RDWR | O_CREAT
      case .replace: O_RDWR | O_CREAT | O_TRUNC
      }
    descriptor = unsafe open(path, flags | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .last(access == .read ? "read" : "create", path) }
  }

  deinit { _ = close(descriptor) }

  /// The number of bytes now.
  func size() throws(SystemFailure) -> Int {
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .last("read", path) }
    return Int(status.st_size)
  }

  /// Reads into `buffer[range]` from `offset` until the range is full or the file ends; returns the bytes read.
  func read(into buffer: inout [UInt8], _ range: Range<Int>, at offset: Int) throws(SystemFailure) -> Int {
    precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count)
    var filled = 0
    while filled < range.count {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe pread(
          descriptor, bytes.baseAddress.map { unsafe $0 + range.lowerBound + filled }, range.count - filled,
          off_t(offset + filled))
      }
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("read", path)
      }
      filled += count
    }
    return filled
  }

  /// Writes all of `bytes` at `offset`.
  package func write(_ bytes: Span<UInt8>, at offset: Int) throws(SystemFailure) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe pwrite(
          descriptor, bytes.baseAddress.map { unsafe $0 + written }, bytes.count - written, off_t(offset + written))
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw .last("write", path)
      }
      written += count
    }
  }

  /// Cuts the file down to, or fills it up with zeros to, `size` bytes.
  func truncate(to size: Int) throws(SystemFailure) {
    guard ftruncate(descriptor, off_t(size)) == 0 else { throw .last("write", path) }
  }

  /// Returns when everything written is on the device.
  func synchronize() throws(SystemFailure) {
    guard fsync(descriptor) == 0 else { throw .last("write", path) }
  }

  /// Takes the exclusive lock of the file if no other process holds it.
  package func tryLock() throws(SystemFailure) -> Bool {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      if errno == EWOULDBLOCK { return false }
      throw .last("lock", path)
    }
    return true
  }

  /// Gives the lock up before the file is closed.
  package func unlock() { _ = flock(descriptor, LOCK_UN) }
}

/// A program that was started and is waited for.
struct ChildProcess {
  private let identifier: pid_t

  /// Starts `command` (found in PATH) with this process's environment, without standard input. Its standard output
  /// goes to the file `outputPath`, or, without one, to this process's standard error.
  init(_ command: [String], outputPath: String?) throws(SystemFailure) {
    precondition(!command.isEmpty)
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t? = unsafe nil
    #else
      var actions = unsafe posix_spawn_file_actions_t()
    #endif
    unsafe posix_spawn_file_actions_init(&actions)
    defer { _ = unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    if let outputPath {
      unsafe posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      unsafe posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    } else {
      unsafe posix_spawn_file_actions_adddup2(&actions, 2, 1)
    }
    var arguments = unsafe command.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    defer { unsafe arguments.forEach { unsafe free($0) } }
    var child: pid_t = 0
    let code = unsafe posix_spawnp(&child, command[0], &actions, nil, arguments, environ)
    guard code == 0 else { throw SystemFailure(action: "start", path: command[0], code: code) }
    identifier = child
  }

  /// The exit status if the program has ended (128 + the signal if a signal ended it), nil while it runs. Not to be
  /// called again after it has returned a status.
  func poll() -> Int32? {
    var status: Int32 = 0
    let result = unsafe waitpid(identifier, &status, WNOHANG)
    if result == 0 || (result < 0 && errno == EINTR) { return nil }
    if result < 0 { return 127 }
    return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
  }

  /// Asks the program to end.
  func terminate() { _ = kill(identifier, SIGTERM) }
}

extension Span<UInt8> {
  /// The eight bytes at `offset`, little-endian; traps if they do not lie inside the span.
  @inline(__always)
  func littleEndianWord(at offset: Int) -> UInt64 {
    // The load checks its bounds, and any bit pattern is an integer.
    unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

extension HashFunction {
  /// Adds `bytes` to what is hashed.
  mutating func absorb(_ bytes: Span<UInt8>) {
    unsafe bytes.withUnsafeBytes { bytes in unsafe update(bufferPointer: bytes) }
  }
}
