internal import NIOCore
internal import Synchronization

/// Tells whoever asks when the client of a connection is gone: it closed the connection or its sending side.
///
/// A client that closes its sending side and goes on reading is taken for gone, as other servers do: the network cannot
/// tell it from a process that was killed.
final class ConnectionWatcher: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = Any

  /// What is known of the connection; may be used from any thread.
  let connection = WatchedConnection()

  func channelInactive(context: ChannelHandlerContext) {
    connection.isGone()
    context.fireChannelInactive()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent { connection.isGone() }
    context.fireUserInboundEventTriggered(event)
  }
}

/// A connection whose client may go away.
final class WatchedConnection: Sendable {
  private struct Contents {
    var isGone = false
    var observer: (@Sendable () -> Void)?
  }

  private let contents = Mutex(Contents())

  /// Calls `observer` once when the client is gone, at once if it is already. Replaces the observer before it; nil for none.
  func observe(_ observer: (@Sendable () -> Void)?) {
    let isGone = contents.withLock { contents in
      contents.observer = contents.isGone ? nil : observer
      return contents.isGone
    }
    if isGone { observer?() }
  }

  /// Whether the client is gone.
  var hasGone: Bool { contents.withLock { $0.isGone } }

  fileprivate func isGone() {
    let observer = contents.withLock { contents in
      contents.isGone = true
      defer { contents.observer = nil }
      return contents.observer
    }
    observer?()
  }

  /// The connection of a channel that has a watcher; nil for others.
  static func of(_ channel: any Channel) async -> WatchedConnection? {
    try? await channel.eventLoop.submit {
      try channel.pipeline.syncOperations.handler(type: ConnectionWatcher.self).connection
    }.get()
  }
}
