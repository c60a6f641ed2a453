internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// Has it logged and counted when a client sends what is no HTTP, or a head that is too long. The HTTP server answers 400 and
/// closes the connection, without a request that routes could see.
final class ParseErrorHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = Any

  private let state: ServerState

  /// Tells `state`.
  init(_ state: ServerState) { self.state = state }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    if let error = error as? HTTPParserError {
      state.metrics.recordAnswer(route: "-", status: 400)
      state.logger.info(
        "no request",
        metadata: [
          "status": "400", "error": "\(error.debugDescription)", "client": "\(context.remoteAddress?.ipAddress ?? "-")",
        ])
    }
    context.fireErrorCaught(error)
  }
}
