/// The keys of a server, compared in a time that does not depend on where a wrong one differs.
package struct APIKeys: Sendable {
  private let keys: [[UInt8]]

  /// Accepts these keys; with none everybody is let in.
  package init(_ keys: [String]) { self.keys = keys.map { Array($0.utf8) } }

  /// Whether no key is needed.
  package var isOpen: Bool { keys.isEmpty }

  /// Whether `key` is one of the keys. Looks at every byte that was sent, once for every key.
  package func accepts(_ key: String) -> Bool {
    let sent = Array(key.utf8)
    var isKnown: UInt8 = 0
    for key in keys {
      var difference: UInt8 = sent.count == key.count ? 0 : 1
      for index in sent.indices { difference |= sent[index] ^ (key.isEmpty ? 1 : key[index % key.count]) }
      isKnown |= difference == 0 ? 1 : 0
    }
    return isKnown == 1
  }

  /// Whether the value of an `Authorization` header has a key: `Bearer KEY`.
  package func accepts(authorization: String?) -> Bool {
    guard !isOpen else { return true }
    guard let authorization, let space = authorization.utf8.firstIndex(of: UInt8(ascii: " ")) else { return false }
    guard authorization[..<space].lowercased().utf8.elementsEqual("bearer".utf8) else { return false }
    let key = authorization[space...].utf8.drop { $0 == UInt8(ascii: " ") }
    return accepts(String(decoding: key, as: UTF8.self))
  }
}
