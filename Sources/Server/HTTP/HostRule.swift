/// By which names clients may call the server.
///
/// A page of any origin may have its name resolve to 127.0.0.1, and is then, to the browser, of one origin with a server
/// that listens there ("DNS rebinding"): it could read whatever that server answers. It cannot choose what the browser sends as
/// `Host`, though, which is the page's name. So a server that has no keys, because only this machine can reach it, answers
/// to names of this machine only.
package struct HostRule: Sendable {
  /// The names, in small letters; nil for any.
  private let names: [String]?

  /// The rule of a server: any name, unless it listens on a loopback address without keys or names are given.
  package init(_ options: ServerOptions) {
    let isOpen = !options.isLoopback || !options.apiKeys.isEmpty
    if options.allowedHosts.contains("*") || isOpen && options.allowedHosts.isEmpty {
      names = nil
    } else {
      names = (["localhost", "127.0.0.1", "::1", options.host] + options.allowedHosts).map { $0.lowercased() }
    }
  }

  /// Whether every name is accepted.
  package var isOpen: Bool { names == nil }

  /// Whether a request with this `Host` is answered: one of the names, with any port. Browsers always send one; what
  /// sends none is no browser.
  package func accepts(_ authority: String?) -> Bool {
    guard let names, let authority else { return true }
    guard let host = Self.host(authority) else { return false }
    return names.contains { $0.utf8.elementsEqual(host.utf8) }
  }

  /// The name in `NAME`, `NAME:PORT` or `[ADDRESS]:PORT`, in small letters; nil for anything else.
  private static func host(_ authority: String) -> String? {
    let bytes = Array(authority.lowercased().utf8)
    let isBracketed = bytes.first == UInt8(ascii: "[")
    let end = bytes.firstIndex(of: UInt8(ascii: isBracketed ? "]" : ":")) ?? bytes.count
    guard !isBracketed || end < bytes.count else { return nil }
    let port = bytes[min(bytes.count, isBracketed ? end + 1 : end)...]
    guard port.isEmpty || port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return String(decoding: bytes[(isBracketed ? 1 : 0)..<end], as: UTF8.self)
  }
}
