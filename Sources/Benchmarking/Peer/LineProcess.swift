#if canImport(Glibc)
  @unsafe @preconcurrency internal import Glibc
#elseif canImport(Musl)
  @unsafe @preconcurrency internal import Musl
#elseif canImport(Darwin)
  @unsafe @preconcurrency internal import Darwin
#endif

/// A program that answers each line with a line. Its standard input and output are one socket to this process; its
/// standard error is this process's. It ends, at the latest, when this object goes.
final class LineProcess {
  /// Longest line that is read.
  private static let lineLimit = 1 << 20

  private let path: String
  private let identifier: pid_t
  private let socket: Int32
  private var buffer: [UInt8] = []

  /// Starts a program, found in PATH if its name has no slash.
  ///
  /// - Throws: ``PeerError`` if it cannot be started.
  init(_ command: [String]) throws(PeerError) {
    precondition(!command.isEmpty)
    path = command[0]
    if path.utf8.contains(UInt8(ascii: "/")), unsafe access(path, X_OK) != 0 { throw .noInterpreter(path: path) }
    var ends: [Int32] = [-1, -1]
    // Where that can be said when a socket is made, so that a program that another thread starts meanwhile gets none.
    #if canImport(Glibc)
      let stream = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    #elseif canImport(Musl)
      let stream = SOCK_STREAM | SOCK_CLOEXEC
    #else
      let stream = SOCK_STREAM
    #endif
    // socketpair fills in the two numbers that it gets.
    guard unsafe socketpair(AF_UNIX, stream, 0, &ends) == 0 else {
      throw .notStarted(path: path, reason: "no socket")
    }
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
    defer { _ = close(ends[1]) }
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t? = unsafe nil
    #else
      var actions = unsafe posix_spawn_file_actions_t()
    #endif
    // Every pointer is to a value that is alive during the call.
    unsafe posix_spawn_file_actions_init(&actions)
    defer { _ = unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    var arguments = unsafe command.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    defer { unsafe arguments.forEach { unsafe free($0) } }
    var child: pid_t = 0
    let code = unsafe posix_spawnp(&child, command[0], &actions, nil, arguments, environ)
    guard code == 0 else {
      _ = close(ends[0])
      throw .notStarted(path: path, reason: unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)")
    }
    identifier = child
    socket = ends[0]
  }

  deinit {
    // The end of its input ends the program; a status that nobody fetches would keep its entry in the process table.
    _ = close(socket)
    var status: Int32 = 0
    for _ in 0..<100 {
      if unsafe waitpid(identifier, &status, WNOHANG) != 0 { return }
      _ = usleep(10_000)
    }
    _ = kill(identifier, SIGKILL)
    _ = unsafe waitpid(identifier, &status, 0)
  }

  /// Sends a line and waits for the answer, both without their line breaks.
  ///
  /// - Throws: ``PeerError`` if the program has ended or its line does not.
  func ask(_ line: String) throws(PeerError) -> String {
    try send(Array(line.utf8) + [UInt8(ascii: "\n")])
    return try readLine()
  }

  /// Waits for a line, which is returned without its line break.
  ///
  /// - Throws: ``PeerError`` if the program has ended or its line does not.
  func readLine() throws(PeerError) -> String {
    while true {
      if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
        let answer = String(decoding: buffer[..<end], as: UTF8.self)
        buffer.removeFirst(end + 1)
        return answer
      }
      guard buffer.count <= Self.lineLimit else { throw .badAnswer("a line of more than \(Self.lineLimit) bytes") }
      var chunk = [UInt8](repeating: 0, count: 4096)
      // The buffer is valid for its count during the call.
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(socket, $0.baseAddress, $0.count, 0) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .ended(path: path) }
      buffer += chunk[..<count]
    }
  }

  private func send(_ bytes: [UInt8]) throws(PeerError) {
    #if canImport(Darwin)
      let flags: Int32 = 0
      var on: Int32 = 1
      _ = unsafe setsockopt(socket, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #else
      let flags = Int32(MSG_NOSIGNAL)
    #endif
    var rest = bytes[...]
    while !rest.isEmpty {
      // The buffer is valid for its count during the call.
      let count = unsafe rest.withUnsafeBytes { bytes in
        #if canImport(Glibc)
          unsafe Glibc.send(socket, bytes.baseAddress, bytes.count, flags)
        #elseif canImport(Musl)
          unsafe Musl.send(socket, bytes.baseAddress, bytes.count, flags)
        #else
          unsafe Darwin.send(socket, bytes.baseAddress, bytes.count, flags)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw .ended(path: path) }
      rest = rest.dropFirst(count)
    }
  }
}
