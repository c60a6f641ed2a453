internal import JSON

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Standard output and standard input, as bytes.
enum StandardOutput {
  /// Writes `text` at once. If it cannot be written, the process ends, and says why unless it is that nobody reads any more.
  static func write(_ text: String) {
    if writeAll(text, to: STDOUT_FILENO) { return }
    let reason = errno
    if reason != EPIPE { Terminal.write("inflight: standard output: \(unsafe String(cString: strerror(reason)))\n") }
    exit(1)
  }

  /// Writes a JSON document on a line of its own.
  static func write(_ value: JSONValue) { write(value.serialized() + "\n") }

  /// Ends the process.
  static func exit(_ status: Int32) -> Never {
    #if canImport(Glibc)
      Glibc.exit(status)
    #elseif canImport(Musl)
      Musl.exit(status)
    #else
      Darwin.exit(status)
    #endif
  }
}

/// Reading standard input.
enum StandardInput {
  /// The most that is read: far beyond any prompt, well below what would hurt.
  private static let limit = 256 << 20

  /// Everything on standard input.
  static func readAll() throws(CommandFailure) -> [UInt8] {
    try readAll(of: STDIN_FILENO, named: "standard input", limit: limit)
  }

  /// Everything that an open file or pipe has, which `name` stands for in errors.
  static func readAll(of descriptor: Int32, named name: String, limit: Int) throws(CommandFailure) -> [UInt8] {
    var contents: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // The buffer is valid for its count during the call.
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      if count == 0 { return contents }
      if count < 0 {
        if errno == EINTR { continue }
        throw CommandFailure("cannot read \(name)")
      }
      contents += chunk[..<count]
      guard contents.count <= limit else { throw CommandFailure("\(name) is longer than \(limit >> 20) MiB") }
    }
  }

  /// Everything on standard input as text.
  static func readText() throws(CommandFailure) -> String {
    let bytes = try readAll()
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure("standard input is not valid UTF-8")
    }
    return text
  }
}

/// A command that cannot do what it was asked to: one line of words, exit status 1.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
