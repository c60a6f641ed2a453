import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Norm, quantization, gate: the vector tiers against the scalar twin, and the twin against plain formulas.
@Suite struct RowKernelTests {
  static func norm(_ tier: ik_kernels, x: [Float], weight: [Float], rows: Int) -> [Float] {
    var out = [Float](repeating: .nan, count: x.count)
    var task = ik_rms_norm()
    x.withUnsafeBufferPointer { x in
      weight.withUnsafeBufferPointer { weight in
        out.withUnsafeMutableBufferPointer { out in
          task = ik_rms_norm(
            x: x.baseAddress, weight: weight.baseAddress, epsilon: 1e-5, columns: Int32(weight.count),
            out: out.baseAddress, is_scratch: false, int8: nil, bfloat: nil)
          tier.rms_norm(&task, 0, Int32(rows))
        }
      }
    }
    return out
  }

  static func gate(_ tier: ik_kernels, x: [Float], columns: Int, rows: Int) -> [Float] {
    var out = [Float](repeating: .nan, count: rows * columns)
    x.withUnsafeBufferPointer { x in
      out.withUnsafeMutableBufferPointer { out in
        var task = ik_silu_gate(
          x: x.baseAddress, columns: Int32(columns), out: out.baseAddress, out_stride: columns)
        tier.silu_gate(&task, 0, Int32(rows))
      }
    }
    return out
  }

  @Test func normsHaveTheTwinsBits() {
    var g = SeededGenerator(seed: 3)
    for _ in 0..<200 {
      let columns = g.int(in: 1...130)
      let rows = g.int(in: 0...3)
      let x = (0..<rows * columns).map { _ in g.float(in: -4...4) }
      let weight = (0..<columns).map { _ in g.float() }
      let expected = Self.norm(Kernels.scalar, x: x, weight: weight, rows: rows)
      for tier in Kernels.vectorTiers {
        #expect(Kernels.bits(Self.norm(tier, x: x, weight: weight, rows: rows)) == Kernels.bits(expected))
      }
      for row in 0..<rows {
        let values = x[row * columns..<(row + 1) * columns].map { Double($0) }
        let inverse = 1 / (values.reduce(0) { $0 + $1 * $1 } / Double(columns) + 1e-5).squareRoot()
        for column in 0..<columns {
          let formula = values[column] * inverse * Double(weight[column])
          #expect(abs(Double(expected[row * columns + column]) - formula) < 1e-5)
        }
      }
    }
  }

  @Test func gatesHaveTheTwinsBits() {
    var g = SeededGenerator(seed: 4)
    for _ in 0..<200 {
      let columns = g.int(in: 1...70)
      let rows = g.int(in: 0...3)
      let span: Float = [1, 10, 100, 1000][g.int(in: 0...3)]
      let x = (0..<2 * rows * columns).map { _ in g.float(in: -span...span) }
      let expected = Self.gate(Kernels.scalar, x: x, columns: columns, rows: rows)
      for tier in Kernels.vectorTiers {
        #expect(Kernels.bits(Self.gate(tier, x: x, columns: columns, rows: rows)) == Kernels.bits(expected))
      }
      for row in 0..<rows {
        for column in 0..<columns {
          let (gate, up) = (Double(x[2 * row * columns + column]), Double(x[(2 * row + 1) * columns + column]))
          let formula = gate / (1 + exp(-gate)) * up
          #expect(abs(Double(expected[row * columns + column]) - formula) <= 1e-6 * (abs(formula) + abs(up) + 1))
        }
      }
    }
  }

  @Test func quantizedRowsHaveTheTwinsBits() {
    var g = SeededGenerator(seed: 8)
    for _ in 0..<150 {
      let columns = 32 * g.int(in: 1...37)
      let rows = g.int(in: 0...9)
      var x = (0..<rows * columns).map { _ in g.float(in: -9...9) }
      for index in x.indices where index % 173 == 5 { x[index] *= g.float(in: 1...30) }
      if rows > 1 { for i in 0..<32 { x[i] = 0 } }
      // Two outliers in a group, and one that is so large that it takes bits from its neighbours.
      if rows > 0, columns > 64 { (x[40], x[52]) = (500, -600) }
      if rows > 1, columns > 64 { x[columns + 7] = -30_000 }
      let expected = Kernels.quantize(x, rows: rows, columns: columns, with: Kernels.scalar)
      if rows > 0, columns > 64 { #expect(expected.outliers(row: 0, group: 1).keys.contains(2)) }
      let actual = Kernels.vectorTiers.map { Kernels.quantize(x, rows: rows, columns: columns, with: $0) }
      for row in 0..<rows {
        for group in 0..<columns / 32 {
          let want = expected.group(row: row, group: group)
          let listed = expected.outliers(row: row, group: group)
          for got in actual {
            let have = got.group(row: row, group: group)
            #expect(have.values == want.values && have.topQuad == want.topQuad && have.sums == want.sums)
            #expect(got.outliers(row: row, group: group) == listed)
            #expect(Kernels.bits([have.scale, have.scaledSum]) == Kernels.bits([want.scale, want.scaledSum]))
          }
          for (index, q) in want.values.enumerated() {
            let value = x[row * columns + group * 32 + index]
            #expect(abs(Float(q) * want.scale - value) <= want.scale * 0.501)
            #expect(abs(q) <= (listed[index / 4] != nil || index / 4 == want.topQuad ? 16_256 : 127))
          }
        }
      }
    }
  }

  /// The nearest bfloat16 of a finite number that is not too large, ties to even; 0 below the least activation.
  private func nearestBFloat(_ value: Float) -> Float {
    if abs(value) < Float(IK_BFLOAT_LEAST_ACTIVATION) { return 0 }
    let below = Float(bitPattern: value.bitPattern & 0xffff_0000)
    let above = Float(bitPattern: below.bitPattern + 0x1_0000)
    let (down, up) = (abs(Double(value) - Double(below)), abs(Double(above) - Double(value)))
    return down < up || (down == up && below.bitPattern & 0x1_0000 == 0) ? below : above
  }

  @Test func roundedRowsAreTheNearest() {
    var g = SeededGenerator(seed: 9)
    for _ in 0..<60 {
      let columns = g.int(in: 1...600)
      let rows = g.int(in: 0...5)
      var x = (0..<rows * columns).map { _ in g.float(in: -9...9) }
      for index in x.indices where index % 7 == 3 {
        // Ties, and numbers about the least one.
        x[index] =
          index % 2 == 0 ? Float(bitPattern: x[index].bitPattern & 0xffff_0000 | 0x8000) : x[index] * 0x1p-50
      }
      let least = Float(IK_BFLOAT_LEAST_ACTIVATION)
      let special = [.nan, .infinity, -.infinity, least, -least, least.nextDown, .leastNonzeroMagnitude]
      if rows > 0, columns > 10 { x.replaceSubrange(2..<2 + special.count, with: special) }
      for tier in Kernels.tiers {
        let rounded = Kernels.round(x, rows: rows, columns: columns, with: tier)
        for row in 0..<rows {
          for column in 0..<columns {
            let value = x[row * columns + column]
            let expected = value.isFinite ? nearestBFloat(value) : value
            #expect(Kernels.bits([rounded.value(row: row, column)]) == Kernels.bits([expected]))
          }
          if !columns.isMultiple(of: 2) { #expect(rounded.value(row: row, columns) == 0) }
        }
      }
    }
  }

  @Test func normsAreRoundedToo() {
    var g = SeededGenerator(seed: 10)
    let (rows, columns) = (3, 299)
    let x = (0..<rows * columns).map { _ in g.float(in: -4...4) }
    let weight = (0..<columns).map { _ in g.float() }
    for tier in Kernels.tiers {
      let floats = Self.norm(tier, x: x, weight: weight, rows: rows)
      let rounded = BFloatRows(rows: rows, columns: columns)
      var scratch = [Float](repeating: 0, count: x.count)
      rounded.with { bfloats in
        x.withUnsafeBufferPointer { x in
          weight.withUnsafeBufferPointer { weight in
            scratch.withUnsafeMutableBufferPointer { scratch in
              var task = ik_rms_norm(
                x: x.baseAddress, weight: weight.baseAddress, epsilon: 1e-5, columns: Int32(columns),
                out: scratch.baseAddress, is_scratch: true, int8: nil, bfloat: bfloats)
              tier.rms_norm(&task, 0, Int32(rows))
            }
          }
        }
      }
      for row in 0..<rows {
        for column in 0..<columns {
          #expect(rounded.value(row: row, column) == nearestBFloat(floats[row * columns + column]))
        }
      }
    }
  }
}
