internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes

/// Closes a connection only when the answers are sent that were written before, and one whose client reads nothing.
///
/// The HTTP server takes a request for done when its answer is written, and may close the connection then, because the server
/// ends or nothing came for long. What a slow client has not read by then would be lost, and the client could not tell. A
/// client that reads nothing for as long as an idle connection is kept is given up, also while an answer without an end waits
/// for it.
final class UnsentHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = Any
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let patience: TimeAmount
  /// Answers that are written to their end and not sent.
  private var unsentCount = 0
  /// Whether there is one more, of which the end is not written.
  private var isAnswering = false
  /// How to close the connection once they are; nil if nobody wants to.
  private var closing: (mode: CloseMode, promise: EventLoopPromise<Void>)?
  private var timer: Scheduled<Void>?
  /// Whether the client has read so much since the last look that more could be written.
  private var hasRead = false

  /// A client is looked at every `patience`, and given up if nothing of what waits for it has gone since the last time.
  init(patience: TimeAmount) { self.patience = patience }

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      if head.status.kind != .informational { isAnswering = true }
      if timer == nil { lookLater(context) }
      context.write(data, promise: promise)
    case .body: context.write(data, promise: promise)
    case .end:
      let promise = promise ?? context.eventLoop.makePromise()
      isAnswering = false
      unsentCount += 1
      promise.futureResult.assumeIsolated().whenComplete { [self] _ in
        unsentCount -= 1
        if unsentCount == 0, !isAnswering || closing != nil { end(context) }
      }
      context.write(data, promise: promise)
    }
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard unsentCount > 0, mode != .input, context.channel.isActive else {
      return context.close(mode: mode, promise: promise)
    }
    let closing = closing ?? (mode, context.eventLoop.makePromise())
    self.closing = (mode == .all ? .all : closing.mode, closing.promise)
    closing.promise.futureResult.cascade(to: promise)
    context.flush()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { hasRead = true }
    context.fireChannelWritabilityChanged()
  }

  /// Looks after a while whether the client has read anything of what waits for it.
  private func lookLater(_ context: ChannelHandlerContext) {
    let unreadCount = Self.unreadCount(context)
    hasRead = false
    timer = context.eventLoop.assumeIsolated().scheduleTask(in: patience) { [self] in
      // Whoever writes waits until that is sent, or adds to it.
      if unreadCount > 0, unreadCount == Self.unreadCount(context), !hasRead {
        end(context)
        context.close(promise: nil)
      } else {
        lookLater(context)
      }
    }
  }

  /// Bytes that wait for the client; every socket can say so.
  private static func unreadCount(_ context: ChannelHandlerContext) -> Int {
    (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }

  /// Nothing is to be waited for any more: looks no longer, and closes the connection if somebody wants to.
  private func end(_ context: ChannelHandlerContext) {
    timer.take()?.cancel()
    if let (mode, promise) = closing.take() { context.close(mode: mode, promise: promise) }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    timer.take()?.cancel()
    closing.take()?.promise.fail(ChannelError.alreadyClosed)
  }
}
