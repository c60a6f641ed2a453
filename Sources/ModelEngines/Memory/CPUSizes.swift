internal import Checkpoints
internal import Models
internal import Tensors

/// What the processor's engine will allocate for a checkpoint, computed without allocating or reading any of it: the model
/// is built, by the code that builds it in earnest, on a backend that only adds up sizes.
struct CPUSizes: Equatable {
  /// Bytes of the packed weights, norms and biases.
  var weights = 0
  /// Bytes of the buffers for a batch, logits included.
  var workSpace = 0
  /// Bytes of a block of the cache.
  var bytesPerBlock = 0

  /// The sizes for `checkpoint`.
  ///
  /// - Throws: what building the model throws.
  init(_ checkpoint: Checkpoint, options: EngineOptions) throws {
    try options.validate()
    try options.validateSequenceLength(for: checkpoint.configuration)
    let backend = Backend(checkpoint, options)
    _ = try ModelRegistry.build(checkpoint, on: backend)
    self = backend.sizes
    workSpace += Logits.byteCount(
      rowCount: min(options.maximumLogitsRows, options.maximumBatchTokens),
      vocabularySize: checkpoint.configuration.vocabularySize)
  }

  private init() {}

  /// Adds up what is asked for. A projection is the forms of activations that it takes; all else is nothing.
  private final class Backend: Models.Backend {
    typealias Matrix = Void
    typealias Operand = Void
    typealias Projection = Tensors.Operand.Forms
    typealias Vector = Void
    typealias Embedding = Void
    typealias Rotary = Void

    var sizes = CPUSizes()
    private let options: EngineOptions
    private let sequenceLength: Int

    init(_ checkpoint: Checkpoint, _ options: EngineOptions) {
      self.options = options
      sequenceLength = options.maximumSequenceLength ?? checkpoint.configuration.maximumPositions
    }

    func embedding(_ table: TensorDescriptor) {}

    func projection(_ parts: [ProjectionPart]) -> Projection {
      for range in PackedLinear.segments(of: parts.map { ($0.weight.type, $0.weight.rowCount) }) {
        let (weight, outputs) = (parts[range.lowerBound].weight, parts[range].reduce(0) { $0 + $1.weight.rowCount })
        sizes.weights += PackedLinear.byteCount(type: weight.type, outputs: outputs, inputs: weight.columnCount)
        if parts[range].contains(where: { $0.bias != nil }) { sizes.weights += outputs * 4 }
      }
      return parts.reduce(into: []) { $0.formUnion($1.weight.type.operandForm) }
    }

    func vector(_ tensor: TensorDescriptor) { sizes.weights += tensor.elementCount * 4 }

    func rotary(inverseFrequencies: [Double]) {
      sizes.workSpace += RotaryTable.byteCount(
        frequencyCount: inverseFrequencies.count, capacity: options.maximumBatchTokens)
    }

    func matrix(columns: Int) {
      sizes.workSpace += Tensors.Matrix.byteCount(capacity: options.maximumBatchTokens, columns: columns)
    }

    func operand(columns: Int, feeding consumers: [Projection]) {
      sizes.workSpace += Tensors.Operand.byteCount(
        capacity: options.maximumBatchTokens, columns: columns,
        forms: consumers.reduce(into: []) { $0.formUnion($1) })
    }

    func allocateCache(_ shape: AttentionShape) throws(EngineError) {
      sizes.bytesPerBlock =
        KVBlocks.Shape(
          layers: shape.layerCount, kvHeads: shape.keyValueHeadCount, headDimension: shape.headDimension,
          type: options.cacheType, blockSize: options.blockSize
        ).bytesPerBlock
      sizes.workSpace += RaggedLayout.partialByteCount(
        heads: shape.headCount, sequenceLength: sequenceLength,
        threadCount: options.threadCount ?? availableProcessorCount())
    }

    func embed(_ table: Void, into out: Void) {}
    func normalize(_ x: Void, _ weight: Void, epsilon: Float, into out: Void) {}
    func multiply(_ x: Void, _ weights: Projection, into out: Void) {}
    func multiply(_ x: Void, _ weights: Projection, addingTo sum: Void) {}
    func rotateAndStore(_ qkv: Void, _ rotary: Void, layer: Int) {}
    func attend(_ qkv: Void, layer: Int, into out: Void) {}
    func multiplyGated(_ x: Void, _ weights: Projection, into out: Void) {}
    func keepOutputs(_ hidden: Void, _ qkv: Void) {}
    func keepHidden(_ x: Void, _ weight: Void, epsilon: Float) {}
    func selectLogitsRows(_ x: Void, into out: Void) {}
    func computeLogits(_ x: Void, _ head: Projection) {}
  }
}
