import CKernels
import Tensors
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A small counter-based generator, so that a failing case can be named by its seed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func float(in range: ClosedRange<Float> = -1...1) -> Float { Float.random(in: range, using: &self) }
  mutating func int(in range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}

/// Rows of activations with everything that the kernels keep of them.
final class QuantizedRows {
  let rows: Int
  let groups: Int
  private var storage: ik_int8_rows

  init(rows: Int, columns: Int) {
    self.rows = rows
    groups = columns / 32
    let chunks = Int(ik_chunks(Int32(groups)))
    let places = chunks * rows
    storage = ik_int8_rows(
      groups: Self.bytes(places * Int(IK_CHUNK)), outliers: Self.bytes(places * Int(IK_LIST)),
      outlier_counts: Self.bytes(places), group_count: Int32(groups), pitch: Int32(rows))
  }

  /// `count` elements of memory that holds what an earlier batch might have left there.
  private static func bytes<Element>(_ count: Int) -> UnsafeMutablePointer<Element> {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Element>.stride, alignment: 64)
    memset(memory, 77, count * MemoryLayout<Element>.stride)
    return memory.assumingMemoryBound(to: Element.self)
  }

  deinit {
    storage.groups.deallocate()
    storage.outliers.deallocate()
    storage.outlier_counts.deallocate()
  }

  func with<Result>(_ body: (UnsafePointer<ik_int8_rows>) -> Result) -> Result {
    withUnsafePointer(to: storage) { body($0) }
  }

  /// The listed quads of a group with their high parts.
  func outliers(row: Int, group: Int) -> [Int: [Int]] {
    let place = ik_chunk_index(&storage, Int32(row), Int32(group / 8))
    var result: [Int: [Int]] = [:]
    for index in 0..<Int(storage.outlier_counts[place]) {
      let entry = storage.outliers[place * Int(IK_LIST) + index]
      guard Int(entry.quad) / 8 == group % 8 else { continue }
      result[Int(entry.quad) % 8] = [entry.high.0, entry.high.1, entry.high.2, entry.high.3].map(Int.init)
    }
    return result
  }

  /// The group's integers, which quad has upper bits, its sums, scale and scaled sum.
  func group(row: Int, group: Int) -> (values: [Int], topQuad: Int, sums: [Int32], scale: Float, scaledSum: Float) {
    let index = ik_chunk_index(&storage, Int32(row), Int32(group / 8)) * Int(IK_CHUNK) + group % 8
    let listed = outliers(row: row, group: group)
    let stored = storage.groups[index]
    let low = withUnsafeBytes(of: stored.values) { Array($0.bindMemory(to: Int8.self)) }
    let top = withUnsafeBytes(of: stored.top) { $0.bindMemory(to: Int8.self).map { $0 / 16 } }
    #expect(withUnsafeBytes(of: stored.top) { $0.bindMemory(to: Int8.self).elementsEqual(top.map { 16 * $0 }) })
    let quad = Int(stored.top_quad)
    let raised = withUnsafeBytes(of: stored.raised) { Array($0.bindMemory(to: Int8.self)) }
    #expect(stored.is_wide == (top.allSatisfy { -4...3 ~= $0 } ? 0 : 1))
    if stored.is_wide == 0 {
      #expect(raised == (0..<8).map { $0 / 4 == quad / 4 ? 32 * top[$0 % 4] : 0 })
    }
    // The magnitudes of the first two values of all quads, and of the last two, with the upper bits in `top`.
    for pair in [0, 2] {
      let upper = 128 * (abs(Int(top[pair])) + abs(Int(top[pair + 1])))
      let halves = [0..<16, 16..<32].map { half in
        half.reduce(0) { $1 % 4 / 2 == pair / 2 ? $0 + abs(Int(low[$1])) : $0 }
      }
      #expect(stored.fits == 0 || halves[0] + halves[1] + upper <= Int(IK_FITS_4))
      #expect(stored.fits < 5 || halves[1] + upper <= Int(IK_FITS_5))
    }
    // More than four upper bits of the top quad are listed, all of them.
    if let upper = listed[quad] {
      #expect(top == [0, 0, 0, 0] && !upper.allSatisfy { -8...7 ~= $0 })
    }
    let values = (0..<32).map {
      Int(low[$0]) + 128 * (($0 / 4 == quad ? Int(top[$0 % 4]) : 0) + (listed[$0 / 4]?[$0 % 4] ?? 0))
    }
    return (values, quad, [stored.sums.0, stored.sums.1], stored.scale, stored.scaled_sum)
  }
}

/// Rows of activations in bfloat16.
final class BFloatRows {
  private var storage: ik_bfloat_rows

  init(rows: Int, columns: Int) {
    let count = Int(ik_bfloat_chunks(Int32(columns))) * rows * Int(IK_BFLOAT_CHUNK)
    let values = UnsafeMutablePointer<UInt16>.allocate(capacity: count)
    // What an earlier batch might have left there: NaNs.
    values.initialize(repeating: 0x7fc0, count: count)
    storage = ik_bfloat_rows(values: values, inputs: Int32(columns), pitch: Int32(rows))
  }

  deinit { storage.values.deallocate() }

  func with<Result>(_ body: (UnsafePointer<ik_bfloat_rows>) -> Result) -> Result {
    withUnsafePointer(to: storage) { body($0) }
  }

  /// The value of input `index` of a row, or what is behind the last.
  func value(row: Int, _ index: Int) -> Float {
    let chunk = Int(IK_BFLOAT_CHUNK)
    let bits = storage.values[ik_bfloat_index(&storage, Int32(row), Int32(index / chunk)) + index % chunk]
    return Float(bitPattern: UInt32(bits) << 16)
  }
}

enum Kernels {
  /// Every tier of this processor; the last is the scalar twin.
  static var tiers: [ik_kernels] {
    var tiers: [ik_kernels] = []
    while let tier = ik_kernels_at(Int32(tiers.count)) { tiers.append(tier.pointee) }
    return tiers
  }
  static var scalar: ik_kernels { tiers[tiers.count - 1] }
  static var vectorTiers: [ik_kernels] { Array(tiers.dropLast()) }

  static func name(_ tier: ik_kernels) -> String { String(cString: tier.name) }

  /// Quantizes `x` (`[rows, columns]`) with a tier.
  static func quantize(_ x: [Float], rows: Int, columns: Int, with tier: ik_kernels) -> QuantizedRows {
    let result = QuantizedRows(rows: rows, columns: columns)
    result.with { integers in
      x.withUnsafeBufferPointer { x in
        var task = ik_quantize(x: x.baseAddress, columns: Int32(columns), int8: integers, bfloat: nil)
        tier.quantize(&task, 0, Int32(rows))
      }
    }
    return result
  }

  /// Rounds `x` (`[rows, columns]`) to bfloat16 with a tier.
  static func round(_ x: [Float], rows: Int, columns: Int, with tier: ik_kernels) -> BFloatRows {
    let result = BFloatRows(rows: rows, columns: columns)
    result.with { bfloats in
      x.withUnsafeBufferPointer { x in
        var task = ik_quantize(x: x.baseAddress, columns: Int32(columns), int8: nil, bfloat: bfloats)
        tier.quantize(&task, 0, Int32(rows))
      }
    }
    return result
  }

  /// The bit patterns of `values`, with every NaN as one.
  static func bits(_ values: [Float]) -> [UInt32] { values.map { $0.isNaN ? 0x7fc0_0000 : $0.bitPattern } }
}

extension DType {
  var kernelType: ik_type { ik_type(rawValue: UInt32(DType.allCases.firstIndex(of: self) ?? 0)) }

  /// Bytes of `rows` valid rows with modest scales.
  func randomRows(_ rows: Int, columns: Int, using generator: inout SeededGenerator) -> [[UInt8]] {
    (0..<rows).map { _ in
      var bytes: [UInt8] = []
      for _ in 0..<columns / blockElements { bytes += randomBlock(using: &generator) }
      return bytes
    }
  }

  private func randomBlock(using generator: inout SeededGenerator) -> [UInt8] {
    func half(_ value: Float) -> [UInt8] { withUnsafeBytes(of: Float16(value).bitPattern.littleEndian, Array.init) }
    var block = (0..<blockBytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
    switch self {
    case .f32: block = withUnsafeBytes(of: generator.float().bitPattern.littleEndian, Array.init)
    case .f16: block = half(generator.float())
    case .bf16:
      block = withUnsafeBytes(of: UInt16(generator.float().bitPattern >> 16).littleEndian, Array.init)
    case .q8_0, .q4_0, .q5_0: block.replaceSubrange(0..<2, with: half(generator.float() * 0.1))
    case .q4_1, .q5_1, .q4_K, .q5_K:
      block.replaceSubrange(0..<4, with: half(generator.float() * 0.1) + half(generator.float() * 0.1))
    case .q6_K: block.replaceSubrange(208..<210, with: half(generator.float() * 0.01))
    }
    return block
  }
}
