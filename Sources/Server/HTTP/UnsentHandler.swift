internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// Closes a connection only when the answers are sent that were written before.
///
/// The HTTP server takes a request for done when its answer is written, and may close the connection then, because the server
/// ends or nothing came for long. What a slow client has not read by then would be lost, and the client could not tell. A
/// client that reads nothing for as long as an idle connection is kept is given up.
final class UnsentHandler: ChannelOutboundHandler, RemovableChannelHandler {
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let patience: TimeAmount
  /// Answers that are written and not sent.
  private var unsentCount = 0
  /// How to close the connection once they are; nil if nobody wants to.
  private var closing: (mode: CloseMode, promise: EventLoopPromise<Void>)?
  private var timer: Scheduled<Void>?

  /// A client may take `patience` for each look at whether it reads.
  init(patience: TimeAmount) { self.patience = patience }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
    let promise = promise ?? context.eventLoop.makePromise()
    unsentCount += 1
    promise.futureResult.assumeIsolated().whenComplete { [self] _ in
      unsentCount -= 1
      if unsentCount == 0 { closeNow(context) }
    }
    context.write(data, promise: promise)
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard unsentCount > 0, mode != .input, context.channel.isActive else {
      return context.close(mode: mode, promise: promise)
    }
    let closing = closing ?? (mode, context.eventLoop.makePromise())
    self.closing = (mode == .all ? .all : closing.mode, closing.promise)
    closing.promise.futureResult.cascade(to: promise)
    context.flush()
    if timer == nil { lookLater(context, unreadCount: Self.unreadCount(context)) }
  }

  /// Looks after a while whether the client has read anything.
  private func lookLater(_ context: ChannelHandlerContext, unreadCount: Int) {
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [self] in
      let count = Self.unreadCount(context)
      if count < unreadCount { lookLater(context, unreadCount: count) } else { closeNow(context) }
    }
  }

  private static func unreadCount(_ context: ChannelHandlerContext) -> Int {
    (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }

  private func closeNow(_ context: ChannelHandlerContext) {
    timer.take()?.cancel()
    guard let (mode, promise) = closing.take() else { return }
    context.close(mode: mode, promise: promise)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer.take()?.cancel()
    closing.take()?.promise.fail(ChannelError.alreadyClosed)
  }
}
