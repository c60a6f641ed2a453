internal import JSON

/// The server's OpenAPI document, made of the same tables that requests are checked with.
struct OpenAPIDocument: Sendable {
  /// How the server is set up.
  let options: ServerOptions

  /// The document.
  var json: JSONValue {
    var paths: [(String, [(String, JSONValue)])] = []
    for endpoint in Routes.Endpoint.allCases {
      let operation = (endpoint.method.lowercased(), operation(endpoint))
      if let index = paths.firstIndex(where: { $0.0 == endpoint.path }) {
        paths[index].1.append(operation)
      } else {
        paths.append((endpoint.path, [operation]))
      }
    }
    return .object([
      ("openapi", "3.1.0"),
      ("info", .object([("title", "Inflight"), ("version", .string(options.version))])),
      ("paths", .object(paths.map { ($0.0, .object($0.1)) })),
      (
        "components",
        .object([
          ("schemas", .object([("Error", Self.errorSchema)])),
          ("securitySchemes", .object([("key", .object([("type", "http"), ("scheme", "bearer")]))])),
        ])
      ),
    ])
  }

  private func operation(_ endpoint: Routes.Endpoint) -> JSONValue {
    let detail = Self.detail(endpoint)
    var members: [(String, JSONValue)] = [("summary", .string(detail.summary))]
    if let parameter = Self.parameter(endpoint) { members.append(("parameters", .array([parameter]))) }
    if var fields = detail.fields {
      for index in fields.indices where fields[index].name == "model" {
        fields[index].type = .choice(options.modelNames)
      }
      members.append(
        (
          "requestBody",
          .object([
            ("required", .bool(true)), ("content", Self.content("application/json", RequestField.schema(of: fields))),
          ])
        ))
    }
    if !endpoint.isOpen, !options.apiKeys.isEmpty {
      members.append(("security", .array([.object([("key", .array([]))])])))
    }
    var answers: [(String, JSONValue)] = []
    var content: [(String, JSONValue)] = [(detail.type, .object([("schema", detail.answer)]))]
    if detail.isStreamed { content.append(("text/event-stream", .object([]))) }
    answers.append(("200", .object([("description", "The answer."), ("content", .object(content))])))
    var errors = Self.errors(endpoint)
    errors.append(("405", "The path does not take this method."))
    if !HostRule(options).isOpen { errors.append(("403", "The Host is none of this server's names.")) }
    for (status, words) in errors {
      answers.append(
        (
          status,
          .object([
            ("description", .string(words)),
            (
              "content",
              endpoint == .health && status == "503"
                ? Self.content("application/json", Self.healthSchema)
                : Self.content("application/json", .object([("$ref", "#/components/schemas/Error")]))
            ),
          ])
        ))
    }
    return .object(members + [("responses", .object(answers))])
  }

  /// What an endpoint takes beside a body.
  private static func parameter(_ endpoint: Routes.Endpoint) -> JSONValue? {
    let text: JSONValue = .object([("type", "string")])
    switch endpoint {
    case .model: return .object([("name", "model"), ("in", "path"), ("required", true), ("schema", text)])
    case .cacheEvents:
      return .object([
        ("name", "Last-Event-ID"), ("in", "header"), ("description", "The number of the last event that is known."),
        ("schema", text),
      ])
    default: return nil
    }
  }

  private struct Detail {
    var summary: String
    var fields: [RequestField]?
    var type = "application/json"
    var answer: JSONValue = .object([("type", "object")])
    var isStreamed = false
  }

  private static func detail(_ endpoint: Routes.Endpoint) -> Detail {
    let text: JSONValue = .object([("type", "string")])
    return switch endpoint {
    case .health: Detail(summary: "Whether the server can serve.", answer: healthSchema)
    case .version: Detail(summary: "The server's version.", answer: object(["version": "string"]))
    case .metrics: Detail(summary: "Metrics, as Prometheus reads them.", type: "text/plain", answer: text)
    case .openAPI: Detail(summary: "This document.")
    case .models: Detail(summary: "The models that are served.", answer: object(["object": "string", "data": "array"]))
    case .model: Detail(summary: "One model.", answer: object(["id": "string", "object": "string"]))
    case .completions:
      Detail(
        summary: "Go on from a prompt.", fields: RouteFields.completions, answer: generated, isStreamed: true)
    case .chat:
      Detail(summary: "Answer a conversation.", fields: RouteFields.chat, answer: generated, isStreamed: true)
    case .responses:
      Detail(
        summary: "Answer a conversation, in the newer form.", fields: RouteFields.responses,
        answer: object(["id": "string", "object": "string", "status": "string", "output": "array"]), isStreamed: true)
    case .embeddings:
      Detail(
        summary: "Texts as points in the model's space.", fields: RouteFields.embeddings,
        answer: object(["object": "string", "data": "array", "model": "string", "usage": "object"]))
    case .tokenize:
      Detail(
        summary: "A text in tokens.", fields: RouteFields.tokenize,
        answer: object(["count": "integer", "max_model_len": "integer", "tokens": "array"]))
    case .detokenize:
      Detail(summary: "Tokens as text.", fields: RouteFields.detokenize, answer: object(["prompt": "string"]))
    case .cacheEvents:
      Detail(summary: "What happens to the blocks of the cache.", type: "text/event-stream", answer: text)
    case .liveState:
      Detail(summary: "The batch as it flies.", type: "text/event-stream", answer: text)
    case .waiting:
      Detail(
        summary: "Why requests wait, in words and numbers.", answer: object(["object": "string", "data": "array"]))
    }
  }

  /// The statuses that an endpoint may answer with besides 200.
  private static func errors(_ endpoint: Routes.Endpoint) -> [(String, String)] {
    let engine = [("401", "No valid key."), ("503", "Loading, shutting down, or reading too much already.")]
    let body = [
      ("400", "A field is wrong, unknown or not supported."), ("404", "No such model."),
      ("408", "The body took too long to arrive."), ("413", "The body is too large."), ("415", "The body is not JSON."),
      ("504", "It took too long."),
    ]
    let generating = [("429", "As many requests wait as may wait."), ("500", "The engine failed.")]
    switch endpoint {
    case .version, .metrics, .openAPI: return []
    case .health: return [("503", "Loading, shutting down or stalled.")]
    case .models, .liveState, .waiting: return engine
    case .model: return engine + [("404", "No such model.")]
    case .cacheEvents: return engine + [("400", "Last-Event-ID is not a number."), ("501", "Cache events are off.")]
    case .tokenize, .detokenize: return engine + body
    case .completions, .chat, .responses: return engine + body + generating
    case .embeddings: return engine + body + generating + [("501", "The engine has no embeddings.")]
    }
  }

  private static func content(_ type: String, _ schema: JSONValue) -> JSONValue {
    .object([(type, .object([("schema", schema)]))])
  }

  private static func object(_ types: KeyValuePairs<String, String>) -> JSONValue {
    .object([
      ("type", "object"),
      ("properties", .object(types.map { ($0.key, .object([("type", .string($0.value))])) })),
      ("required", .array(types.map { .string($0.key) })),
    ])
  }

  private static let generated = object([
    "id": "string", "object": "string", "created": "integer", "model": "string", "choices": "array", "usage": "object",
  ])

  private static let healthSchema = object(["status": "string"])

  private static let errorSchema: JSONValue = .object([
    ("type", "object"),
    (
      "properties",
      .object([
        (
          "error",
          .object([
            ("type", "object"),
            (
              "properties",
              .object([
                ("message", .object([("type", "string")])), ("type", .object([("type", "string")])),
                ("param", .object([("type", .array(["string", "null"]))])),
                ("code", .object([("type", .array(["string", "null"]))])),
              ])
            ), ("required", .array(["message", "type", "param", "code"])),
          ])
        )
      ])
    ), ("required", .array(["error"])),
  ])
}
