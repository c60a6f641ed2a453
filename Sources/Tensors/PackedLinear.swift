internal import CKernels

/// The weights of one linear layer, or of several that share their input (query, key and value; gate and up), repacked
/// for the vector units: `out[row] = x[row] * weights' + bias`.
///
/// Quantized weights stay quantized: a packed matrix has the integers and scales of the file in another order. Weights in
/// bfloat16 stay so too; what it cannot hold, float16 and float32, is multiplied in float32.
package final class PackedLinear {
  /// One of the layers.
  package struct Part {
    /// Its weights, `[outputs, inputs]`.
    package var weights: StoredMatrix
    /// Its bias, `[outputs]`, or nil.
    package var bias: [Float]?

    package init(weights: StoredMatrix, bias: [Float]? = nil) {
      self.weights = weights
      self.bias = bias
    }
  }

  /// Columns of one element type. The memory is the matrix's and lives as long as it does: plain pointers, so that to hand them to a
  /// kernel counts no references.
  struct Slice {
    let type: DType
    let columns: Int
    let tileBytes: Int
    let tiles: UnsafePointer<UInt8>
    let bias: UnsafePointer<Float>?

    var tileCount: Int { (columns + Int(IK_TILE) - 1) / Int(IK_TILE) }
  }

  /// Parts of one element type that lie side by side.
  struct Segment {
    let firstColumn: Int
    let slice: Slice
  }

  /// What a segment points to.
  private struct Memory {
    let tiles: WeightArena.Slice
    let bias: AlignedBuffer?
  }

  /// Inputs of every part.
  package let inputs: Int
  /// Outputs of all parts together.
  package let outputs: Int
  let segments: [Segment]
  private let memory: [Memory]

  /// Bytes that the packed weights take.
  package var byteCount: Int { memory.reduce(0) { $0 + $1.tiles.byteCount } }

  /// Bytes that packed weights of `outputs` columns of one element type and `inputs` rows take.
  package static func byteCount(type: DType, outputs: Int, inputs: Int) -> Int {
    (outputs + Int(IK_TILE) - 1) / Int(IK_TILE) * ik_tile_bytes(type.kernelType, Int32(inputs))
  }

  /// Bytes of the biases.
  package var biasByteCount: Int { memory.reduce(0) { $0 + ($1.bias?.byteCount ?? 0) } }

  /// The forms of the activations that the products take.
  package var operandForms: Operand.Forms { segments.reduce(into: []) { $0.formUnion($1.slice.type.operandForm) } }

  /// The parts that are packed together: neighbours of one element type, as long as each begins with a tile of its own.
  package static func segments(of parts: [(type: DType, outputs: Int)]) -> [Range<Int>] {
    var segments: [Range<Int>] = []
    for (index, part) in parts.enumerated() {
      if let last = segments.last, parts[last.lowerBound].type == part.type,
        parts[index - 1].outputs.isMultiple(of: Int(IK_TILE))
      {
        segments[segments.count - 1] = last.lowerBound..<index + 1
      } else {
        segments.append(index..<index + 1)
      }
    }
    return segments
  }

  /// The two halves of the columns, which are those of two parts.
  var halves: (first: Slice, second: Slice) { (slice(0..<outputs / 2), slice(outputs / 2..<outputs)) }

  private func slice(_ columns: Range<Int>) -> Slice {
    guard let segment = segments.last(where: { $0.firstColumn <= columns.lowerBound }) else {
      preconditionFailure("the first segment begins with column 0")
    }
    let (first, whole) = (columns.lowerBound - segment.firstColumn, segment.slice)
    precondition(first.isMultiple(of: Int(IK_TILE)) && first + columns.count <= whole.columns)
    return Slice(
      type: whole.type, columns: columns.count, tileBytes: whole.tileBytes,
      tiles: whole.tiles + first / Int(IK_TILE) * whole.tileBytes, bias: whole.bias.map { $0 + first })
  }

  /// Packs `parts` side by side into memory of `arena`, on all threads of `pool`. All parts have the same number of columns, a multiple of
  /// their blocks.
  package init(_ parts: [Part], arena: WeightArena, pool: WorkerPool) {
    precondition(!parts.isEmpty)
    inputs = parts[0].weights.columns
    precondition(parts.allSatisfy { $0.weights.columns == parts[0].weights.columns })
    outputs = parts.reduce(0) { $0 + $1.weights.rows }
    var (segments, memory): ([Segment], [Memory]) = ([], [])
    var column = 0
    for range in Self.segments(of: parts.map { ($0.weights.type, $0.weights.rows) }) {
      let (slice, itsMemory) = Self.pack(Array(parts[range]), arena: arena, pool: pool)
      segments.append(Segment(firstColumn: column, slice: slice))
      memory.append(itsMemory)
      column += slice.columns
    }
    (self.segments, self.memory) = (segments, memory)
    for part in parts { part.weights.file.releasePages(in: part.weights.byteRange) }
  }

  /// What a packing thread reads and writes.
  ///
  /// Unchecked sendability: the tiles are disjoint, each is written by the one call that has its index, and the caller
  /// waits for all of them; everything else is immutable.
  private struct PackingJob: @unchecked Sendable {
    let parts: [Part]
    let partEnds: [Int]
    let tiles: UnsafeMutablePointer<UInt8>
    let tileBytes: Int
    let columns: Int

    func pack(tile: Int) {
      var rows = [UnsafePointer<UInt8>?](repeating: nil, count: Int(IK_TILE))
      var part = 0
      for lane in 0..<Int(IK_TILE) {
        let column = tile * Int(IK_TILE) + lane
        guard column < columns else { break }
        while column >= partEnds[part] { part += 1 }
        let first = part == 0 ? 0 : partEnds[part - 1]
        let bytes = parts[part].weights.bytes(ofRow: column - first)
        rows[lane] = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
      }
      let weights = parts[0].weights
      ik_pack_tile(weights.type.kernelType, rows, Int32(weights.columns), tiles + tile * tileBytes)
    }

    /// Gives back the pages of the file that hold nothing but rows of `tiles`. Should rows be stored in another order, some
    /// are read again.
    func releasePages(ofTiles tiles: Range<Int>) {
      let size = Int(IK_TILE)
      for (part, end) in zip(parts, partEnds) {
        let start = end - part.weights.rows
        let (first, last) = (max(start, tiles.lowerBound * size), min(end, tiles.upperBound * size))
        guard first < last else { continue }
        part.weights.file.releasePages(in: part.weights.byteRange(ofRows: first - start..<last - start))
      }
    }
  }

  /// Bytes of packed tiles after which their pages of the file are released.
  private static let sliceBytes = 4 << 20

  private static func pack(_ parts: [Part], arena: WeightArena, pool: WorkerPool) -> (Slice, Memory) {
    let type = parts[0].weights.type
    let columns = parts.reduce(0) { $0 + $1.weights.rows }
    let tileCount = (columns + Int(IK_TILE) - 1) / Int(IK_TILE)
    let tileBytes = ik_tile_bytes(type.kernelType, Int32(parts[0].weights.columns))
    precondition(tileBytes > 0)
    let tiles = arena.allocate(byteCount: tileCount * tileBytes)
    var ends: [Int] = []
    for part in parts { ends.append((ends.last ?? 0) + part.weights.rows) }
    let job = PackingJob(
      parts: parts, partEnds: ends, tiles: tiles.pointer(), tileBytes: tileBytes, columns: columns)
    // Slice by slice, so that a large matrix is never in memory twice.
    let sliceTiles = max(pool.threadCount, sliceBytes / tileBytes)
    for first in stride(from: 0, to: tileCount, by: sliceTiles) {
      let slice = first..<min(first + sliceTiles, tileCount)
      pool.forEach(slice.count) { job.pack(tile: first + $0) }
      job.releasePages(ofTiles: slice)
    }

    var bias: AlignedBuffer?
    if parts.contains(where: { $0.bias != nil }) {
      let buffer = AlignedBuffer(byteCount: columns * 4)
      let values: UnsafeMutablePointer<Float> = buffer.pointer()
      var column = 0
      for part in parts {
        for value in part.bias ?? [] {
          values[column] = value
          column += 1
        }
        if part.bias == nil { column += part.weights.rows }
      }
      precondition(column == columns, "a bias has one value for each output")
      bias = buffer
    }
    let slice = Slice(
      type: type, columns: columns, tileBytes: tileBytes, tiles: tiles.pointer(), bias: bias?.pointer())
    return (slice, Memory(tiles: tiles, bias: bias))
  }
}
