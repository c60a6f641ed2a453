internal import JSON

/// One file of a package, as a simple package index lists it.
package struct IndexedFile: Sendable {
  /// The name of the file.
  package let name: String
  /// Where it can be fetched.
  package let address: WebAddress
  /// Its lower-case SHA-256, if the index says it.
  package let sha256: String?
  /// Its bytes, if the index says it.
  package let size: Int?
}

/// A page of a simple package index: what files one package has.
package enum PackageIndexPage {
  /// What to ask an index for: JSON (PEP 691) rather than HTML (PEP 503).
  static let accept =
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"

  /// The files on a page that came from `address` with `contentType`. Links that cannot be understood are left out;
  /// nil if the page as a whole cannot.
  package static func files(_ page: [UInt8], contentType: String, address: WebAddress) -> [IndexedFile]? {
    contentType.lowercased().contains("json") ? jsonFiles(page, address) : htmlFiles(page, address)
  }

  private static func jsonFiles(_ page: [UInt8], _ address: WebAddress) -> [IndexedFile]? {
    guard let document = try? JSONValue(parsing: page), let files = document["files"]?.arrayValue else { return nil }
    return files.compactMap { file in
      guard let name = file["filename"]?.stringValue, let link = file["url"]?.stringValue,
        let target = address.resolving(link)
      else { return nil }
      let sha256 = file["hashes"]?["sha256"]?.stringValue.flatMap(SHA256Text.normalized)
      return IndexedFile(name: name, address: target, sha256: sha256, size: file["size"]?.intValue)
    }
  }

  private static func htmlFiles(_ page: [UInt8], _ address: WebAddress) -> [IndexedFile] {
    var files: [IndexedFile] = []
    var base = address
    var scanner = TagScanner(page)
    while let tag = scanner.next() {
      guard let link = tag.link else { continue }
      if tag.name == "base" {
        base = address.resolving(link) ?? base
      } else if tag.name == "a", let target = base.resolving(link) {
        let name = String(decoding: percentDecoded(target.path.split(separator: "/").last ?? ""), as: UTF8.self)
        let fragment = link.split(separator: "#", maxSplits: 1).dropFirst().first ?? ""
        let hash = fragment.split(separator: "&").first { $0.hasPrefix("sha256=") }?.dropFirst(7)
        files.append(
          IndexedFile(
            name: name, address: target, sha256: hash.flatMap { SHA256Text.normalized(String($0)) }, size: nil))
      }
    }
    return files
  }
}

/// Finds the tags of an HTML page and their `href`; everything else is passed over.
private struct TagScanner {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The next opening tag, its name in lower case; nil at the end.
  mutating func next() -> (name: String, link: String?)? {
    while let open = bytes[position...].firstIndex(of: UInt8(ascii: "<")) {
      position = open + 1
      if bytes[position...].starts(with: "!--".utf8) {
        skipComment()
        continue
      }
      let name = take(while: Self.isNameByte).lowercased()
      if name.isEmpty { continue }
      return (name, attributes())
    }
    return nil
  }

  private mutating func skipComment() {
    while position < bytes.count, !bytes[position...].starts(with: "-->".utf8) { position += 1 }
  }

  /// Reads to the end of the tag; returns the value of its first `href`.
  private mutating func attributes() -> String? {
    var link: String?
    while position < bytes.count, bytes[position] != UInt8(ascii: ">") {
      let name = take(while: Self.isNameByte).lowercased()
      if name.isEmpty {
        position += 1
        continue
      }
      skipSpace()
      guard position < bytes.count, bytes[position] == UInt8(ascii: "=") else { continue }
      position += 1
      skipSpace()
      let value = attributeValue()
      if name == "href", link == nil { link = value }
    }
    return link
  }

  private mutating func attributeValue() -> String {
    guard position < bytes.count else { return "" }
    let quote = bytes[position]
    guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
      return Self.unescaped(take { $0 > 0x20 && $0 != UInt8(ascii: ">") })
    }
    position += 1
    let value = take { $0 != quote }
    position = min(position + 1, bytes.count)
    return Self.unescaped(value)
  }

  private mutating func skipSpace() { _ = take { $0 <= 0x20 } }

  private mutating func take(while condition: (UInt8) -> Bool) -> String {
    let run = bytes[position...].prefix(while: condition)
    position = run.endIndex
    return String(decoding: run, as: UTF8.self)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte > 0x20 && !"<>=/\"'".utf8.contains(byte)
  }

  /// Replaces the character references that addresses contain.
  private static func unescaped(_ text: String) -> String {
    guard text.utf8.contains(UInt8(ascii: "&")) else { return text }
    var result = ""
    var rest = text[...]
    while let start = rest.firstIndex(of: "&") {
      result += rest[..<start]
      rest = rest[start...]
      let reference = rest.dropFirst().prefix(8).prefix { $0 != ";" }
      let end = rest.index(start, offsetBy: reference.count + 1)
      guard end < rest.endIndex, rest[end] == ";", let character = character(String(reference)) else {
        result += "&"
        rest = rest.dropFirst()
        continue
      }
      result.append(character)
      rest = rest[rest.index(after: end)...]
    }
    return result + rest
  }

  private static func character(_ reference: String) -> Character? {
    switch reference {
    case "amp": "&"
    case "lt": "<"
    case "gt": ">"
    case "quot": "\""
    case "apos": "'"
    default:
      if reference.hasPrefix("#x") {
        UInt32(reference.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init).map(Character.init)
      } else if reference.hasPrefix("#") {
        UInt32(reference.dropFirst()).flatMap(Unicode.Scalar.init).map(Character.init)
      } else {
        nil
      }
    }
  }
}
