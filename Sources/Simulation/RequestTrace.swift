/// Requests that arrived, or may arrive, at a server: lengths and times, no contents.
public struct RequestTrace: Sendable, Equatable {
  /// One request.
  public struct Entry: Sendable, Equatable {
    /// When it arrives, in seconds from the beginning.
    public var arrival: Double
    /// Number of tokens of the prompt, the shared beginning included.
    public var promptTokenCount: Int
    /// Number of tokens that it generates.
    public var outputTokenCount: Int
    /// Which beginning it shares with the other requests of that number; 0 for none.
    public var prefix: Int
    /// Number of tokens of that beginning.
    public var prefixTokenCount: Int
    /// Requests of a higher priority go first.
    public var priority: Int

    /// Creates an entry.
    public init(
      arrival: Double, promptTokenCount: Int, outputTokenCount: Int, prefix: Int = 0, prefixTokenCount: Int = 0,
      priority: Int = 0
    ) {
      self.arrival = arrival
      self.promptTokenCount = promptTokenCount
      self.outputTokenCount = outputTokenCount
      self.prefix = prefix
      self.prefixTokenCount = prefixTokenCount
      self.priority = priority
    }
  }

  /// The requests in the order of their arrival.
  public private(set) var entries: [Entry]

  /// The longest prompt or answer that a trace may name.
  public static let maximumTokenCount = 1 << 24

  /// Creates a trace; sorts by arrival.
  ///
  /// - Throws: ``RequestTraceError`` for the first entry whose numbers make no sense.
  public init(_ entries: [Entry]) throws(RequestTraceError) {
    for (index, entry) in entries.enumerated() {
      if let reason = Self.objection(to: entry) { throw RequestTraceError(line: index + 1, reason: reason) }
    }
    self.entries = entries.enumerated().sorted { ($0.element.arrival, $0.offset) < ($1.element.arrival, $1.offset) }
      .map(\.element)
  }

  /// Reads lines of `arrival,prompt,output[,prefix,prefix length[,priority]]`. Empty lines and lines that begin with `#`
  /// are skipped.
  ///
  /// - Throws: ``RequestTraceError`` for the first line that is not of that form.
  public init(csv: String) throws(RequestTraceError) {
    var entries: [Entry] = []
    for (number, line) in csv.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      let fields = line.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
        String(decoding: $0.filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }, as: UTF8.self)
      }
      if fields.isEmpty || fields == [""] || fields[0].utf8.first == UInt8(ascii: "#") { continue }
      guard fields.count == 3 || fields.count == 5 || fields.count == 6, let arrival = Double(fields[0]) else {
        throw RequestTraceError(line: number + 1, reason: "a line has 3, 5 or 6 numbers")
      }
      var numbers: [Int] = []
      for field in fields.dropFirst() {
        guard let value = Int(field) else {
          throw RequestTraceError(line: number + 1, reason: "\"\(field.prefix(40))\" is not a whole number")
        }
        numbers.append(value)
      }
      let entry = Entry(
        arrival: arrival, promptTokenCount: numbers[0], outputTokenCount: numbers[1],
        prefix: numbers.count > 2 ? numbers[2] : 0, prefixTokenCount: numbers.count > 3 ? numbers[3] : 0,
        priority: numbers.count > 4 ? numbers[4] : 0)
      if let reason = Self.objection(to: entry) { throw RequestTraceError(line: number + 1, reason: reason) }
      entries.append(entry)
    }
    try self.init(entries)
  }

  private static func objection(to entry: Entry) -> String? {
    guard entry.arrival.isFinite, entry.arrival >= 0 else {
      return "arrival is \(entry.arrival); it must be 0 or later"
    }
    guard (1...maximumTokenCount).contains(entry.promptTokenCount) else {
      return "the prompt has \(entry.promptTokenCount) tokens; it must have 1 to \(maximumTokenCount)"
    }
    guard (1...maximumTokenCount).contains(entry.outputTokenCount) else {
      return "\(entry.outputTokenCount) tokens are generated; it must be 1 to \(maximumTokenCount)"
    }
    guard entry.prefix >= 0, (0...entry.promptTokenCount).contains(entry.prefixTokenCount) else {
      return "the shared beginning has \(entry.prefixTokenCount) of \(entry.promptTokenCount) tokens"
    }
    return nil
  }
}

/// A trace that cannot be replayed.
public struct RequestTraceError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The line, or the place among the entries, counted from 1.
  public let line: Int
  /// What is wrong with it.
  public let reason: String

  /// One line.
  public var description: String { "line \(line) of the trace: \(reason)" }
}
