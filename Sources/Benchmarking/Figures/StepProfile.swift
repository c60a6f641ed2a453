package import ModelEngines
package import Tensors

/// The executor's times of many steps, in nanoseconds.
package struct StepTimes: Sendable, Equatable {
  package var stepCount = 0
  package var tokenCount = 0
  /// Mail, both scheduling policies, and the resources and batch.
  package var scheduling: UInt64 = 0
  package var forward: UInt64 = 0
  package var sampling: UInt64 = 0
  /// Appending tokens, events, and freeing what finished.
  package var responding: UInt64 = 0

  package init() {}

  /// Both together.
  package func merging(_ other: StepTimes) -> StepTimes {
    var sum = self
    sum.stepCount += other.stepCount
    sum.tokenCount += other.tokenCount
    sum.scheduling += other.scheduling
    sum.forward += other.forward
    sum.sampling += other.sampling
    sum.responding += other.responding
    return sum
  }
}

/// Where the time of a step goes: in steps with prompts, and in steps that only generate.
package struct StepProfile: Sendable, Equatable {
  /// The parts that plots tell apart.
  package enum Part: String, CaseIterable, Sendable {
    case products = "matrix products"
    case attention, norms, rotation, sampling, scheduling, other
  }

  /// One row of the table.
  package struct Row: Sendable, Equatable {
    package let name: String
    package let part: Part
    /// Calls in each step.
    package let callsPerStep: Double
    package let microsecondsPerStep: Double
    /// Its part of the step's time.
    package let share: Double
    /// Multiplications and additions, in 10^9 per second.
    package let gigaOperationsPerSecond: Double?
    /// Bytes of weights, or of keys and values, in 10^9 per second.
    package let gigabytesPerSecond: Double?
    /// For products: the larger of the shares of the multipliers' and of the memory's limit, and which that is.
    package let limit: (share: Double, name: String)?

    package static func == (a: Row, b: Row) -> Bool {
      a.name == b.name && a.part == b.part && a.callsPerStep == b.callsPerStep
        && a.microsecondsPerStep == b.microsecondsPerStep && a.gigaOperationsPerSecond == b.gigaOperationsPerSecond
        && a.gigabytesPerSecond == b.gigabytesPerSecond && a.limit?.share == b.limit?.share
    }
  }

  /// Steps of one kind.
  package struct Phase: Sendable, Equatable {
    package let name: String
    package let stepCount: Int
    package let tokensPerStep: Double
    package let microsecondsPerStep: Double
    package let rows: [Row]

    /// Microseconds of a step that `part` took.
    package func microseconds(of part: Part) -> Double {
      rows.reduce(0) { $1.part == part ? $0 + $1.microsecondsPerStep : $0 }
    }
  }

  /// "prefill" and "decode", those of them that had steps.
  package let phases: [Phase]
  /// Microseconds in which all threads take up one task of the pool and finish it, measured with empty ones.
  package let handOverMicroseconds: Double

  /// A profile from what the engine and the executor counted.
  ///
  /// - Parameters:
  ///   - usesIntegers: whether products are held against the limit of int8 or of bfloat16.
  package init(
    _ snapshot: OperationProfile.Snapshot, prefill: StepTimes, decode: StepTimes, limits: MachineLimits,
    usesIntegers: Bool, handOverMicroseconds: Double
  ) {
    self.handOverMicroseconds = handOverMicroseconds
    let peak = usesIntegers ? limits.int8Gops : limits.bfloatGflops
    phases = [("prefill", snapshot.prefill, prefill), ("decode", snapshot.decode, decode)].compactMap {
      name, passes, times in
      guard times.stepCount > 0, passes.passCount > 0 else { return nil }
      return Phase(
        name: name, passes, times, peak: peak, peakName: usesIntegers ? "int8" : "bf16",
        bandwidth: limits.readGigabytesPerSecond)
    }
  }

  /// The phase of this name.
  package func phase(_ name: String) -> Phase? { phases.first { $0.name == name } }
}

extension StepProfile.Phase {
  fileprivate init(
    name: String, _ passes: OperationProfile.Passes, _ times: StepTimes, peak: Double, peakName: String,
    bandwidth: Double
  ) {
    let steps = Double(times.stepCount)
    let total = Double(times.scheduling + times.forward + times.sampling + times.responding)

    func row(_ name: String, _ part: StepProfile.Part, _ nanoseconds: Double) -> StepProfile.Row {
      StepProfile.Row(
        name: name, part: part, callsPerStep: 1, microsecondsPerStep: nanoseconds / steps / 1000,
        share: nanoseconds / max(1, total), gigaOperationsPerSecond: nil, gigabytesPerSecond: nil, limit: nil)
    }

    var rows: [StepProfile.Row] = []
    var counted = 0.0
    for operation in OperationProfile.Operation.allCases {
      let counters = passes[operation]
      let time = Double(counters.nanoseconds)
      guard counters.calls > 0 else { continue }
      counted += time
      let operations = counters.arithmetic > 0 && time > 0 ? counters.arithmetic / time : nil
      let bytes = counters.bytes > 0 && time > 0 ? counters.bytes / time : nil
      var limit: (share: Double, name: String)?
      if operation.isProduct, let operations, let bytes {
        limit = max((operations / peak, peakName), (bytes / bandwidth, "reads")) { $0.0 < $1.0 }
      }
      rows.append(
        StepProfile.Row(
          name: operation.name, part: operation.part, callsPerStep: Double(counters.calls) / steps,
          microsecondsPerStep: time / steps / 1000, share: time / max(1, total), gigaOperationsPerSecond: operations,
          gigabytesPerSecond: bytes, limit: limit))
    }
    rows.append(row("between operations", .other, max(0, Double(times.forward) - counted)))
    rows.append(row("sampling", .sampling, Double(times.sampling)))
    rows.append(row("scheduling", .scheduling, Double(times.scheduling)))
    rows.append(row("responding", .other, Double(times.responding)))
    self.init(
      name: name, stepCount: times.stepCount, tokensPerStep: Double(times.tokenCount) / steps,
      microsecondsPerStep: total / steps / 1000, rows: rows)
  }
}

private func max<Value>(_ a: Value, _ b: Value, by isLess: (Value, Value) -> Bool) -> Value { isLess(a, b) ? b : a }

extension OperationProfile.Operation {
  /// What the table calls it.
  var name: String {
    switch self {
    case .batch: "batch layout"
    case .embedding: "embedding"
    case .normalization: "norms"
    case .queryKeyValue: "q/k/v product"
    case .attentionOutput: "attention output product"
    case .gateAndUp: "gate/up product, gated"
    case .down: "down product"
    case .head: "head product"
    case .otherProduct: "other products"
    case .rotation: "rotation and cache write"
    case .attention: "attention"
    case .selection: "selection of rows"
    }
  }

  /// The part of a plot that it belongs to.
  var part: StepProfile.Part {
    switch self {
    case _ where isProduct: .products
    case .attention: .attention
    case .normalization: .norms
    case .rotation: .rotation
    default: .other
    }
  }
}
