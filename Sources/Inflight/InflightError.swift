internal import Catalogue
internal import Checkpoints
internal import Executor
internal import Guided
internal import ModelEngines
internal import Models
internal import Requests
internal import Tokenization

/// Why something asked of an ``LLM`` did not happen: what kind of failure, and one line that says what, where and what to
/// do about it.
public struct InflightError: Error, Sendable, Equatable, CustomStringConvertible {
  /// Who has to do something about it.
  public enum Kind: Sendable, Equatable {
    /// The model cannot be found, fetched, read or run.
    case model
    /// The request can never be served as it is.
    case request
    /// The request has, or may get, more tokens than a sequence can have.
    case tooLong
    /// As many requests wait as may wait; later there may be room.
    case overloaded
    /// The request was accepted and failed.
    case failed
    /// The request was cancelled.
    case cancelled
    /// A setting contradicts the machine or the model.
    case configuration
  }

  /// Who has to do something about it.
  public let kind: Kind
  /// One line of words.
  public let description: String
  /// The parameter of the request that is wrong, as it is on the wire; nil if no single one is.
  public let parameter: String?

  /// Creates an error.
  public init(_ kind: Kind, _ description: String, parameter: String? = nil) {
    self.kind = kind
    self.description = description
    self.parameter = parameter
  }

  /// The error as one of this type; what is not known is about the model.
  init(_ error: any Error) {
    switch error {
    case let error as InflightError: self = error
    case let error as SubmissionError: self.init(error)
    case let error as SamplingParamsError: self.init(.request, error.description, parameter: error.parameter)
    case let error as GuidedError: self.init(.request, error.description)
    case let error as TemplateError: self.init(.request, error.description)
    case let error as EngineError: self.init(.configuration, error.description)
    case let error as ExecutorConfigurationError: self.init(.configuration, error.description)
    case let error as RequestFailure: self.init(error)
    case is CancellationError: self.init(.cancelled, "the request was cancelled")
    default: self.init(.model, "\(error)")
    }
  }

  /// The name of what gives a text its form, as ``parameter``: the request says it in one of several ways.
  package static let form = "guided"

  /// What a failure of the executor says. One of the request's constraint is the request's own fault.
  private init(_ error: RequestFailure) {
    switch error {
    case .constraint: self.init(.request, error.description, parameter: Self.form)
    case .scheduling, .resources, .engine, .decoding: self.init(.failed, error.description)
    }
  }

  /// What a refusal of the executor says.
  private init(_ error: SubmissionError) {
    let kind: Kind =
      switch error {
      case .queueFull, .queueTooLong: .overloaded
      case .shutDown: .cancelled
      case .promptTooLong, .sequenceTooLong: .tooLong
      default: .request
      }
    self.init(kind, error.description, parameter: error.parameter)
  }
}
