internal import Hummingbird
internal import JSON
internal import Logging
internal import NIOCore
internal import Synchronization

/// One HTTP request and what is known of its answer so far.
final class Exchange: Sendable {
  /// Names the exchange in headers and logs.
  let id: String
  /// The connection.
  let channel: any Channel
  /// The logger, which says the exchange's name in every line.
  let logger: Logger
  /// When the head of the request had arrived.
  let start = ContinuousClock.now
  /// The fields of the request's body that errors of the engine may be about.
  private let fields = Mutex<[String]>([])
  /// Whether the request's body was read to its end.
  private let hasWholeBody = Atomic<Bool>(false)
  /// What the log says of the exchange besides.
  private let notes = Mutex<[String: String]>([:])

  /// Names the exchange as the client does, or else by chance.
  init(_ request: Request, channel: any Channel, logger: Logger) {
    let given = request.headers[.requestID].flatMap { Self.isSafe($0) ? $0 : nil }
    id = given ?? "req-" + Self.randomName()
    self.channel = channel
    var logger = logger
    logger[metadataKey: "request_id"] = "\(id)"
    if let parent = request.headers[.traceparent], Self.isSafe(parent) {
      logger[metadataKey: "traceparent"] = "\(parent)"
    }
    self.logger = logger
  }

  /// Runs tasks on the thread that writes to the connection, which spares them ways between threads.
  var executor: LoopExecutor { LoopExecutor(channel.eventLoop) }

  /// Seconds since the head of the request.
  var seconds: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// Refuses work for a client that has gone, and for one whose time is over.
  ///
  /// - Throws: ``APIError`` (499, 504).
  func checkIsWanted(timeout: Double) throws(APIError) {
    guard channel.isActive else { throw .disconnected }
    guard seconds < timeout else { throw .timedOut(timeout) }
  }

  /// Remembers by which of ``APIError/names`` the body calls things.
  func noteFields(of body: JSONObject) {
    let names = APIError.names.values.joined().filter { body[$0] != nil }
    fields.withLock { $0 = names }
  }

  /// The names that ``noteFields(of:)`` has found.
  var fieldNames: [String] { fields.withLock { $0 } }

  /// Nothing of the body is still to come.
  func noteWholeBody() { hasWholeBody.store(true, ordering: .relaxed) }

  /// Whether there may be more of the request's body on the way.
  var mayHaveMore: Bool { !hasWholeBody.load(ordering: .relaxed) }

  /// Has the log say something.
  func note(_ key: String, _ value: String) { notes.withLock { $0[key] = value } }

  /// Writes the line of the access log.
  func log(_ request: Request, route: String, status: Int) {
    var metadata: Logger.Metadata = [
      "method": "\(request.method.rawValue)", "path": "\(request.uri.path)", "status": "\(status)",
      "ms": "\(Int((seconds * 1000).rounded()))", "client": "\(channel.remoteAddress?.ipAddress ?? "-")",
    ]
    for (key, value) in notes.withLock({ $0 }) { metadata[key] = "\(value)" }
    let isQuiet = ["/", "/health", "/metrics"].contains(route)
    logger.log(level: isQuiet ? .debug : .info, "request", metadata: metadata)
  }

  /// 24 hexadecimal digits.
  static func randomName() -> String {
    let digits = Array("0123456789abcdef".utf8)
    var generator = SystemRandomNumberGenerator()
    // Two numbers have twelve digits each; to draw one costs a system call.
    let numbers = (0..<2).map { _ in generator.next() as UInt64 }
    let name = numbers.flatMap { number in (0..<12).map { digits[Int(number >> (4 * UInt64($0)) & 15)] } }
    return String(decoding: name, as: UTF8.self)
  }

  /// Whether a client's word may go into headers and logs.
  private static func isSafe(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
  }
}
