internal import Catalogue
internal import Tensors

/// Files of text that commands read and write.
enum TextFile {
  /// The longest file that is read.
  private static let limit = 1 << 30

  /// The contents of `path`.
  static func read(_ path: String) throws(CommandFailure) -> String {
    let file: MappedFile
    do { file = try MappedFile(path: path) } catch { throw CommandFailure("cannot read \(error)") }
    guard file.count <= limit else { throw CommandFailure("\(path) is longer than \(limit >> 20) MiB") }
    // The bytes are copied while they are mapped.
    let text = file.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe String(validating: $0, as: UTF8.self) } }
    guard let text else { throw CommandFailure("\(path) is not valid UTF-8") }
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
