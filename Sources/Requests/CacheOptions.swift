/// How a request uses the cache of prefixes that requests share.
public struct CacheOptions: Sendable, Equatable {
  /// Whether the request may use what others have computed, and leave what it computes to others.
  public var isReused: Bool
  /// Requests share a prefix only if their salts are the same bytes; nil is a salt of its own kind. A tenant with a salt
  /// that nobody else knows cannot learn from the time to the first token what others have asked.
  public var salt: String?
  /// How long the request's blocks are kept when they are not in use.
  public var retention: CacheRetention

  /// Creates options; the defaults share everything and keep nothing longer than anything else.
  public init(isReused: Bool = true, salt: String? = nil, retention: CacheRetention = CacheRetention()) {
    self.isReused = isReused
    self.salt = salt
    self.retention = retention
  }

  /// Whether everything is equal, salts byte by byte.
  public static func == (left: CacheOptions, right: CacheOptions) -> Bool {
    left.isReused == right.isReused && left.salt.map { Array($0.utf8) } == right.salt.map { Array($0.utf8) }
      && left.retention == right.retention
  }
}

/// How long parts of a sequence are kept in the cache when nobody uses them: blocks of a lower priority go first, those
/// not used for the longest time first within one.
public struct CacheRetention: Sendable, Equatable {
  /// The priority of what no range covers.
  public static let defaultPriority = 35
  /// The most ranges of a request.
  public static let maximumRanges = 64

  /// Some positions of the sequence.
  public struct TokenRange: Sendable, Equatable {
    /// First position.
    public var start: Int
    /// Position after the last one; nil for the end of the sequence, generated tokens included.
    public var end: Int?
    /// From 0, given up first, to 100.
    public var priority: Int
    /// Seconds for which the priority holds, from the time of the block's last use; the default priority follows. Nil
    /// for ever.
    public var seconds: Double?

    /// Creates a range.
    public init(start: Int, end: Int? = nil, priority: Int, seconds: Double? = nil) {
      self.start = start
      self.end = end
      self.priority = priority
      self.seconds = seconds
    }
  }

  /// The ranges. A block that several touch is kept as the highest priority says.
  public var ranges: [TokenRange]

  /// Creates a policy.
  public init(ranges: [TokenRange] = []) { self.ranges = ranges }

  /// Returns the policy if every number is in its range.
  ///
  /// - Throws: ``SamplingParamsError`` for the first that is not.
  public func validated() throws(SamplingParamsError) -> CacheRetention {
    guard ranges.count <= Self.maximumRanges else {
      throw SamplingParamsError("retention", "\(ranges.count) ranges", "at most \(Self.maximumRanges) ranges")
    }
    for range in ranges {
      guard (0...100).contains(range.priority) else {
        throw SamplingParamsError("retention priority", "\(range.priority)", "between 0 and 100")
      }
      guard range.start >= 0, range.end ?? .max > range.start else {
        throw SamplingParamsError(
          "retention range", "\(range.start) to \(range.end.map(String.init) ?? "the end")", "a range that is not empty"
        )
      }
      if let seconds = range.seconds, !(seconds > 0 && seconds.isFinite) {
        throw SamplingParamsError("retention seconds", "\(seconds)", "a finite number above 0")
      }
    }
    return self
  }

  /// The range that says how long a block of `positions` is kept: the highest priority of those that touch it, the first
  /// of equals; nil if none does.
  package func range(touching positions: Range<Int>) -> TokenRange? {
    var best: TokenRange?
    for range in ranges where range.start < positions.upperBound && range.end ?? .max > positions.lowerBound {
      if range.priority > best?.priority ?? -1 { best = range }
    }
    return best
  }
}
