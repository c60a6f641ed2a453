import CKernels
import Tensors
import Testing

/// Products of every stored type: the vector tiers against the scalar twin, bit for bit, and the scalar twin against
/// sums of dequantized weights.
@Suite struct MatmulKernelTests {
  struct Product {
    var type: DType
    var rows: Int
    var inputs: Int
    var outputs: Int
    var stored: [[UInt8]]
    var x: [Float]
    var bias: [Float]?
    var start: [Float]?

    init(
      type: DType, rows: Int, inputs: Int, outputs: Int, bias: Bool, accumulate: Bool, using g: inout SeededGenerator
    ) {
      self.type = type
      self.rows = rows
      self.inputs = inputs
      self.outputs = outputs
      stored = type.randomRows(outputs, columns: inputs, using: &g)
      x = (0..<rows * inputs).map { _ in g.float() }
      // Some groups with outliers, which are kept more exactly.
      for index in x.indices where index % 97 == 5 { x[index] *= 30 }
      self.bias = bias ? (0..<outputs).map { _ in g.float() } : nil
      start = accumulate ? (0..<rows * outputs).map { _ in g.float() } : nil
    }

    /// Half of the step to which an activation is rounded, at most. In bfloat16: a 256th of it. As an integer, of the quads
    /// of its group but the largest: the largest value of those without an outlier over 127; or the largest of all over
    /// 16256.
    func halfStep(row: Int, input: Int) -> Double {
      if type == .bf16 { return Double(abs(x[row * inputs + input])) / 256 }
      let values = x[row * inputs..<(row + 1) * inputs].map(Double.init)
      let group = values[input / 32 * 32..<(input / 32 + 1) * 32].map(abs)
      let meanSquare = values.reduce(0) { $0 + $1 * $1 } / Double(inputs)
      let limit = Double(IK_OUTLIER) * meanSquare.squareRoot()
      let quads = (0..<8).map { quad in group[4 * quad..<4 * quad + 4].max() ?? 0 }.sorted()
      return max((quads.dropLast().last { $0 <= limit } ?? 0) / 127, quads[7] / 16_256) / 2
    }

    func packed() -> (tiles: [UInt8], tileBytes: Int) {
      let tileBytes = ik_tile_bytes(type.kernelType, Int32(inputs))
      let tileCount = (outputs + 31) / 32
      var tiles = [UInt8](repeating: 0xAA, count: tileCount * tileBytes + 64)
      var flat: [UInt8] = stored.flatMap { $0 }
      let rowBytes = stored[0].count
      flat.withUnsafeMutableBufferPointer { flat in
        tiles.withUnsafeMutableBufferPointer { tiles in
          for tile in 0..<tileCount {
            var pointers = [UnsafePointer<UInt8>?](repeating: nil, count: 32)
            for lane in 0..<32 where tile * 32 + lane < outputs {
              pointers[lane] = UnsafePointer(flat.baseAddress! + (tile * 32 + lane) * rowBytes)
            }
            ik_pack_tile(type.kernelType, pointers, Int32(inputs), tiles.baseAddress! + tile * tileBytes)
          }
        }
      }
      return (tiles, tileBytes)
    }

    /// The product by one tier; rows `part` only, if given.
    func run(_ tier: ik_kernels, part: Range<Int>? = nil) -> [Float] {
      let part = part ?? 0..<rows
      let (tiles, tileBytes) = packed()
      let xs = Array(x[part.lowerBound * inputs..<part.upperBound * inputs])
      let quantized = type.isQuantized ? Kernels.quantize(xs, rows: part.count, columns: inputs, with: tier) : nil
      let rounded = Kernels.round(xs, rows: part.count, columns: inputs, with: tier)
      var out =
        start.map { Array($0[part.lowerBound * outputs..<part.upperBound * outputs]) }
        ?? [Float](repeating: .nan, count: part.count * outputs)
      out.withUnsafeMutableBufferPointer { out in
        xs.withUnsafeBufferPointer { xs in
          tiles.withUnsafeBufferPointer { tiles in
            func call(_ integers: UnsafePointer<ik_int8_rows>?, _ bias: UnsafePointer<Float>?) {
              var task = ik_matmul(
                type: type.kernelType, tiles: tiles.baseAddress, tile_bytes: tileBytes, inputs: Int32(inputs),
                outputs: Int32(outputs), rows: Int32(part.count), int8: integers, bfloat: nil, floats: xs.baseAddress,
                out: out.baseAddress, out_stride: outputs, bias: bias, accumulate: start != nil)
              rounded.with {
                task.bfloat = $0
                tier.matmul(&task, 0, ik_matmul_items(&task))
              }
            }
            func withBias(_ integers: UnsafePointer<ik_int8_rows>?) {
              if let bias {
                bias.withUnsafeBufferPointer { call(integers, $0.baseAddress) }
              } else {
                call(integers, nil)
              }
            }
            if let quantized { quantized.with { withBias($0) } } else { withBias(nil) }
          }
        }
      }
      return out
    }
  }

  static func randomProduct(_ type: DType, _ g: inout SeededGenerator) -> Product {
    let inputs =
      type.isQuantized
      ? max(32, type.blockElements) * g.int(in: 1...(type.blockElements == 256 ? 3 : 19))
      : g.int(in: 1...(.random(using: &g) ? 90 : 600))
    return Product(
      type: type, rows: .random(using: &g) ? g.int(in: 0...9) : g.int(in: 8...140), inputs: inputs,
      outputs: g.int(in: 1...100), bias: .random(using: &g),
      accumulate: .random(using: &g), using: &g)
  }

  @Test(arguments: DType.allCases) func everyTierComputesTheBitsOfTheScalarTwin(_ type: DType) {
    var g = SeededGenerator(seed: 17)
    for _ in 0..<40 {
      let product = Self.randomProduct(type, &g)
      let expected = Kernels.bits(product.run(Kernels.scalar))
      for tier in Kernels.vectorTiers {
        #expect(
          Kernels.bits(product.run(tier)) == expected,
          "\(Kernels.name(tier)) \(type) [\(product.rows), \(product.inputs)] x \(product.outputs)")
      }
    }
  }

  @Test(arguments: DType.allCases) func packedWeightsHaveNoMoreBitsThanStoredOnes(_ type: DType) throws {
    let columns = 512
    #expect(ik_tile_bytes(type.kernelType, Int32(columns)) == 32 * (try #require(type.rowBytes(elements: columns))))
  }

  @Test(arguments: DType.allCases) func aRowDoesNotDependOnTheOthers(_ type: DType) {
    var g = SeededGenerator(seed: 5)
    for tier in Kernels.tiers {
      let inputs = type.isQuantized ? type.blockElements == 256 ? 512 : 352 : 75
      let product = Product(
        type: type, rows: 135, inputs: inputs, outputs: 70, bias: true, accumulate: false, using: &g)
      let whole = Kernels.bits(product.run(tier))
      for row in 0..<product.rows {
        let alone = Kernels.bits(product.run(tier, part: row..<row + 1))
        #expect(alone == Array(whole[row * 70..<(row + 1) * 70]), "\(Kernels.name(tier)) \(type) row \(row)")
      }
    }
  }

  @Test(arguments: DType.allCases) func theScalarTwinIsCloseToTheDequantizedProduct(_ type: DType) {
    var g = SeededGenerator(seed: 99)
    for _ in 0..<4 {
      let product = Self.randomProduct(type, &g)
      let actual = product.run(Kernels.scalar)
      for row in 0..<product.rows {
        for column in 0..<product.outputs {
          var weights = [Float](repeating: 0, count: product.inputs)
          ik_dequantize_row(type.kernelType, product.stored[column], Int32(product.inputs), &weights)
          var sum = 0.0
          var magnitude = 0.0
          var rounding = 0.0
          for k in 0..<product.inputs {
            let x = Double(product.x[row * product.inputs + k])
            sum += Double(weights[k]) * x
            magnitude += abs(Double(weights[k]) * x)
            if product.type.isQuantized || product.type == .bf16 {
              rounding += abs(Double(weights[k])) * product.halfStep(row: row, input: k)
            }
          }
          sum += Double(product.bias?[column] ?? 0) + Double(product.start?[row * product.outputs + column] ?? 0)
          // Every activation is off by at most half a step; the rest is the rounding of float32 sums.
          let tolerance = rounding * 1.001 + 1e-5 * (magnitude + 1)
          #expect(abs(Double(actual[row * product.outputs + column]) - sum) <= tolerance, "\(type)")
        }
      }
    }
  }

  @Test(arguments: [DType.q4_1, .bf16]) func aNaNActivationIsNotLost(_ type: DType) {
    var g = SeededGenerator(seed: 1)
    for tier in Kernels.tiers {
      for bad in [Float.nan, .infinity, -.infinity] {
        var product = Product(
          type: type, rows: 2, inputs: 64, outputs: 40, bias: false, accumulate: false, using: &g)
        product.x[70] = bad
        let out = product.run(tier)
        #expect(out[..<40].allSatisfy { $0.isFinite })
        #expect(out[40...].allSatisfy { !$0.isFinite }, "\(Kernels.name(tier)) \(bad)")
      }
    }
  }

  /// The bits of `0` and of subnormal numbers differ between processors, so there must be none.
  @Test func productsOfTinyNumbersHaveNoSubnormalSums() {
    var g = SeededGenerator(seed: 6)
    for _ in 0..<20 {
      var product = Self.randomProduct(.bf16, &g)
      product.bias = nil
      product.start = nil
      func tiny(_ exponents: ClosedRange<Int>) -> Float {
        Float(
          sign: .random(using: &g) ? .plus : .minus, exponent: g.int(in: exponents), significand: g.float(in: 1...2))
      }
      for index in product.x.indices { product.x[index] = tiny(-50 ... -46) }
      for row in product.stored.indices {
        product.stored[row] = (0..<product.inputs).flatMap { _ in
          withUnsafeBytes(of: UInt16(tiny(-66 ... -62).bitPattern >> 16).littleEndian, Array.init)
        }
      }
      let expected = product.run(Kernels.scalar)
      #expect(expected.allSatisfy { !$0.isSubnormal })
      for tier in Kernels.vectorTiers { #expect(Kernels.bits(product.run(tier)) == Kernels.bits(expected)) }
    }
  }
}
