internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// Watches how bodies arrive: tells a client that asks with `Expect: 100-continue` to send a body that is not too large, and
/// ends one that takes too long, or that is on its way when the server ends.
final class BodyHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let byteLimit: Int
  private let timeout: TimeAmount
  private var timer: Scheduled<Void>?
  /// Requests whose answers are not written yet.
  private var owedCount = 0
  /// Whether the newest of them waits to be told to send its body.
  private var isAskedFor = false

  /// Bodies may have `byteLimit` bytes and take `timeout` from the head of the request on.
  init(byteLimit: Int, timeout: TimeAmount) {
    self.byteLimit = byteLimit
    self.timeout = timeout
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      let isTooLarge = head.headerFields[.contentLength].flatMap { Int($0) }.map { $0 > byteLimit } ?? false
      isAskedFor = !isTooLarge && head.headerFields[.expect]?.lowercased() == "100-continue"
      owedCount += 1
      continueIfAsked(context)
      timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
        context.fireErrorCaught(LateBody())
      }
    case .body: break
    case .end: timer.take()?.cancel()
    }
    context.fireChannelRead(data)
  }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    let part = unwrapOutboundIn(data)
    context.write(data, promise: promise)
    guard case .end = part else { return }
    owedCount -= 1
    continueIfAsked(context)
  }

  /// Tells the client to send its body, unless that would come into the middle of the answer to a request before it.
  private func continueIfAsked(_ context: ChannelHandlerContext) {
    guard isAskedFor, owedCount == 1 else { return }
    isAskedFor = false
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // Requests have ended by then: what is still to come would be refused.
    if event is ChannelShouldQuiesceEvent, let timer = timer.take() {
      timer.cancel()
      context.fireErrorCaught(UnwantedBody())
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer.take()?.cancel()
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { timer.take()?.cancel() }
}

/// A body was not there in time.
struct LateBody: Error {}

/// A body was not there when the server ended.
struct UnwantedBody: Error {}
