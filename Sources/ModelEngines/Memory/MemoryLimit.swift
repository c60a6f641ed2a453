/// How much memory an engine may take: everything that is in its ``MemoryLedger`` together.
public enum MemoryLimit: Sendable, Equatable {
  /// So many bytes, or what is available if that is less.
  case bytes(Int)
  /// A share, from 0 to 1, of what is available when the engine is set up.
  case share(Double)

  /// What holds if nothing is said: nine tenths of what is available.
  public static let standard = MemoryLimit.share(0.9)

  /// The limit in bytes on a machine that has `available`.
  ///
  /// - Throws: ``EngineError`` for a limit that allows nothing.
  func bytes(available: Int) throws(EngineError) -> Int {
    switch self {
    case .bytes(let bytes):
      guard bytes > 0 else {
        throw .invalidOption(name: "memory", value: "\(bytes) bytes", allowed: "more than 0")
      }
      return min(bytes, available)
    case .share(let share):
      guard share > 0, share <= 1 else {
        throw .invalidOption(name: "memory", value: "a share of \(share)", allowed: "more than 0 and at most 1")
      }
      return Int(Double(available) * share)
    }
  }
}
