/// What becomes of the hidden states of a prompt's tokens when a request asks for them instead of an answer.
public enum Pooling: String, Sendable, Equatable, CaseIterable {
  /// That of the last token, which has seen all others.
  case last
  /// Their mean. Every token is computed, also what the cache has, since it has no hidden states.
  case mean
}
