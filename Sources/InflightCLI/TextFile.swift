internal import Catalogue

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Files of text that commands read and write.
enum TextFile {
  /// The longest file that is read.
  private static let limit = 1 << 30

  /// The contents of `path`, which may be a pipe.
  static func read(_ path: String) throws(CommandFailure) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CommandFailure("cannot read \(path): \(unsafe String(cString: strerror(errno)))")
    }
    defer { _ = close(descriptor) }
    let bytes = try StandardInput.readAll(of: descriptor, named: path, limit: limit)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure("\(path) is not valid UTF-8")
    }
    return text
  }

  /// Makes `text` the contents of `path`.
  static func write(_ text: String, to path: String) throws(CommandFailure) {
    do {
      let bytes = Array(text.utf8)
      try OpenFile(path, .replace).write(bytes.span, at: 0)
    } catch {
      throw CommandFailure("cannot write \(path)")
    }
  }
}
