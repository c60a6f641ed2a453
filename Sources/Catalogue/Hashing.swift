internal import Crypto

/// SHA-256 sums as text.
enum SHA256Text {
  /// `text` in lower case if it is 64 hexadecimal digits.
  static func normalized(_ text: String) -> String? {
    let lower = text.lowercased()
    return lower.utf8.count == 64 && lower.utf8.allSatisfy { isHexDigit($0) } ? lower : nil
  }

  /// Whether `byte` is a digit or `a` to `f`.
  static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
  }
}

/// What a file must hash to.
package enum ExpectedDigest: Sendable {
  /// The SHA-256 of the content.
  case sha256(String)
  /// The identity of the content in git: the SHA-1 of `blob`, a space, the size, a zero byte, and the content.
  case gitBlob(String)

  /// The digest in lower-case hexadecimal digits.
  package var text: String {
    switch self {
    case .sha256(let text), .gitBlob(let text): text
    }
  }
}

/// A digest of bytes that arrive one piece after the other.
struct RunningDigest {
  private var sha256 = SHA256()
  private var sha1 = Insecure.SHA1()
  private let isGitBlob: Bool

  /// Begins the digest that `expected` is one of, for content of `size` bytes.
  init(like expected: ExpectedDigest, size: Int) {
    if case .gitBlob = expected {
      isGitBlob = true
      sha1.absorb((Array("blob \(size)".utf8) + [0]).span)
    } else {
      isGitBlob = false
    }
  }

  /// Adds `bytes`.
  mutating func update(_ bytes: Span<UInt8>) {
    if isGitBlob { sha1.absorb(bytes) } else { sha256.absorb(bytes) }
  }

  /// The digest of everything added, in lower-case hexadecimal digits.
  func text() -> String { isGitBlob ? Self.hex(sha1.finalize()) : Self.hex(sha256.finalize()) }

  private static func hex(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

extension OpenFile {
  /// The digest of the whole file, of the kind of `expected`. Tells `progress`, and stops when the task is cancelled.
  func digest(like expected: ExpectedDigest, progress: ProgressScope) throws(CatalogueError) -> String {
    let size = try system { () throws(SystemFailure) in try self.size() }
    var digest = RunningDigest(like: expected, size: size)
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    var position = 0
    while position < size {
      if Task.isCancelled { throw .cancelled }
      let count: Int
      do { count = try read(into: &buffer, 0..<buffer.count, at: position) } catch { throw CatalogueError(error) }
      if count == 0 { break }
      digest.update(buffer.span.extracting(0..<count))
      position += count
      progress.report(.verifying, position, of: size)
    }
    return digest.text()
  }
}
