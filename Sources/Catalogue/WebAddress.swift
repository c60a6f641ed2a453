/// An absolute `http` or `https` address (RFC 3986), kept as its parts.
///
/// Only printable ASCII is accepted, so that nothing in an address can end a header line or colour a terminal.
package struct WebAddress: Sendable, CustomStringConvertible {
  /// `http` or `https`.
  package var scheme: String
  /// `user:password` as written, percent-encoded; never part of ``description``.
  package var credentials: String?
  /// The host in lower case, an IPv6 address in brackets.
  package var host: String
  /// The port if one is given.
  package var port: Int?
  /// The path, which begins with `/`.
  package var path: String
  /// The query without its `?`.
  package var query: String?

  /// Parses an absolute address; a fragment is dropped. Nil if it is malformed or has another scheme.
  package init?(_ text: String) {
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "\\") }) else { return nil }
    let whole = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
    guard let colon = whole.firstIndex(of: ":") else { return nil }
    scheme = whole[..<colon].lowercased()
    guard scheme == "http" || scheme == "https", whole[colon...].hasPrefix("://") else { return nil }
    let rest = whole[whole.index(colon, offsetBy: 3)...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let target = rest[authority.endIndex...].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    path = target.first.map { $0.isEmpty ? "/" : String($0) } ?? "/"
    query = target.count > 1 ? String(target[1]) : nil

    var hostAndPort = authority
    if let at = authority.lastIndex(of: "@") {
      credentials = String(authority[..<at])
      hostAndPort = authority[authority.index(after: at)...]
    }
    let hostEnd = hostAndPort.hasPrefix("[") ? hostAndPort.firstIndex(of: "]") : nil
    let portColon = (hostEnd.map { hostAndPort[$0...] } ?? hostAndPort).firstIndex(of: ":")
    host = hostAndPort[..<(portColon ?? hostAndPort.endIndex)].lowercased()
    if let portColon {
      guard let number = UInt16(hostAndPort[hostAndPort.index(after: portColon)...]), number > 0 else { return nil }
      port = Int(number)
    }
    guard !host.isEmpty, host.hasPrefix("[") == (hostEnd != nil) else { return nil }
  }

  /// The address that `reference` means on a page at this address (RFC 3986, section 5.2). Credentials are kept
  /// when the host is. Nil if the result is no `http` or `https` address.
  package func resolving(_ reference: String) -> WebAddress? {
    let reference = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)[0]
    if let colon = reference.firstIndex(of: ":"), reference[..<colon].allSatisfy({ $0 != "/" && $0 != "?" }) {
      return keepingCredentials(WebAddress(String(reference)))
    }
    if reference.hasPrefix("//") { return keepingCredentials(WebAddress("\(scheme):\(reference)")) }
    let parts = reference.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    let referencePath = parts.first ?? ""
    var merged = path
    if referencePath.hasPrefix("/") {
      merged = String(referencePath)
    } else if !referencePath.isEmpty {
      merged = String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) + referencePath
    }
    let newQuery = parts.count > 1 ? String(parts[1]) : (referencePath.isEmpty ? query : nil)
    let target = Self.removingDotSegments(merged) + (newQuery.map { "?" + $0 } ?? "")
    return keepingCredentials(WebAddress(origin + target))
  }

  /// The address with `suffix` as further path components.
  package func appending(_ suffix: String) -> WebAddress {
    var result = self
    result.path = (path.hasSuffix("/") ? path : path + "/") + suffix
    return result
  }

  /// Whether both have the same scheme, host and port.
  package func hasSameOrigin(as other: WebAddress) -> Bool {
    scheme == other.scheme && host == other.host && effectivePort == other.effectivePort
  }

  /// The port to connect to.
  package var effectivePort: Int { port ?? (scheme == "https" ? 443 : 80) }

  /// The address for a request: whole, but without credentials.
  package var requestText: String { origin + path + (query.map { "?" + $0 } ?? "") }

  /// The address for people: without credentials, and without the query, which may hold a signature.
  package var description: String { origin + path }

  private var origin: String { "\(scheme)://\(host)" + (port.map { ":\($0)" } ?? "") }

  private func keepingCredentials(_ other: WebAddress?) -> WebAddress? {
    guard var other else { return nil }
    if other.credentials == nil, other.hasSameOrigin(as: self) { other.credentials = credentials }
    return other
  }

  private static func removingDotSegments(_ path: String) -> String {
    var kept: [Substring] = []
    let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    for segment in segments {
      if segment == ".." { _ = kept.popLast() } else if segment != "." { kept.append(segment) }
    }
    if let last = segments.last, last == "." || last == ".." { kept.append("") }
    return "/" + kept.joined(separator: "/")
  }
}
