internal import Catalogue
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The paths of the server, and what answers there.
struct Routes: Sendable {
  /// What the server's routes share.
  let state: ServerState

  /// A path and a method.
  enum Endpoint: String, CaseIterable, Sendable {
    case health = "GET /health"
    case version = "GET /version"
    case metrics = "GET /metrics"
    case openAPI = "GET /openapi.json"
    case models = "GET /v1/models"
    case model = "GET /v1/models/{model}"
    case completions = "POST /v1/completions"
    case chat = "POST /v1/chat/completions"
    case responses = "POST /v1/responses"
    case embeddings = "POST /v1/embeddings"
    case tokenize = "POST /tokenize"
    case detokenize = "POST /detokenize"
    case cacheEvents = "GET /v1/kv_cache/events"
    case liveState = "GET /inflight/state"
    case waiting = "GET /inflight/waiting"

    /// The method.
    var method: String { String(rawValue.prefix { $0 != " " }) }
    /// The path.
    var path: String { String(rawValue.drop { $0 != " " }.dropFirst()) }
    /// Whether the engine has to work for an answer.
    var isGenerating: Bool {
      switch self {
      case .completions, .chat, .responses, .embeddings: true
      default: false
      }
    }
    /// Whether everybody may ask: what probes and scrapers read.
    var isOpen: Bool {
      switch self {
      case .health, .version, .metrics, .openAPI: true
      default: false
      }
    }
  }

  /// What a request asks for.
  enum Match: Sendable {
    /// An endpoint; with the name of a model if the path has one.
    case endpoint(Endpoint, name: String)
    /// The path is there, but only for these methods.
    case wrongMethod(allowed: String)
    /// There is nothing.
    case nothing
  }

  /// Finds the endpoint of a request.
  static func match(method: String, path: String) -> Match {
    let method = method == "HEAD" ? "GET" : method
    let model = "/v1/models/"
    let isModel = path.utf8.starts(with: model.utf8) && path.utf8.count > model.utf8.count
    guard let endpoint = isModel ? .model : endpoints.first(where: { $0.path.utf8.elementsEqual(path.utf8) })?.endpoint
    else { return .nothing }
    guard endpoint.method.utf8.elementsEqual(method.utf8) else { return .wrongMethod(allowed: endpoint.method) }
    return .endpoint(
      endpoint, name: isModel ? String(decoding: path.utf8.dropFirst(model.utf8.count), as: UTF8.self) : "")
  }

  /// Every path and its one endpoint.
  private static let endpoints = Endpoint.allCases.map { (path: $0.path, endpoint: $0) }

  /// Answers a request to an endpoint.
  ///
  /// - Throws: ``APIError``, which names the fields of the request.
  func answer(
    _ endpoint: Endpoint, name: String, request: Request, _ exchange: Exchange
  ) async throws(APIError) -> Answer {
    do throws(APIError) {
      return try await route(endpoint, name: name, request: request, exchange)
    } catch {
      throw error.naming(exchange.fieldNames)
    }
  }

  private func route(
    _ endpoint: Endpoint, name: String, request: Request, _ exchange: Exchange
  ) async throws(APIError) -> Answer {
    let states = StateRoutes(state: state)
    let texts = TextRoutes(state: state, exchange: exchange)
    let tokenizer = TokenizerRoutes(state: state, exchange: exchange)
    // A server that has no room for a request need not read it.
    if endpoint.isGenerating { _ = try state.engineWithRoom() }
    switch endpoint {
    case .health: return states.health()
    case .version: return states.version()
    case .metrics: return states.metrics()
    case .openAPI: return .json(OpenAPIDocument(options: state.options).json)
    case .models: return try states.models()
    case .model: return try states.model(named: String(decoding: percentDecoded(name), as: UTF8.self))
    case .liveState: return try LiveState(state: state, exchange: exchange).answer()
    case .waiting: return try await states.waiting()
    case .cacheEvents:
      return try states.cacheEvents(after: request.headers[.lastEventID], exchange)
    case .completions: return try await texts.completions(try await body(of: request, exchange))
    case .chat: return try await texts.chat(try await body(of: request, exchange))
    case .responses: return try await ResponsesRoute.answer(try await body(of: request, exchange), state, exchange)
    case .embeddings: return try await EmbeddingsRoute.answer(try await body(of: request, exchange), state, exchange)
    case .tokenize: return try await tokenizer.tokenize(try await body(of: request, exchange))
    case .detokenize: return try await tokenizer.detokenize(try await body(of: request, exchange))
    }
  }

  /// Refuses what need not be read: what is not JSON, or too large.
  private func checkBody(_ head: HTTPRequest) throws(APIError) {
    let type = (head.headerFields[.contentType] ?? "").lowercased().utf8.prefix { $0 != UInt8(ascii: ";") }
    guard type.drop(while: \.isBlank).prefix(while: { !$0.isBlank }).elementsEqual("application/json".utf8) else {
      throw APIError(415, "the Content-Type must be application/json", code: "unsupported_media_type")
    }
    let limit = state.options.maximumBodyBytes
    if let length = head.headerFields[.contentLength], Int(length).map({ $0 > limit }) ?? true {
      throw .bodyTooLarge(limit: limit)
    }
  }

  /// Reads the body of a request, which must be JSON.
  ///
  /// - Throws: ``APIError``.
  private func body(of request: Request, _ exchange: Exchange) async throws(APIError) -> ReceivedBody {
    try checkBody(request.head)
    if request.head.isAskingToSend { exchange.channel.triggerUserOutboundEvent(WantedBody(), promise: nil) }
    let limit = state.options.maximumBodyBytes
    let body = ReceivedBody(state.bodies, limit: limit)
    do {
      for try await buffer in request.body { try body.append(buffer.readableBytesView) }
      exchange.noteWholeBody()
    } catch let error as APIError {
      throw error
    } catch is UnwantedBody {
      throw .ending
    } catch is LateBody {
      throw APIError(
        408, "the body did not arrive within \(APIError.words(seconds: state.options.bodyTimeout))",
        code: "body_timeout")
    } catch {
      throw APIError(400, "the body could not be read", code: "invalid_body")
    }
    return body
  }
}

extension UInt8 {
  /// Whether it is white space in a header field.
  fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }
}

extension HTTPField.Name {
  /// The last event that a reader of events has seen.
  static var lastEventID: HTTPField.Name { Self("last-event-id") ?? .from }
}
