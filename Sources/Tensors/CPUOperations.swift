internal import CKernels

/// The operations of a decoder layer over ragged batches, on the processor.
///
/// Every operation checks its shapes, which is what makes the kernels' pointer arithmetic stay in bounds: kernels read and
/// write exactly `rows * columns` of what is passed.
package struct CPUOperations {
  /// The kernels in use.
  package let tier: KernelTier
  /// The threads in use.
  package let pool: WorkerPool

  package init(tier: KernelTier, pool: WorkerPool) {
    self.tier = tier
    self.pool = pool
  }

  /// `out[i] = table[tokens[i]]`, dequantized.
  ///
  /// Each token must be a row of the table.
  package func embed(_ table: StoredMatrix, tokens: [Int32], into out: Matrix) {
    precondition(out.columns == table.columns)
    out.resize(rows: tokens.count)
    for (row, token) in tokens.enumerated() {
      let bytes = table.bytes(ofRow: Int(token))
      ik_dequantize_row(
        table.type.kernelType, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), Int32(table.columns),
        out.pointer + row * out.columns)
    }
  }

  /// `out[row] = x[row] / sqrt(mean(x[row]^2) + epsilon) * weight`.
  package func normalize(_ x: Matrix, weight: AlignedBuffer, epsilon: Float, into out: Operand) {
    precondition(x.columns == out.columns && weight.byteCount >= x.columns * 4)
    out.resize(rows: x.rows)
    out.withForms { integers, bfloats in
      var task = ik_rms_norm(
        x: x.pointer, weight: weight.pointer(), epsilon: epsilon, columns: Int32(x.columns),
        out: out.floats.pointer(), is_scratch: !out.forms.contains(.floats), int8: integers, bfloat: bfloats)
      pool.run(tier.kernels.pointee.rms_norm, &task, count: x.rows, grain: 8)
    }
  }

  /// `out[row] (= or +=) x[row] * weights' + bias`.
  package func multiply(_ x: Operand, _ weights: PackedLinear, into out: Matrix, accumulate: Bool = false) {
    precondition(out.columns == weights.outputs)
    if accumulate {
      precondition(out.rows == x.rows)
    } else {
      out.resize(rows: x.rows)
    }
    multiply(x, weights, into: out.pointer, stride: out.columns, accumulate: accumulate)
  }

  /// Logits: `out[row] = x[row] * weights'`.
  package func multiply(_ x: Operand, _ weights: PackedLinear, into out: Logits) {
    precondition(out.vocabularySize == weights.outputs)
    out.resize(rowCount: x.rows)
    guard let base = out.unsafeRows.baseAddress else { return }
    // The largest logits are noted if the tiles are those of the whole row.
    guard weights.segments.count == 1, x.rows > 0 else {
      return multiply(x, weights, into: base, stride: out.vocabularySize, accumulate: false)
    }
    out.note { keys, largest in
      multiply(x, weights, into: base, stride: out.vocabularySize, accumulate: false) { matmul, count, grain in
        var task = ik_logits(
          matmul: matmul, multiply: tier.kernels.pointee.matmul, keys: keys, largest: largest)
        pool.run(ik_logits_task, &task, count: count, grain: grain)
      }
    }
  }

  private func multiply(
    _ x: Operand, _ weights: PackedLinear, into out: UnsafeMutablePointer<Float>, stride: Int, accumulate: Bool
  ) {
    multiply(x, weights, into: out, stride: stride, accumulate: accumulate) { matmul, count, grain in
      var task = matmul
      pool.run(tier.kernels.pointee.matmul, &task, count: count, grain: grain)
    }
  }

  /// Calls `run` with the product of each segment of the weights, the number of its items and their grain.
  private func multiply(
    _ x: Operand, _ weights: PackedLinear, into out: UnsafeMutablePointer<Float>, stride: Int, accumulate: Bool,
    run: (ik_matmul, _ count: Int, _ grain: Int) -> Void
  ) {
    precondition(x.columns == weights.inputs)
    precondition(x.forms.isSuperset(of: weights.operandForms), "the operand has the forms that the weights need")
    guard x.rows > 0 else { return }
    // The kernels get pointers to what the matrix keeps.
    defer { withExtendedLifetime(weights) {} }
    x.withForms { integers, bfloats in
      for segment in weights.segments {
        var matmul = ik_matmul(
          segment.slice, inputs: weights.inputs, x: x, integers: integers, bfloats: bfloats,
          out: out + segment.firstColumn, stride: stride, accumulate: accumulate)
        let grain =
          x.rows > Self.fewRows
          ? Int(ik_matmul_grain(matmul.rows, matmul.inputs)) : fewRowsGrain(tileCount: segment.slice.tileCount)
        run(matmul, Int(ik_matmul_items(&matmul)), grain)
      }
    }
  }

  /// Up to so many rows a tile is too little work to be taken alone.
  private static let fewRows = 4

  /// Tiles that a thread takes at a time with few rows: at least a few microseconds of work, and enough takings to even out
  /// the threads.
  private func fewRowsGrain(tileCount: Int) -> Int { max(1, tileCount / (pool.threadCount * 4)) }

  /// `out[row][i] = silu(product[row][i]) * product[row][n + i]`, where `product = x * weights' + bias` and `weights` has two
  /// parts of `n` outputs each.
  package func multiplyGated(_ x: Operand, _ weights: PackedLinear, into out: Operand) {
    precondition(x.columns == weights.inputs && weights.outputs == 2 * out.columns)
    precondition(x.forms.isSuperset(of: weights.operandForms), "the operand has the forms that the weights need")
    out.resize(rows: x.rows)
    guard x.rows > 0 else { return }
    defer { withExtendedLifetime(weights) {} }
    let (gate, up) = weights.halves
    x.withForms { integers, bfloats in
      var task = ik_gated(
        gate: ik_matmul(gate, inputs: weights.inputs, x: x, integers: integers, bfloats: bfloats),
        up: ik_matmul(up, inputs: weights.inputs, x: x, integers: integers, bfloats: bfloats),
        multiply: tier.kernels.pointee.matmul, activate: tier.kernels.pointee.silu_gate, out: out.floats.pointer(),
        out_stride: out.columns)
      let count = Int(ik_matmul_items(&task.gate))
      pool.run(ik_gated_task, &task, count: count, grain: x.rows > Self.fewRows ? 1 : fewRowsGrain(tileCount: count))
    }
    quantize(out)
  }

  /// Makes the other forms of an operand from its floats, if it has any.
  func quantize(_ operand: Operand) {
    guard operand.forms != .floats else { return }
    operand.withForms { integers, bfloats in
      var task = ik_quantize(operand, integers: integers, bfloats: bfloats)
      pool.run(tier.kernels.pointee.quantize, &task, count: operand.rows, grain: 16)
    }
  }

  /// `out[i] = x[rows[i]]`.
  package func select(_ rows: [Int], of x: Matrix, into out: Matrix) {
    precondition(x.columns == out.columns)
    out.resize(rows: rows.count)
    for (index, row) in rows.enumerated() {
      precondition(row >= 0 && row < x.rows)
      (out.pointer + index * x.columns).update(from: x.pointer + row * x.columns, count: x.columns)
    }
  }
}

extension ik_quantize {
  /// What makes the other forms of an operand from its floats.
  init(_ operand: Operand, integers: UnsafePointer<ik_int8_rows>?, bfloats: UnsafePointer<ik_bfloat_rows>?) {
    self.init(x: operand.floats.pointer(), columns: Int32(operand.columns), int8: integers, bfloat: bfloats)
  }
}

extension ik_matmul {
  /// The product of an operand with columns of packed weights.
  fileprivate init(
    _ weights: PackedLinear.Slice, inputs: Int, x: Operand, integers: UnsafePointer<ik_int8_rows>?,
    bfloats: UnsafePointer<ik_bfloat_rows>?, out: UnsafeMutablePointer<Float>? = nil, stride: Int = 0,
    accumulate: Bool = false
  ) {
    self.init(
      type: weights.type.kernelType, tiles: weights.tiles, tile_bytes: weights.tileBytes, inputs: Int32(inputs),
      outputs: Int32(weights.columns), rows: Int32(x.rows), int8: integers, bfloat: bfloats,
      floats: x.floats.pointer(), out: out, out_stride: stride, bias: weights.bias, accumulate: accumulate)
  }
}
