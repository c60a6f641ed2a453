package import Checkpoints
package import Models
package import Resources
package import Tensors

/// The engine that runs on the processor, with vector kernels and worker threads.
package typealias CPUModelEngine = BackendModelEngine<CPUBackend>

/// The backend face on the processor: weights packed for the vector units, activations in fixed buffers.
package final class CPUBackend: BatchBackend {
  package typealias Projection = PackedLinear
  package typealias Vector = AlignedBuffer
  package typealias Embedding = StoredMatrix
  package typealias Rotary = RotaryTable

  /// Called while weights are packed with the bytes of the file that are done.
  package typealias LoadObserver = (Int) -> Void

  package let operations: CPUOperations
  package let logits: Logits
  /// Bytes of all packed weights.
  package private(set) var weightByteCount = 0
  /// Bytes of all other parameters: norms and biases.
  package private(set) var vectorByteCount = 0
  /// Bytes of all buffers for a batch, the logits not counted, which grow with use.
  package private(set) var workByteCount = 0

  private let arena = WeightArena()
  private let options: EngineOptions
  private let sequenceLength: Int
  private let loaded: LoadObserver?
  private var cache: KVBlocks?
  private var shape: AttentionShape?
  private var layout: RaggedLayout?
  private var rotaryTables: [RotaryTable] = []
  private var tokens: [Int32] = []
  /// The part of the batch that has outputs and its rows, if not all of it has.
  private var hasTokensWithoutOutput = false
  private var outputs = ForwardBatch()
  private var outputRows: [Int] = []
  private var logitsRows: [Int] = []
  private var hiddenRows: [Int] = []
  package private(set) var hiddenStates: [Float] = []

  /// A backend for models with the given vocabulary.
  ///
  /// - Parameter loaded: told the stored bytes of each weight once it is packed.
  /// - Throws: ``EngineError`` for options out of range.
  package init(
    configuration: ModelConfiguration, options: EngineOptions, loaded: LoadObserver? = nil
  ) throws(EngineError) {
    try options.validate()
    self.options = options
    self.loaded = loaded
    sequenceLength = options.maximumSequenceLength ?? configuration.maximumPositions
    operations = CPUOperations(
      tier: try options.tier(), pool: WorkerPool(threadCount: options.threadCount ?? availableProcessorCount()))
    logits = Logits(vocabularySize: configuration.vocabularySize)
  }

  package static func memoryNeeded(_ checkpoint: Checkpoint, options: EngineOptions) -> Int {
    let c = checkpoint.configuration
    // Floats of a token in the buffers of a decoder, other forms counted as half of them. The configuration's sizes are
    // bounded when a checkpoint is opened, so none of this overflows.
    let fused = (c.headCount + 2 * c.keyValueHeadCount) * c.headDimension
    let floatsPerToken = 6 * c.hiddenSize + 3 * fused + 2 * c.intermediateSize
    // Beside the logits the largest of each 32 of them, and of all.
    let logits = min(options.maximumLogitsRows, options.maximumBatchTokens) * (c.vocabularySize / 32 * 33 + 36)
    return checkpoint.tensorByteCount + 4 * (options.maximumBatchTokens * floatsPerToken + logits)
  }

  // Building.

  package func embedding(_ table: TensorDescriptor) -> StoredMatrix { StoredMatrix(table) }

  package func projection(_ parts: [ProjectionPart]) throws -> PackedLinear {
    let packed = PackedLinear(
      try parts.map { PackedLinear.Part(weights: StoredMatrix($0.weight), bias: try $0.bias?.floats()) },
      arena: arena, pool: operations.pool)
    weightByteCount += packed.byteCount
    vectorByteCount += packed.biasByteCount
    loaded?(parts.reduce(0) { $0 + $1.weight.byteCount })
    return packed
  }

  package func vector(_ tensor: TensorDescriptor) throws -> AlignedBuffer {
    let vector = AlignedBuffer(try tensor.floats())
    vectorByteCount += vector.byteCount
    return vector
  }

  package func rotary(inverseFrequencies: [Double]) -> RotaryTable {
    let table = RotaryTable(inverseFrequencies: inverseFrequencies, capacity: options.maximumBatchTokens)
    rotaryTables.append(table)
    workByteCount += table.byteCount
    return table
  }

  package func matrix(columns: Int) -> Matrix {
    let matrix = Matrix(capacity: options.maximumBatchTokens, columns: columns)
    workByteCount += matrix.byteCount
    return matrix
  }

  package func operand(columns: Int, feeding consumers: [PackedLinear]) -> Operand {
    let operand = Operand(
      capacity: options.maximumBatchTokens, columns: columns,
      forms: consumers.reduce(into: []) { $0.formUnion($1.operandForms) })
    workByteCount += operand.byteCount
    return operand
  }

  package func allocateCache(_ shape: AttentionShape) throws(EngineError) {
    guard shape.headDimension <= KVBlocks.maximumHeadDimension else {
      throw .unsupported(
        feature: "attention heads of \(shape.headDimension) (at most \(KVBlocks.maximumHeadDimension))")
    }
    let cacheShape = KVBlocks.Shape(
      layers: shape.layerCount, kvHeads: shape.keyValueHeadCount, headDimension: shape.headDimension,
      type: options.cacheType, blockSize: options.blockSize)
    let blocks = try options.blockCount(bytesPerBlock: cacheShape.bytesPerBlock, sequenceLength: sequenceLength)
    self.shape = shape
    cache = KVBlocks(cacheShape, blockCount: blocks)
    let layout = RaggedLayout(
      heads: shape.headCount, kvHeads: shape.keyValueHeadCount, blockCount: blocks, blockSize: options.blockSize,
      sequenceLength: sequenceLength, threadCount: operations.pool.threadCount)
    workByteCount += layout.partialByteCount
    self.layout = layout
  }

  package var cacheGeometry: KVCacheGeometry {
    let (cache, shape, _) = attention
    return KVCacheGeometry(
      blockSize: cache.shape.blockSize, blockCount: cache.blockCount, bytesPerBlock: cache.shape.bytesPerBlock,
      slidingWindow: shape.windowShorter(than: sequenceLength))
  }

  package var blockStore: (any KVBlockStore)? { cache.map { CPUBlockStore($0) } }

  private var attention: (cache: KVBlocks, shape: AttentionShape, layout: RaggedLayout) {
    guard let cache, let shape, let layout else { preconditionFailure("a model allocates its cache when it is built") }
    return (cache, shape, layout)
  }

  // Computing.

  package func begin(_ batch: ForwardBatch) {
    tokens.removeAll(keepingCapacity: true)
    tokens.append(contentsOf: batch.tokens)
    outputRows.removeAll(keepingCapacity: true)
    hasTokensWithoutOutput = batch.hasTokensWithoutOutput
    if hasTokensWithoutOutput {
      outputs.setOutputs(of: batch)
      for run in batch.runs { outputRows.append(contentsOf: run.tokensWithOutput) }
    }
    layOut(batch)
    for table in rotaryTables { table.prepare(attention.layout) }
  }

  package func keepOutputs(_ hidden: Matrix, _ qkv: Matrix) {
    guard hasTokensWithoutOutput else { return }
    hidden.keepRows(outputRows)
    qkv.keepRows(outputRows)
    layOut(outputs)
  }

  /// Notes where the tokens of `batch` stand and what is asked of them.
  private func layOut(_ batch: ForwardBatch) {
    let layout = attention.layout
    layout.removeAll()
    logitsRows.removeAll(keepingCapacity: true)
    hiddenRows.removeAll(keepingCapacity: true)
    for run in batch.runs {
      layout.append(
        count: run.tokenCount, firstPosition: run.firstPosition,
        blocks: batch.blockTable[run.blockStart..<run.blockStart + run.blockCount])
      logitsRows.append(contentsOf: run.tokensWithLogits)
      hiddenRows.append(contentsOf: run.tokensWithHidden)
    }
    layout.divide()
  }

  package func embed(_ table: StoredMatrix, into out: Matrix) { operations.embed(table, tokens: tokens, into: out) }

  package func normalize(_ x: Matrix, _ weight: AlignedBuffer, epsilon: Float, into out: Operand) {
    operations.normalize(x, weight: weight, epsilon: epsilon, into: out)
  }

  package func multiply(_ x: Operand, _ weights: PackedLinear, into out: Matrix) {
    operations.multiply(x, weights, into: out)
  }

  package func multiply(_ x: Operand, _ weights: PackedLinear, addingTo sum: Matrix) {
    operations.multiply(x, weights, into: sum, accumulate: true)
  }

  package func rotateAndStore(_ qkv: Matrix, _ rotary: RotaryTable, layer: Int) {
    let (cache, shape, layout) = attention
    operations.rotateAndStore(
      qkv, heads: shape.headCount, table: rotary, layout: layout, cache: cache, layer: layer)
  }

  package func attend(_ qkv: Matrix, layer: Int, into out: Operand) {
    let (cache, shape, layout) = attention
    operations.attend(qkv, parameters(shape), layout: layout, cache: cache, layer: layer, into: out)
  }

  package func rotateAndAttend(_ qkv: Matrix, _ rotary: RotaryTable, layer: Int, into out: Operand) {
    let (cache, shape, layout) = attention
    operations.rotateAndAttend(
      qkv, parameters(shape), table: rotary, layout: layout, cache: cache, layer: layer, into: out)
  }

  private func parameters(_ shape: AttentionShape) -> AttentionParameters {
    AttentionParameters(
      heads: shape.headCount, scale: 1 / Float(shape.headDimension).squareRoot(), scoreCap: shape.scoreCap,
      window: shape.slidingWindow)
  }

  package func multiplyGated(_ x: Operand, _ weights: PackedLinear, into out: Operand) {
    operations.multiplyGated(x, weights, into: out)
  }

  package func keepHidden(_ x: Matrix, _ weight: AlignedBuffer, epsilon: Float) {
    guard !hiddenRows.isEmpty || !hiddenStates.isEmpty else { return }
    hiddenStates = operations.normalizedRows(hiddenRows, of: x, weight: weight, epsilon: epsilon)
  }

  package func selectLogitsRows(_ x: Matrix, into out: Matrix) { operations.select(logitsRows, of: x, into: out) }

  package func computeLogits(_ x: Operand, _ head: PackedLinear) { operations.multiply(x, head, into: logits) }
}

extension StoredMatrix {
  /// A tensor of a checkpoint as a matrix of stored rows.
  init(_ tensor: TensorDescriptor) {
    self.init(
      type: tensor.type, rows: tensor.rowCount, columns: tensor.columnCount, file: tensor.file, offset: tensor.offset,
      storedRow: { tensor.storedRow($0) })
  }
}
