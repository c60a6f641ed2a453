/// Why a checkpoint was refused.
package enum CheckpointError: Error, Sendable, Equatable, CustomStringConvertible {
  /// A file could not be opened; `reason` is the operating system's.
  case unreadable(path: String, reason: String)
  /// The container breaks the rules of its format, at byte `offset` if that is known.
  case malformed(file: String, offset: Int?, problem: String)
  /// The checkpoint is well formed and uses something that is not supported; `feature` names it.
  case unsupported(file: String, feature: String)
  /// A configuration value is missing, has the wrong type, or contradicts another.
  case invalidConfiguration(file: String, key: String, problem: String)
  /// A stored tensor is not what its format allows.
  case invalidTensor(name: String, file: String, problem: String)
  /// A tensor that the model needs is not there.
  case missingTensor(name: String, file: String)
  /// A tensor has another shape than the model needs; shapes are outermost first.
  case misshapenTensor(name: String, file: String, expected: [Int], found: [Int])
  /// Tensors that the model did not read: the model would silently compute something else.
  case unusedTensors(names: [String], file: String)

  package var description: String {
    switch self {
    case .unreadable(let path, let reason):
      "\(path): \(reason); check the path and its permissions"
    case .malformed(let file, let offset, let problem):
      "\(file): \(problem)\(offset.map { " at byte \($0)" } ?? ""); the file is damaged, fetch it again"
    case .unsupported(let file, let feature):
      "\(file): \(feature)"
    case .invalidConfiguration(let file, let key, let problem):
      "\(file): \(key) \(problem)"
    case .invalidTensor(let name, let file, let problem):
      "\(file): tensor \(name) \(problem)"
    case .missingTensor(let name, let file):
      "\(file): tensor \(name) is missing; the checkpoint is incomplete or of another architecture"
    case .misshapenTensor(let name, let file, let expected, let found):
      "\(file): tensor \(name) has shape \(found), but the configuration asks for \(expected)"
    case .unusedTensors(let names, let file):
      "\(file): \(names.count == 1 ? "tensor" : "\(names.count) tensors") not used by the model: "
        + names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", ..." : "")
    }
  }
}
