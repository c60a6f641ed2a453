package import Checkpoints
package import Models
package import Resources
package import Tensors

/// A backend that times every operation of another one and adds the times to an ``OperationProfile``.
///
/// It changes no result. What it costs is two readings of the clock per operation, some tens of nanoseconds; an engine
/// that is not to be profiled is built on the bare backend and pays nothing.
package final class ProfilingBackend<Base: BatchBackend>: BatchBackend {
  /// The weights of a product, and what using them once takes.
  package struct Projection {
    let base: Base.Projection
    let operation: OperationProfile.Operation
    let weightCount: Int
    let byteCount: Int
  }

  package typealias Matrix = Base.Matrix
  package typealias Operand = Base.Operand
  package typealias Vector = Base.Vector
  package typealias Embedding = Base.Embedding
  package typealias Rotary = Base.Rotary

  /// The backend that computes.
  package let base: Base
  private let profile: OperationProfile
  private var shape: AttentionShape?
  private var isPrefill = false
  private var logitsRowCount = 0
  /// What a layer computes for the batch, and what the last one does for the tokens that have outputs.
  private var (work, outputWork) = (Work(), Work())
  private var tokenCount = 0
  /// The pass under way.
  private var current = OperationProfile.Passes()

  /// Sizes of what a layer computes.
  private struct Work {
    var tokenCount = 0
    /// Pairs of a token and a position that it sees.
    var visiblePositionCount = 0
    /// Positions whose keys and values the runs read.
    var readPositionCount = 0

    /// Adds the last `count` tokens of a run.
    mutating func add(_ count: Int, of run: ForwardBatch.Run) {
      guard count > 0 else { return }
      let end = run.firstPosition + run.tokenCount
      tokenCount += count
      visiblePositionCount += count * (end - count) + count * (count + 1) / 2
      readPositionCount += end
    }
  }

  /// A backend that does what `base` does.
  package init(_ base: Base, profile: OperationProfile) {
    self.base = base
    self.profile = profile
  }

  package static func memoryNeeded(_ checkpoint: Checkpoint, options: EngineOptions) -> Int {
    Base.memoryNeeded(checkpoint, options: options)
  }

  // Building.

  package func embedding(_ table: TensorDescriptor) throws -> Embedding { try base.embedding(table) }

  package func projection(_ parts: [ProjectionPart]) throws -> Projection {
    Projection(
      base: try base.projection(parts), operation: OperationProfile.Operation(projection: parts.first?.weight.name),
      weightCount: parts.reduce(0) { $0 + $1.weight.elementCount },
      byteCount: parts.reduce(0) { $0 + $1.weight.byteCount })
  }

  package func vector(_ tensor: TensorDescriptor) throws -> Vector { try base.vector(tensor) }

  package func rotary(inverseFrequencies: [Double]) throws -> Rotary {
    try base.rotary(inverseFrequencies: inverseFrequencies)
  }

  package func matrix(columns: Int) throws -> Matrix { try base.matrix(columns: columns) }

  package func operand(columns: Int, feeding consumers: [Projection]) throws -> Operand {
    try base.operand(columns: columns, feeding: consumers.map(\.base))
  }

  package func allocateCache(_ shape: AttentionShape) throws {
    self.shape = shape
    try base.allocateCache(shape)
  }

  package var cacheGeometry: KVCacheGeometry { base.cacheGeometry }
  package var blockStore: (any KVBlockStore)? { base.blockStore }

  package var logits: Logits { base.logits }
  package var hiddenStates: [Float] { base.hiddenStates }

  // Computing.

  package func begin(_ batch: ForwardBatch) {
    tokenCount = batch.tokens.count
    logitsRowCount = batch.logitsRowCount
    isPrefill = tokenCount > batch.runs.count
    (work, outputWork) = (Work(), Work())
    for run in batch.runs {
      work.add(run.tokenCount, of: run)
      outputWork.add(run.outputCount, of: run)
    }
    time(.batch) { base.begin(batch) }
  }

  package func embed(_ table: Embedding, into out: Matrix) { time(.embedding) { base.embed(table, into: out) } }

  package func normalize(_ x: Matrix, _ weight: Vector, epsilon: Float, into out: Operand) {
    time(.normalization) { base.normalize(x, weight, epsilon: epsilon, into: out) }
  }

  package func multiply(_ x: Operand, _ weights: Projection, into out: Matrix) {
    time(weights, rows: work.tokenCount) { base.multiply(x, weights.base, into: out) }
  }

  package func multiply(_ x: Operand, _ weights: Projection, addingTo sum: Matrix) {
    time(weights, rows: work.tokenCount) { base.multiply(x, weights.base, addingTo: sum) }
  }

  package func rotateAndStore(_ qkv: Matrix, _ rotary: Rotary, layer: Int) {
    time(.rotation) { base.rotateAndStore(qkv, rotary, layer: layer) }
  }

  package func attend(_ qkv: Matrix, layer: Int, into out: Operand) {
    timeAttention { base.attend(qkv, layer: layer, into: out) }
  }

  /// Of a prompt the parts are timed each for itself. What a step does together counts as attention.
  package func rotateAndAttend(_ qkv: Matrix, _ rotary: Rotary, layer: Int, into out: Operand) {
    if isPrefill {
      rotateAndStore(qkv, rotary, layer: layer)
      attend(qkv, layer: layer, into: out)
    } else {
      timeAttention { base.rotateAndAttend(qkv, rotary, layer: layer, into: out) }
    }
  }

  /// Attention counts two products of the head's dimension for each position that a token sees; a window is not taken off.
  private func timeAttention(_ body: () -> Void) {
    let columns = (shape?.headCount ?? 0) * (shape?.headDimension ?? 0)
    let cached = (shape?.keyValueHeadCount ?? 0) * (shape?.headDimension ?? 0)
    time(
      .attention, arithmetic: 4 * Double(work.visiblePositionCount) * Double(columns),
      bytes: 4 * Double(work.readPositionCount) * Double(cached), body)
  }

  package func keepOutputs(_ hidden: Matrix, _ qkv: Matrix) {
    time(.selection) { base.keepOutputs(hidden, qkv) }
    work = outputWork
  }

  package func multiplyGated(_ x: Operand, _ weights: Projection, into out: Operand) {
    time(weights, rows: work.tokenCount) { base.multiplyGated(x, weights.base, into: out) }
  }

  package func keepHidden(_ x: Matrix, _ weight: Vector, epsilon: Float) {
    // Answers need none of it: it counts as nothing that they do.
    base.keepHidden(x, weight, epsilon: epsilon)
  }

  package func selectLogitsRows(_ x: Matrix, into out: Matrix) {
    time(.selection) { base.selectLogitsRows(x, into: out) }
  }

  /// The last operation of every pass, which is then added to the profile.
  package func computeLogits(_ x: Operand, _ head: Projection) {
    time(head, rows: logitsRowCount) { base.computeLogits(x, head.base) }
    current.passCount = 1
    current.tokenCount = tokenCount
    profile.add(current, isPrefill: isPrefill)
    current.removeAll()
  }

  private func time(_ weights: Projection, rows: Int, _ body: () -> Void) {
    time(
      weights.operation, arithmetic: 2 * Double(weights.weightCount) * Double(rows), bytes: Double(weights.byteCount),
      body)
  }

  private func time(
    _ operation: OperationProfile.Operation, arithmetic: Double = 0, bytes: Double = 0, _ body: () -> Void
  ) {
    let start = MonotonicClock.nanoseconds
    body()
    current[operation] += OperationProfile.Counters(
      calls: 1, nanoseconds: MonotonicClock.nanoseconds &- start, arithmetic: arithmetic, bytes: bytes)
  }
}

extension OperationProfile.Operation {
  /// The kind of a product by the canonical name of its first weight.
  init(projection name: String?) {
    let words = (name ?? "").utf8.split(separator: UInt8(ascii: ".")).map { Substring($0) }
    switch words.dropLast().last {
    case "q_proj": self = .queryKeyValue
    case "o_proj": self = .attentionOutput
    case "gate_proj": self = .gateAndUp
    case "down_proj": self = .down
    case "lm_head", "embed_tokens": self = .head
    default: self = .otherProduct
    }
  }
}
