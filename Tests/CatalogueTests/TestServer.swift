import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A request as the server saw it.
struct ServedRequest: Sendable {
  let method: String
  /// Path and query.
  let target: String
  let headers: [(name: String, value: String)]

  func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name.lowercased() }?.value }
  var path: String { String(target.prefix { $0 != "?" }) }
}

/// What the server should send.
struct Reply: Sendable {
  /// What happens when the body should end.
  enum End: Sendable {
    /// The answer is complete.
    case complete
    /// The connection is closed after so many bytes of the body.
    case close(after: Int)
    /// Nothing more is sent after so many bytes of the body, and the connection stays open.
    case stall(after: Int)
  }

  var status = 200
  var headers: [(String, String)] = []
  var body: [UInt8] = []
  var end = End.complete

  /// `content`, or the part of it that `request` asks for.
  static func file(_ content: [UInt8], _ request: ServedRequest, tag: String? = nil, end: End = .complete) -> Reply {
    var reply = Reply(body: content, end: end)
    if let tag { reply.headers.append(("ETag", tag)) }
    let condition = request.header("If-Range")
    if let range = request.header("Range"), condition == nil || condition == tag,
      let start = Int(range.dropFirst("bytes=".count).dropLast())
    {
      guard start < content.count else { return Reply(status: 416) }
      reply.status = 206
      reply.body = Array(content[start...])
      reply.headers.append(("Content-Range", "bytes \(start)-\(content.count - 1)/\(content.count)"))
    }
    return reply
  }

  static func text(_ text: String, type: String) -> Reply {
    Reply(headers: [("Content-Type", type)], body: Array(text.utf8))
  }
}

/// An HTTP/1.1 server on the loopback interface that answers as a closure says, and remembers what it was asked.
final class TestServer: Sendable {
  private let channel: any Channel
  private let log: RequestLog
  /// `http://127.0.0.1:PORT`.
  let address: String

  /// Everything asked so far, in order.
  var requests: [ServedRequest] { log.requests.withLock { $0 } }

  /// Runs a server during `body`. `respond` gets the request and how many were there before it.
  static func run<Result>(
    _ respond: @escaping @Sendable (ServedRequest, Int) -> Reply,
    _ body: (TestServer) async throws -> Result
  ) async throws -> Result {
    let log = RequestLog()
    let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.pipeline.configureHTTPServerPipeline().flatMapThrowing {
          try channel.pipeline.syncOperations.addHandler(Handler(log: log, respond: respond))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let server = TestServer(channel: channel, log: log)
    do {
      let result = try await body(server)
      try await channel.close().get()
      return result
    } catch {
      try? await channel.close().get()
      throw error
    }
  }

  private init(channel: any Channel, log: RequestLog) {
    self.channel = channel
    self.log = log
    address = "http://127.0.0.1:\(channel.localAddress?.port ?? 0)"
  }

  private final class RequestLog: Sendable {
    let requests = Mutex<[ServedRequest]>([])

    /// Adds `request` and returns how many were there before.
    func add(_ request: ServedRequest) -> Int {
      requests.withLock {
        $0.append(request)
        return $0.count - 1
      }
    }
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let log: RequestLog
    private let respond: @Sendable (ServedRequest, Int) -> Reply
    private var head: HTTPRequestHead?

    init(log: RequestLog, respond: @escaping @Sendable (ServedRequest, Int) -> Reply) {
      self.log = log
      self.respond = respond
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      switch unwrapInboundIn(data) {
      case .head(let head): self.head = head
      case .body: break
      case .end:
        guard let head else { return }
        let request = ServedRequest(
          method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) })
        send(respond(request, log.add(request)), context)
      }
    }

    private func send(_ reply: Reply, _ context: ChannelHandlerContext) {
      var headers = HTTPHeaders(reply.headers)
      headers.add(name: "Content-Length", value: String(reply.body.count))
      let head = HTTPResponseHead(
        version: .http1_1, status: HTTPResponseStatus(statusCode: reply.status), headers: headers)
      context.write(wrapOutboundOut(.head(head)), promise: nil)
      let count: Int
      switch reply.end {
      case .complete: count = reply.body.count
      case .close(let limit), .stall(let limit): count = min(limit, reply.body.count)
      }
      let written = context.eventLoop.makePromise(of: Void.self)
      let channel = context.channel
      context.writeAndFlush(
        wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: reply.body[..<count])))), promise: written)
      switch reply.end {
      case .complete: context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      case .close: written.futureResult.whenComplete { _ in channel.close(promise: nil) }
      case .stall: break
      }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
  }
}
