internal import HTTPTypes
package import Hummingbird
internal import Logging
internal import NIOCore

/// Answers every HTTP request: checks who asks, finds the route, and turns errors into answers.
package struct ServerResponder: HTTPResponder {
  /// What is known of a request's connection.
  package struct Context: InitializableFromSource {
    fileprivate let channel: any Channel

    /// Takes over what the HTTP server knows.
    package init(source: ApplicationRequestContextSource) { channel = source.channel }
  }

  private let state: ServerState
  private let routes: Routes
  private let hosts: HostRule
  private let crossOrigin: CrossOrigin?

  /// Answers with what `state` has.
  package init(state: ServerState) {
    self.state = state
    routes = Routes(state: state)
    hosts = HostRule(state.options)
    crossOrigin = state.options.allowedOrigin.map { CrossOrigin(origin: $0) }
  }

  /// Answers a request; never throws.
  package func respond(to request: Request, context: Context) async throws -> Response {
    let channel = context.channel
    let exchange = Exchange(request, channel: channel, logger: state.logger)
    var route = "-"
    var response: Response
    let onEnd: @Sendable (String, Int) -> Void = { [state] route, status in
      exchange.log(request, route: route, status: status)
      state.metrics.recordAnswer(route: route, status: status)
    }
    do throws(APIError) {
      try checkHost(request.head)
      switch Routes.match(method: request.method.rawValue, path: request.uri.path) {
      case _ where request.method == .options && crossOrigin != nil:
        response = Response(status: .noContent)
        onEnd(route, 204)
      case .nothing:
        if let file = try PageRoute.answer(request) {
          route = "/"
          response = file
          onEnd(route, file.status.code)
          break
        }
        throw APIError(404, "there is nothing at \(request.uri.path.prefix(200))", code: "not_found")
      case .wrongMethod(let allowed):
        throw APIError(405, "this path takes \(allowed) only", code: "method_not_allowed", allow: allowed)
      case .endpoint(let endpoint, let name):
        let path = endpoint.path
        route = path
        try checkKey(request.head, endpoint)
        let answer = try await routes.answer(endpoint, name: name, request: request, exchange)
        let status = if case .json(_, let status) = answer { status } else { 200 }
        response = answer.response { onEnd(path, status) }
      }
    } catch {
      response = Answer.response(error)
      exchange.note("error", error.code ?? error.type)
      onEnd(route, error.status)
      if exchange.mayHaveMore, isLong(request) || [408, 413].contains(error.status) {
        // What is left of the body is not worth reading, or will not come.
        response.headers[.connection] = "close"
        channel.eventLoop.scheduleTask(in: .seconds(1)) { channel.close(promise: nil) }
      }
    }
    if request.method == .head { response = response.createHeadResponse() }
    decorate(&response, exchange, request)
    return response
  }

  private func checkHost(_ head: HTTPRequest) throws(APIError) {
    guard !hosts.accepts(head.authority) else { return }
    throw APIError(
      403, "this server does not go by the name in Host; --allow-host gives it one", type: "permission_error",
      code: "host_not_allowed")
  }

  private func checkKey(_ head: HTTPRequest, _ endpoint: Routes.Endpoint) throws(APIError) {
    guard !endpoint.isOpen, !state.keys.accepts(authorization: head.headerFields[.authorization]) else { return }
    throw APIError(
      401, "send a valid key as 'Authorization: Bearer KEY'", type: "authentication_error", code: "invalid_api_key")
  }

  /// Whether a body may follow that is longer than this server reads, or one that the client was not told to send.
  private func isLong(_ request: Request) -> Bool {
    if request.headers[.transferEncoding] != nil || request.head.isAskingToSend { return true }
    guard let length = request.headers[.contentLength] else { return false }
    return Int(length).map { $0 > state.options.maximumBodyBytes } ?? true
  }

  private func decorate(_ response: inout Response, _ exchange: Exchange, _ request: Request) {
    response.headers[.requestID] = exchange.id
    if state.phase == .draining { response.headers[.connection] = "close" }
    crossOrigin?.decorate(&response.headers, for: request)
  }
}
