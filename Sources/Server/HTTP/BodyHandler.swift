internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// Watches how bodies arrive: tells a client that asks with `Expect: 100-continue` to send a body that is not too large, and
/// ends one that takes too long.
final class BodyHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias OutboundOut = HTTPResponsePart

  private let byteLimit: Int
  private let timeout: TimeAmount
  private var timer: Scheduled<Void>?

  /// Bodies may have `byteLimit` bytes and take `timeout` from the head of the request on.
  init(byteLimit: Int, timeout: TimeAmount) {
    self.byteLimit = byteLimit
    self.timeout = timeout
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      let isTooLarge = head.headerFields[.contentLength].flatMap { Int($0) }.map { $0 > byteLimit } ?? false
      if !isTooLarge, head.headerFields[.expect]?.lowercased() == "100-continue" {
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
      }
      timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
        context.fireErrorCaught(LateBody())
      }
    case .body: break
    case .end: timer.take()?.cancel()
    }
    context.fireChannelRead(data)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer.take()?.cancel()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { timer.take()?.cancel() }
}

/// A body was not there in time.
struct LateBody: Error {}
