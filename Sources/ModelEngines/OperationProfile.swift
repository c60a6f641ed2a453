internal import Synchronization

/// Where the time of forward passes goes: for each kind of operation, how often it ran, for how long, and how much it did.
///
/// Written by the engine's thread once per pass, read by anybody at any time.
package final class OperationProfile: Sendable {
  /// The kinds of operations that are told apart.
  package enum Operation: Int, CaseIterable, Sendable {
    /// Setting the batch: layout of the runs, rotary tables.
    case batch
    case embedding
    case normalization
    case queryKeyValue
    case attentionOutput
    /// Gate and up, and what is made of them.
    case gateAndUp
    case down
    case head
    /// A product that is none of those above.
    case otherProduct
    /// Rotation of queries and keys, and the write to the cache.
    case rotation
    case attention
    /// Copying the rows whose logits are wanted.
    case selection

    /// Whether it is a product with weights.
    package var isProduct: Bool {
      switch self {
      case .queryKeyValue, .attentionOutput, .gateAndUp, .down, .head, .otherProduct: true
      default: false
      }
    }
  }

  /// What one kind of operation did.
  package struct Counters: Sendable, Equatable {
    package var calls = 0
    package var nanoseconds: UInt64 = 0
    /// Multiplications and additions.
    package var arithmetic = 0.0
    /// Bytes of weights, or of keys and values, that were used; each counted once per call.
    package var bytes = 0.0

    package init(calls: Int = 0, nanoseconds: UInt64 = 0, arithmetic: Double = 0, bytes: Double = 0) {
      self.calls = calls
      self.nanoseconds = nanoseconds
      self.arithmetic = arithmetic
      self.bytes = bytes
    }

    static func += (sum: inout Counters, other: Counters) {
      sum.calls += other.calls
      sum.nanoseconds += other.nanoseconds
      sum.arithmetic += other.arithmetic
      sum.bytes += other.bytes
    }
  }

  /// What passes of one kind did.
  package struct Passes: Sendable, Equatable {
    package var passCount = 0
    package var tokenCount = 0
    /// One for each ``Operation``, in their order.
    package var counters = [Counters](repeating: Counters(), count: Operation.allCases.count)

    package init() {}

    /// The counters of one kind of operation.
    package subscript(operation: Operation) -> Counters {
      get { counters[operation.rawValue] }
      set { counters[operation.rawValue] = newValue }
    }

    /// Both together.
    package func merging(_ other: Passes) -> Passes {
      var sum = self
      sum.add(other)
      return sum
    }

    mutating func add(_ other: Passes) {
      passCount += other.passCount
      tokenCount += other.tokenCount
      for index in counters.indices { counters[index] += other.counters[index] }
    }

    mutating func removeAll() {
      passCount = 0
      tokenCount = 0
      for index in counters.indices { counters[index] = Counters() }
    }
  }

  /// Passes so far.
  package struct Snapshot: Sendable, Equatable {
    /// Passes with more tokens than requests: prompts, or some beside answers.
    package var prefill = Passes()
    /// Passes with one token of each request.
    package var decode = Passes()

    package init() {}
  }

  private let contents = Mutex(Snapshot())

  package init() {}

  /// Everything since the last ``reset()``.
  package var snapshot: Snapshot { contents.withLock { $0 } }

  /// Forgets what was counted.
  package func reset() { contents.withLock { $0 = Snapshot() } }

  func add(_ passes: Passes, isPrefill: Bool) {
    contents.withLock { contents in
      if isPrefill { contents.prefill.add(passes) } else { contents.decode.add(passes) }
    }
  }
}
