package import Checkpoints
package import Models
package import Tensors

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The engine that tests trust: pure Swift, float32, every formula written out.
package typealias ReferenceModelEngine = BackendModelEngine<ReferenceBackend>

/// The backend face without any cleverness: weights are dequantized to float32 when they are read, sums run from left to
/// right, and attention is the textbook's softmax over all visible keys.
///
/// It is the second implementation of the face, and the oracle of the tests. It is slow and takes four bytes a weight.
package final class ReferenceBackend: BatchBackend {
  /// Rows of numbers.
  package final class Matrix {
    package var rows: [[Float]] = []
    package let columns: Int
    init(columns: Int) { self.columns = columns }
  }

  /// Weights `[outputs][inputs]` and one bias for each output.
  package struct Projection {
    var weights: [[Float]] = []
    var bias: [Float] = []
  }

  package typealias Operand = Matrix
  package typealias Vector = [Float]
  package typealias Embedding = [[Float]]
  package typealias Rotary = [Double]

  package let logits: Logits
  package private(set) var hiddenStates: [Float] = []
  private let options: EngineOptions
  private let sequenceLength: Int
  private var shape = AttentionShape(layerCount: 0, headCount: 1, keyValueHeadCount: 1, headDimension: 1)
  private var blockCount = 0
  private var batch = ForwardBatch()
  /// Keys and values: `[layer][block * blockSize + slot]`, all KV heads of a position side by side.
  private var keys: [[[Float]]] = []
  private var values: [[[Float]]] = []

  /// A backend for models with the given vocabulary.
  package init(configuration: ModelConfiguration, options: EngineOptions) throws(EngineError) {
    try options.validate()
    self.options = options
    sequenceLength = options.maximumSequenceLength ?? configuration.maximumPositions
    logits = Logits(vocabularySize: configuration.vocabularySize)
  }

  package static func memoryNeeded(_ checkpoint: Checkpoint, options: EngineOptions) -> Int {
    4 * checkpoint.tensors.reduce(0) { $0 + $1.elementCount }
  }

  // Building.

  package func embedding(_ table: TensorDescriptor) throws -> [[Float]] { try rows(of: table) }

  package func projection(_ parts: [ProjectionPart]) throws -> Projection {
    var projection = Projection()
    for part in parts {
      let weights = try rows(of: part.weight)
      projection.weights += weights
      projection.bias += try part.bias?.floats() ?? Array(repeating: 0, count: weights.count)
    }
    return projection
  }

  package func vector(_ tensor: TensorDescriptor) throws -> [Float] { try tensor.floats() }
  package func rotary(inverseFrequencies: [Double]) -> [Double] { inverseFrequencies }
  package func matrix(columns: Int) -> Matrix { Matrix(columns: columns) }
  package func operand(columns: Int, feeding consumers: [Projection]) -> Matrix { Matrix(columns: columns) }

  package func allocateCache(_ shape: AttentionShape) throws(EngineError) {
    self.shape = shape
    blockCount = try options.blockCount(
      bytesPerBlock: cacheBytesPerBlock, sequenceLength: sequenceLength)
    let empty = [[Float]](repeating: [], count: blockCount * options.blockSize)
    keys = Array(repeating: empty, count: shape.layerCount)
    values = keys
  }

  package var cacheGeometry: KVCacheGeometry {
    KVCacheGeometry(
      blockSize: options.blockSize, blockCount: blockCount, bytesPerBlock: cacheBytesPerBlock,
      slidingWindow: shape.windowShorter(than: sequenceLength))
  }

  private var cacheBytesPerBlock: Int {
    shape.layerCount * options.blockSize * 2 * shape.keyValueHeadCount * shape.headDimension * 4
  }

  private func rows(of tensor: TensorDescriptor) throws -> [[Float]] {
    let all = try tensor.floats()
    let columns = tensor.columnCount
    return (0..<tensor.rowCount).map { Array(all[$0 * columns..<($0 + 1) * columns]) }
  }

  // Computing.

  package func begin(_ batch: ForwardBatch) { self.batch = batch }

  package func embed(_ table: [[Float]], into out: Matrix) { out.rows = batch.tokens.map { table[Int($0)] } }

  package func normalize(_ x: Matrix, _ weight: [Float], epsilon: Float, into out: Matrix) {
    out.rows = x.rows.map { row in
      let meanSquare = row.reduce(0) { $0 + $1 * $1 } / Float(row.count)
      let inverse = 1 / (meanSquare + epsilon).squareRoot()
      return zip(row, weight).map { $0 * inverse * $1 }
    }
  }

  package func multiply(_ x: Matrix, _ weights: Projection, into out: Matrix) {
    out.rows = x.rows.map { row in
      zip(weights.weights, weights.bias).map { column, bias in dot(row, column) + bias }
    }
  }

  package func multiply(_ x: Matrix, _ weights: Projection, addingTo sum: Matrix) {
    let product = Matrix(columns: sum.columns)
    multiply(x, weights, into: product)
    for row in sum.rows.indices { sum.rows[row] = zip(sum.rows[row], product.rows[row]).map(+) }
  }

  package func rotateAndStore(_ qkv: Matrix, _ rotary: [Double], layer: Int) {
    let dimension = shape.headDimension
    forEachToken { token, run, position in
      var row = qkv.rows[token]
      for head in 0..<shape.headCount + shape.keyValueHeadCount {
        for (pair, frequency) in rotary.enumerated() {
          let angle = Double(position) * frequency
          let (cosine, sine) = (Float(cos(angle)), Float(sin(angle)))
          let (first, second) = (head * dimension + pair, head * dimension + pair + rotary.count)
          (row[first], row[second]) = (
            row[first] * cosine - row[second] * sine, row[second] * cosine + row[first] * sine
          )
        }
      }
      qkv.rows[token] = row
      let slot = cacheSlot(run, position)
      let keyStart = shape.headCount * dimension
      let valueStart = keyStart + shape.keyValueHeadCount * dimension
      keys[layer][slot] = Array(row[keyStart..<valueStart])
      values[layer][slot] = Array(row[valueStart...])
    }
  }

  package func attend(_ qkv: Matrix, layer: Int, into out: Matrix) {
    let dimension = shape.headDimension
    let groupSize = shape.headCount / shape.keyValueHeadCount
    let scale = 1 / Float(dimension).squareRoot()
    out.rows = qkv.rows.map { _ in [Float](repeating: 0, count: shape.headCount * dimension) }
    forEachToken { token, run, position in
      let first = shape.slidingWindow.map { max(0, position - $0 + 1) } ?? 0
      let slots = (first...position).map { cacheSlot(run, $0) }
      for head in 0..<shape.headCount {
        let query = qkv.rows[token][head * dimension..<(head + 1) * dimension]
        let columns = head / groupSize * dimension..<(head / groupSize + 1) * dimension
        var scores = slots.map { dot(query, keys[layer][$0][columns]) * scale }
        if let cap = shape.scoreCap { scores = scores.map { cap * tanh($0 / cap) } }
        let highest = scores.max() ?? 0
        let weights = scores.map { exp($0 - highest) }
        let total = weights.reduce(0, +)
        for (weight, slot) in zip(weights, slots) {
          for (index, value) in values[layer][slot][columns].enumerated() {
            out.rows[token][head * dimension + index] += weight / total * value
          }
        }
      }
    }
  }

  package func keepOutputs(_ hidden: Matrix, _ qkv: Matrix) {
    for matrix in [hidden, qkv] {
      matrix.rows = batch.runs.flatMap { run in run.tokensWithOutput.map { matrix.rows[$0] } }
    }
    let whole = batch
    batch.setOutputs(of: whole)
  }

  package func multiplyGated(_ x: Matrix, _ weights: Projection, into out: Matrix) {
    let count = out.columns
    let product = Matrix(columns: 2 * count)
    multiply(x, weights, into: product)
    out.rows = product.rows.map { row in
      (0..<count).map { row[$0] / (1 + exp(-row[$0])) * row[count + $0] }
    }
  }

  package func keepHidden(_ x: Matrix, _ weight: [Float], epsilon: Float) {
    let normed = Matrix(columns: x.columns)
    normalize(x, weight, epsilon: epsilon, into: normed)
    hiddenStates = batch.runs.flatMap { run in run.tokensWithHidden.flatMap { normed.rows[$0] } }
  }

  package func selectLogitsRows(_ x: Matrix, into out: Matrix) {
    out.rows = batch.runs.flatMap { run in run.tokensWithLogits.map { x.rows[$0] } }
  }

  package func computeLogits(_ x: Matrix, _ head: Projection) {
    logits.resize(rowCount: x.rows.count)
    let product = Matrix(columns: logits.vocabularySize)
    multiply(x, head, into: product)
    for (index, row) in product.rows.enumerated() {
      logits.withMutableRow(index) { span in
        for (column, value) in row.enumerated() { span[column] = value }
      }
    }
  }

  private func forEachToken(_ body: (_ token: Int, _ run: ForwardBatch.Run, _ position: Int) -> Void) {
    for run in batch.runs {
      for index in 0..<run.tokenCount { body(run.tokenStart + index, run, run.firstPosition + index) }
    }
  }

  private func cacheSlot(_ run: ForwardBatch.Run, _ position: Int) -> Int {
    Int(batch.blockTable[run.blockStart + position / options.blockSize]) * options.blockSize + position
      % options.blockSize
  }

  private func dot(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Float {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }
}
