/// What a user may call a model.
package enum ModelReference: Sendable {
  /// A file or directory that exists.
  case path(String)
  /// A name of the catalogue, or what could be one.
  case name(String)
  /// A repository of the hub.
  case hub(HubReference)

  /// Reads `text`: what exists as a path is a path, whatever it looks like.
  package init(_ text: String) throws(CatalogueError) {
    if System.status(text) != nil {
      self = .path(text)
    } else if text.utf8.starts(with: "hf:".utf8) {
      self = .hub(try HubReference(text))
    } else {
      self = .name(text)
    }
  }
}

/// A repository of the hub, at a revision, and perhaps one file of it.
package struct HubReference: Sendable {
  /// Who owns the repository.
  package let owner: String
  /// Its name.
  package let repository: String
  /// A branch, tag or commit; nil for the default branch.
  package let revision: String?
  /// One GGUF file, as a path inside the repository.
  package let file: String?

  /// Parses `hf:OWNER/REPO[@REVISION][/FILE.gguf]`. A revision with slashes, such as `refs/pr/1`, is written with
  /// `%2F` in their place.
  package init(_ text: String) throws(CatalogueError) {
    func invalid(_ reason: String) -> CatalogueError { .invalidReference(text, reason: reason) }
    let parts = text.utf8.dropFirst(3).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
    guard parts.count >= 2 else { throw invalid("there is no OWNER/REPO") }
    owner = parts[0]
    let nameAndRevision = parts[1].utf8.split(
      separator: UInt8(ascii: "@"), maxSplits: 1, omittingEmptySubsequences: false)
    repository = String(Substring(nameAndRevision[0]))
    revision =
      nameAndRevision.count > 1 ? String(decoding: percentDecoded(Substring(nameAndRevision[1])), as: UTF8.self) : nil
    file = parts.count > 2 ? parts[2...].joined(separator: "/") : nil
    for name in [owner, repository] where !Self.isName(name) {
      throw invalid("\(quoted(name)) is no name of an owner or a repository")
    }
    let components = revision?.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) ?? []
    guard components.allSatisfy({ Self.isName(String(Substring($0))) }) else {
      throw invalid("\(quoted(revision ?? "")) is no revision")
    }
    if let file {
      guard isSafeRelativePath(file) else { throw invalid("\(quoted(file)) is no path of a file") }
      guard file.utf8.suffix(5).elementsEqual(".gguf".utf8) else { throw invalid("only a .gguf file can be chosen") }
    }
  }

  /// `OWNER/REPO`, with the revision if there is one.
  package var name: String { "\(owner)/\(repository)" + (revision.map { "@" + $0 } ?? "") }

  /// The directory below `hf/` in the cache.
  var directoryName: String {
    "\(owner)/\(repository)" + (revision.map { "@" + String($0.map { $0 == "/" ? "+" : $0 }) } ?? "")
  }

  private static func isName(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 128 && text != "." && text != ".."
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
          true
        default: false
        }
      }
  }
}

/// Whether `path` stays below the directory that it is put into, and is printable: no empty, `.` or `..` component, no
/// backslash, no control character.
func isSafeRelativePath(_ path: String) -> Bool {
  let bytes = Array(path.utf8)
  guard !bytes.isEmpty, bytes.count <= 1024 else { return false }
  guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") }) else { return false }
  return bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { component in
    !component.isEmpty && component.count <= 255 && !component.elementsEqual(".".utf8)
      && !component.elementsEqual("..".utf8)
  }
}
