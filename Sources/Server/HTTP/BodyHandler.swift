internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// Watches how bodies arrive: tells a client that asks with `Expect: 100-continue` to send its body once a route wants to read it, and
/// ends one that takes too long, or that is on its way when the server ends.
final class BodyHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let timeout: TimeAmount
  private var timer: Scheduled<Void>?
  /// Requests whose answers are not written yet.
  private var owedCount = 0
  /// Whether the newest of them waits to be told to send its body.
  private var isAskedFor = false
  /// Whether a route wants to read that body.
  private var isWanted = false

  /// Bodies may take `timeout` from the head of the request on.
  init(timeout: TimeAmount) { self.timeout = timeout }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      (isAskedFor, isWanted) = (head.isAskingToSend, false)
      owedCount += 1
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
    guard isAskedFor, isWanted, owedCount == 1 else { return }
    isAskedFor = false
    context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
  }

  func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
    guard event is WantedBody else { return context.triggerUserOutboundEvent(event, promise: promise) }
    isWanted = true
    continueIfAsked(context)
    promise?.succeed()
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

extension HTTPRequest {
  /// Whether the client waits to be told to send its body.
  var isAskingToSend: Bool { headerFields[.expect]?.lowercased() == "100-continue" }
}

/// The body of the request whose client asks is going to be read: nothing speaks against it.
struct WantedBody: Sendable {}

/// A body was not there in time.
struct LateBody: Error {}

/// A body was not there when the server ended.
struct UnwantedBody: Error {}
