internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import NIOCore

/// What a route answers.
enum Answer: Sendable {
  /// A JSON document.
  case json(JSONValue, status: Int = 200)
  /// A JSON document that is written already.
  case written(ByteBuffer)
  /// The same in pieces, which may share their memory.
  case pieces([ByteBuffer])
  /// A text of some media type.
  case text(String, type: String)
  /// Events, written by the closure while they happen.
  case events(@Sendable (inout EventWriter) async throws -> Void)

  /// The HTTP response. A closure runs after the head has been sent; `onEnd` is called when the answer is over.
  func response(onEnd: @escaping @Sendable () -> Void) -> Response {
    switch self {
    case .json(let json, let status):
      defer { onEnd() }
      return Self.response(ByteBuffer(bytes: json.serializedBytes()), type: "application/json", status: status)
    case .written(let bytes):
      defer { onEnd() }
      return Self.response(bytes, type: "application/json", status: 200)
    case .pieces(let pieces):
      let byteCount = pieces.reduce(0) { $0 + $1.readableBytes }
      guard byteCount > Self.largeByteCount else {
        defer { onEnd() }
        var whole = ByteBuffer()
        whole.reserveCapacity(byteCount)
        for piece in pieces { whole.writeImmutableBuffer(piece) }
        return Self.response(whole, type: "application/json", status: 200)
      }
      let ending = Ending(onEnd)
      let body = ResponseBody(contentLength: byteCount) { writer in
        defer { ending.end() }
        for piece in pieces { try await writer.write(piece) }
        try await writer.finish(nil)
      }
      return Response(status: .ok, headers: [.contentType: "application/json"], body: body)
    case .text(let text, let type):
      defer { onEnd() }
      return Self.response(ByteBuffer(string: text), type: type, status: 200)
    case .events(let write):
      let ending = Ending(onEnd)
      let body = ResponseBody { writer in
        defer { ending.end() }
        var events = EventWriter(writer)
        try await write(&events)
        try await events.finish()
      }
      // The last one tells proxies not to hold events back.
      return Response(
        status: .ok,
        headers: [.contentType: "text/event-stream", .cacheControl: "no-cache", .accelBuffering: "no"], body: body)
    }
  }

  /// Pieces with more bytes together are sent one after the other, so that they need not be in memory as a whole.
  private static let largeByteCount = 1 << 20

  private static func response(_ bytes: ByteBuffer, type: String, status: Int) -> Response {
    Response(
      status: .init(code: status), headers: [.contentType: type], body: ResponseBody(byteBuffer: bytes))
  }

  /// An error as an answer.
  static func response(_ error: APIError) -> Response {
    let bytes = ByteBuffer(bytes: error.body.serializedBytes())
    var response = response(bytes, type: "application/json", status: error.status)
    if let seconds = error.retryAfter { response.headers[.retryAfter] = String(seconds) }
    if let methods = error.allow { response.headers[.allow] = methods }
    if error.status == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
    return response
  }

  /// Calls a closure when the answer is over, even if its body was never asked for.
  private final class Ending: Sendable {
    private let once = Once()
    private let action: @Sendable () -> Void

    init(_ action: @escaping @Sendable () -> Void) { self.action = action }

    func end() { if once.isFirst() { action() } }

    deinit { end() }
  }
}

extension HTTPField.Name {
  /// Names an exchange.
  static var requestID: HTTPField.Name { Self("x-request-id") ?? .from }
  /// The caller's trace: <https://www.w3.org/TR/trace-context/>.
  static var traceparent: HTTPField.Name { Self("traceparent") ?? .from }
  /// Whether a proxy may hold an answer back.
  static var accelBuffering: HTTPField.Name { Self("x-accel-buffering") ?? .from }
}
