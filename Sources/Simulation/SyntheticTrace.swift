#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// A trace made up of a few numbers, for a first look before there is a real one: arrivals at random (a Poisson process),
/// lengths of a log-normal distribution, as those of real requests roughly are, and beginnings that requests share.
public struct SyntheticTrace: Sendable, Equatable {
  /// Number of requests.
  public var requestCount: Int
  /// Requests per second.
  public var rate: Double
  /// Mean number of tokens of a prompt, the shared beginning not counted.
  public var promptTokenCount: Int
  /// Mean number of tokens of an answer.
  public var outputTokenCount: Int
  /// Number of different shared beginnings, from which each request has one; 0 for none.
  public var prefixCount: Int
  /// Number of tokens of each of them.
  public var prefixTokenCount: Int
  /// The same seed gives the same trace, on every machine with the same mathematical library.
  public var seed: UInt64

  /// The standard deviation of the logarithms of lengths: half of all lie within a factor of 1.7 of the median.
  private static let spread = 0.8

  /// Describes a trace.
  public init(
    requestCount: Int, rate: Double, promptTokenCount: Int = 256, outputTokenCount: Int = 128, prefixCount: Int = 0,
    prefixTokenCount: Int = 0, seed: UInt64 = 0
  ) {
    self.requestCount = requestCount
    self.rate = rate
    self.promptTokenCount = promptTokenCount
    self.outputTokenCount = outputTokenCount
    self.prefixCount = prefixCount
    self.prefixTokenCount = prefixTokenCount
    self.seed = seed
  }

  /// Makes the trace.
  ///
  /// - Throws: ``SyntheticTraceError`` for numbers that make none.
  public func trace() throws(SyntheticTraceError) -> RequestTrace {
    let counts = [
      ("the number of requests", requestCount, 1...1 << 24), ("the tokens of a prompt", promptTokenCount, 1...1 << 20),
      ("the tokens of an answer", outputTokenCount, 1...1 << 20),
      ("the number of beginnings", prefixCount, 0...1 << 20),
      ("the tokens of a beginning", prefixTokenCount, 0...1 << 20),
    ]
    for (name, value, range) in counts where !range.contains(value) {
      throw SyntheticTraceError(
        "\(name): \(value) is not between \(range.lowerBound) and \(range.upperBound)")
    }
    guard rate > 0, rate <= 1e9 else { throw SyntheticTraceError("the rate: \(rate) is not above 0 and at most 1e9") }
    var generator = Generator(state: seed)
    var arrival = 0.0
    var entries: [RequestTrace.Entry] = []
    entries.reserveCapacity(requestCount)
    for _ in 0..<requestCount {
      arrival -= log(generator.unit()) / rate
      let own = length(promptTokenCount, &generator)
      let output = length(outputTokenCount, &generator)
      let prefix = prefixCount > 0 && prefixTokenCount > 0 ? 1 + Int(generator.next() % UInt64(prefixCount)) : 0
      let shared = prefix > 0 ? prefixTokenCount : 0
      entries.append(
        RequestTrace.Entry(
          arrival: arrival, promptTokenCount: own + shared, outputTokenCount: output, prefix: prefix,
          prefixTokenCount: shared))
    }
    do { return try RequestTrace(entries) } catch { throw SyntheticTraceError("\(error)") }
  }

  /// A length of the given mean: exp(mu + sigma z), whose mean is exp(mu + sigma² / 2); at most sixteen times the mean.
  private func length(_ mean: Int, _ generator: inout Generator) -> Int {
    // Box and Muller (1958).
    let normal = (-2 * log(generator.unit())).squareRoot() * cos(2 * Double.pi * generator.unit())
    let value = Double(mean) * exp(Self.spread * normal - Self.spread * Self.spread / 2)
    return Int(min(max(1, value.rounded()), 16 * Double(mean)))
  }

  /// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
  private struct Generator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var bits = state
      bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
      return bits ^ (bits >> 31)
    }

    /// Above 0 and at most 1.
    mutating func unit() -> Double { (Double(next() >> 11) + 1) / Double(1 << 53) }
  }
}

/// Numbers that make no trace.
public struct SyntheticTraceError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One line.
  public let description: String

  init(_ description: String) { self.description = description }
}

extension RequestTrace {
  /// The trace as the text that ``init(csv:)`` reads.
  public var csv: String {
    var text = "# arrival in seconds, prompt tokens, output tokens, prefix, prefix tokens, priority\n"
    for entry in entries {
      text += "\(entry.arrival),\(entry.promptTokenCount),\(entry.outputTokenCount)"
      if entry.prefix != 0 || entry.prefixTokenCount != 0 || entry.priority != 0 {
        text += ",\(entry.prefix),\(entry.prefixTokenCount)"
      }
      if entry.priority != 0 { text += ",\(entry.priority)" }
      text += "\n"
    }
    return text
  }
}
