/// The name of a request within one executor; never reused while the executor lives.
public struct RequestID: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The number behind the name, counted from 0 in the order of submission.
  public let rawValue: UInt64

  /// Creates the name with number `rawValue`.
  public init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// Earlier submissions come first.
  public static func < (left: RequestID, right: RequestID) -> Bool { left.rawValue < right.rawValue }

  /// The name as it appears in messages: `request 7`.
  public var description: String { "request \(rawValue)" }
}
