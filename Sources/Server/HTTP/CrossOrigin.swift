internal import HTTPTypes
internal import Hummingbird

/// What browsers are told about pages of another origin: <https://fetch.spec.whatwg.org/#http-cors-protocol>.
struct CrossOrigin: Sendable {
  /// The origin whose pages may call the server, or `*`.
  let origin: String

  /// Fields that clients send whether or not a browser says so beforehand.
  private static let usual = ["authorization", "content-type", "last-event-id", "x-request-id", "traceparent"]
  /// The most fields that are repeated to a browser.
  private static let maximumFieldCount = 64
  /// For how many seconds a browser may remember the answer: the longest that any does.
  private static let maximumAge = "7200"

  /// Adds what an answer to `request` says.
  func decorate(_ headers: inout HTTPFields, for request: Request) {
    headers[.accessControlAllowOrigin] = origin
    headers[.accessControlExposeHeaders] = "x-request-id, retry-after"
    guard request.method == .options else { return }
    headers[.accessControlAllowMethods] = "GET, POST, OPTIONS"
    headers[.accessControlAllowHeaders] = Self.fields(request.headers[.accessControlRequestHeaders] ?? "")
    headers[.accessControlMaxAge] = Self.maximumAge
    headers[.vary] = "origin, access-control-request-headers"
  }

  /// The usual fields and those that a browser asks for, of which any may be sent: clients add their own, and those that
  /// mean nothing here are not read.
  private static func fields(_ wanted: String) -> String {
    var names = usual
    for name in wanted.lowercased().split(separator: ",").prefix(maximumFieldCount) {
      let bytes = name.utf8.drop { $0 == 0x20 || $0 == 0x09 }
      let name = String(decoding: bytes.prefix { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self)
      guard HTTPField.Name(name) != nil, !names.contains(name) else { continue }
      names.append(name)
    }
    return names.joined(separator: ", ")
  }
}
