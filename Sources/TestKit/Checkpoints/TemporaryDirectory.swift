#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif
internal import Tensors

/// A new directory for the files of one test, removed with them when the object goes.
package final class TemporaryDirectory {
  /// The path, without a slash at the end.
  package let path: String
  private var files: Set<String> = []

  /// Makes a directory below `TMPDIR` or `/tmp`.
  package init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/inflight-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Self.lastError("\(parent)/inflight-XXXXXX") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for file in files { unlink(file) }
    rmdir(path)
  }

  /// Writes a file directly below the directory and returns its path; an older one of that name is replaced.
  @discardableResult
  package func write(_ bytes: [UInt8], to name: String) throws -> String {
    let file = "\(path)/\(name)"
    // A new file each time: the old one may be mapped.
    unlink(file)
    guard let stream = fopen(file, "wbx") else { throw Self.lastError(file) }
    files.insert(file)
    let written = bytes.withUnsafeBytes { fwrite($0.baseAddress, 1, $0.count, stream) }
    guard fclose(stream) == 0, written == bytes.count else { throw Self.lastError(file) }
    return file
  }

  /// Writes text as UTF-8.
  @discardableResult
  package func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

  /// Removes a file that was written here.
  package func remove(_ name: String) {
    unlink("\(path)/\(name)")
    files.remove("\(path)/\(name)")
  }

  private static func lastError(_ path: String) -> FileError {
    FileError(path: path, reason: String(cString: strerror(errno)))
  }
}
