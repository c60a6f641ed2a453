/// A comparison that cannot be made.
package enum PeerError: Error, Sendable, Equatable, CustomStringConvertible {
  /// There is no interpreter where one was looked for.
  case noInterpreter(path: String)
  /// The worker could not be started.
  case notStarted(path: String, reason: String)
  /// The worker ended or broke off the conversation.
  case ended(path: String)
  /// The worker could not do what it was asked to.
  case failed(reason: String)
  /// The worker's answer is not what was agreed.
  case badAnswer(String)
  /// The peer cannot read this kind of model.
  case unsupportedModel(path: String)

  /// One line: what happened, and what to do.
  package var description: String {
    switch self {
    case .noInterpreter(let path):
      "there is no Python at \(path); run scripts/install-llama-cpp.sh, or name an interpreter that has llama-cpp-python "
        + "with --python or INFLIGHT_PYTHON"
    case .notStarted(let path, let reason): "cannot start \(path): \(reason)"
    case .ended(let path):
      "the llama.cpp worker under \(path) ended; its words are above. Does that Python have llama-cpp-python? "
        + "scripts/install-llama-cpp.sh installs it"
    case .failed(let reason): "llama.cpp: \(reason)"
    case .badAnswer(let answer): "the llama.cpp worker said '\(answer)', which is no answer to what it was asked"
    case .unsupportedModel(let path): "\(path): llama.cpp reads .gguf files only; compare with one of those"
    }
  }
}
