internal import NIOCore
internal import NIOHTTP1

/// Has connections closed behind the answer where the client expects that: one that speaks HTTP/1.0, which besides knows no body
/// in chunks, and one that says `Connection: close` in any spelling, or among other words.
///
/// What comes behind it knows neither versions nor spellings. It therefore takes a place of its own, right behind the decoder.
///
/// <https://www.rfc-editor.org/rfc/rfc9112#section-9.3>
final class VersionHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = Any

  func handlerAdded(context: ChannelHandlerContext) {
    let pipeline = context.pipeline.syncOperations
    // There is always a decoder; without one there are no requests either.
    if let decoder = try? pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self) {
      try? pipeline.addHandler(VersionRule(), position: .after(decoder.handler))
    }
  }
}

/// The part of ``VersionHandler`` that sees heads as they came.
private final class VersionRule: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  /// Whether there was a request of HTTP/1.0. The connection closes behind its answer.
  private var isOld = false

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
    if head.version.major < 1 || head.version == .http1_0 { isOld = true }
    let words = head.headers[canonicalForm: "connection"].map { $0.lowercased() }
    if isOld || words.contains("close") { head.headers.replaceOrAdd(name: "connection", value: "close") }
    context.fireChannelRead(wrapInboundOut(.head(head)))
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard isOld, case .head(var head) = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
    // The encoder writes a body of unknown length as it is, and its end is the end of the connection.
    head.version = .http1_0
    head.headers.remove(name: "transfer-encoding")
    head.headers.replaceOrAdd(name: "connection", value: "close")
    context.write(wrapOutboundOut(.head(head)), promise: promise)
  }
}
