import Synchronization

/// Counts the bytes that the grammars of one model take: their automata and what is remembered of them.
///
/// When they are too many, each grammar forgets what it remembers beyond a little, and no further one is compiled until
/// others are gone. What finding a mask or compiling takes while it lasts is not counted.
public final class GrammarMemory: Sendable {
  /// Bytes that all of them together may take.
  public let limit: Int
  private let used = Atomic<Int>(0)

  /// Creates a count of nothing.
  public init(limit: Int = .max) { self.limit = limit }

  /// Bytes that are taken, about.
  public var byteCount: Int { used.load(ordering: .relaxed) }

  /// Whether more is taken than may be.
  var isOver: Bool { byteCount > limit }

  /// Counts `bytes` more, or fewer if they are negative.
  func add(_ bytes: Int) { used.wrappingAdd(bytes, ordering: .relaxed) }
}
