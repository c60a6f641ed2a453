package import Inflight
package import JSON

/// An answer that is an error, in the shape and with the status codes of OpenAI's API.
package struct APIError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The HTTP status.
  package var status: Int
  /// One line that says what is wrong and what to do.
  package var message: String
  /// The class of errors, for example `invalid_request_error`.
  package var type: String
  /// The field that is wrong, as a path: `messages[2].content`.
  package var field: String?
  /// What the engine calls what is wrong, as long as it is not known what the request calls it; see ``naming(_:)``.
  package var parameter: String?
  /// A word for programs.
  package var code: String?
  /// Seconds after which to try again.
  package var retryAfter: Int?
  /// The methods that the path takes, where it does not take this one.
  package var allow: String?

  /// Creates an error.
  package init(
    _ status: Int, _ message: String, type: String = "invalid_request_error", field: String? = nil,
    code: String? = nil, retryAfter: Int? = nil, allow: String? = nil
  ) {
    self.status = status
    self.message = message
    self.type = type
    self.field = field
    self.code = code
    self.retryAfter = retryAfter
    self.allow = allow
  }

  /// The message.
  package var description: String { message }

  /// The body of the answer.
  package var body: JSONValue {
    .object([
      (
        "error",
        .object([
          ("message", .string(message)), ("type", .string(type)),
          ("param", field.map { .string($0) } ?? .null), ("code", code.map { .string($0) } ?? .null),
        ])
      )
    ])
  }

  /// A field has a value that cannot be.
  package static func invalid(_ field: String, _ problem: String, code: String = "invalid_value") -> APIError {
    APIError(400, "\(field): \(problem)", field: field, code: code)
  }

  /// A field is known and not supported.
  package static func unsupported(_ field: String, _ reason: String) -> APIError {
    APIError(400, "\(field) is not supported: \(reason)", field: field, code: "unsupported_parameter")
  }

  /// There is no such model here.
  package static func noModel(_ name: String, served: [String]) -> APIError {
    APIError(
      404, "the model '\(name)' does not exist; this server has \(served.joined(separator: ", "))", field: "model",
      code: "model_not_found")
  }

  /// The client is gone.
  static var disconnected: APIError {
    APIError(499, "the client closed the connection", type: "cancelled", code: "cancelled")
  }

  /// A request took longer than it may.
  static func timedOut(_ seconds: Double) -> APIError {
    APIError(
      504, "the request took longer than \(words(seconds: seconds))", type: "timeout", code: "request_timeout")
  }

  /// A time as people write it: `600 seconds`, `0.5 seconds`.
  static func words(seconds: Double) -> String {
    let number = Int(exactly: seconds).map(String.init) ?? String(seconds)
    return "\(number) \(seconds == 1 ? "second" : "seconds")"
  }

  /// The server cannot take requests now.
  package static func unavailable(_ reason: String, retryAfter: Int) -> APIError {
    APIError(503, reason, type: "service_unavailable", code: "service_unavailable", retryAfter: retryAfter)
  }

  /// The server takes nothing more.
  static var ending: APIError { .unavailable("the server is shutting down", retryAfter: 10) }

  /// What a refusal or a failure of the engine means to the client.
  ///
  /// - Parameter retryAfter: seconds after which a full queue may have room.
  package init(_ error: InflightError, retryAfter: Int = 1) {
    switch error.kind {
    case .request: self.init(400, error.description, code: "invalid_value")
    case .tooLong: self.init(400, error.description, code: "context_length_exceeded")
    case .overloaded:
      self.init(
        429, error.description, type: "rate_limit_error", code: "queue_full", retryAfter: retryAfter)
    case .cancelled:
      self.init(499, error.description, type: "cancelled", code: "cancelled")
    case .failed, .model, .configuration:
      self.init(500, error.description, type: "server_error", code: "engine_failed")
    }
    parameter = error.parameter
  }

  /// What routes call the engine's parameters, by what they are to the engine.
  static let names = [
    "prompt": ["messages", "input"], "max_tokens": ["max_completion_tokens", "max_output_tokens"], "n": ["best_of"],
    InflightError.form: [
      "response_format", "guided_json", "guided_regex", "guided_choice", "guided_grammar", "text", "tools",
    ],
  ]

  /// The error of a request whose body has these of ``names``: what the engine calls ``parameter`` is the field that says it
  /// there.
  func naming(_ fields: [String]) -> APIError {
    guard let parameter else { return self }
    let name = Self.names[parameter]?.first { fields.contains($0) } ?? parameter
    var error = self
    (error.field, error.parameter, error.message) = (name, nil, "\(name): \(message)")
    return error
  }
}
