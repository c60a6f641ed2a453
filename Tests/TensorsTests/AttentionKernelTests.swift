import CKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Rotation, cache and attention: the vector tiers against the scalar twin, and the twin against the textbook's formula.
@Suite struct AttentionKernelTests {
  /// A random ragged batch over a paged cache, in which earlier positions are filled by earlier passes.
  struct Batch {
    var heads: Int
    var kvHeads: Int
    var dimension: Int
    var rotated: Int
    var window: Int
    var cacheType = IK_CACHE_INT16
    var softCap: Float = 0
    /// Whether single tokens are computed split by split.
    var partial = false
    var lengths: [Int]
    /// Positions of each sequence that are computed in each pass.
    var passes: [[Range<Int>]]
    var tables: [[Int32]]
    var blockCount: Int
    /// q, k, v of every token: `[sequence][position][columns]`.
    var qkv: [[[Float]]]
    var cosines: [[Float]]
    var sines: [[Float]]

    var width: Int { (heads + 2 * kvHeads) * dimension }
    var padded: Int { (dimension + 15) / 16 * 16 }

    init(
      heads: Int, kvHeads: Int, dimension: Int, rotated: Int, window: Int, lengths: [Int], chunk: Int,
      using g: inout SeededGenerator
    ) {
      self.heads = heads
      self.kvHeads = kvHeads
      self.dimension = dimension
      self.rotated = rotated
      self.window = window
      self.lengths = lengths
      let needed = lengths.map { ($0 + 31) / 32 }
      blockCount = needed.reduce(0, +) + 2
      var free = (0..<Int32(blockCount)).shuffled(using: &g)
      tables = needed.map { count in (0..<count).map { _ in free.removeLast() } }
      let width = (heads + 2 * kvHeads) * dimension
      qkv = lengths.map { length in (0..<length).map { _ in (0..<width).map { _ in g.float(in: -2...2) } } }
      let longest = lengths.max() ?? 0
      cosines = (0..<longest).map { p in (0..<rotated / 2).map { Float(cos(Double(p) / Double($0 + 1))) } }
      sines = (0..<longest).map { p in (0..<rotated / 2).map { Float(sin(Double(p) / Double($0 + 1))) } }
      passes = stride(from: 0, to: longest, by: chunk).map { start in
        lengths.map { min(start, $0)..<min(start + chunk, $0) }
      }
    }

    /// The attention outputs `[sequence][position][heads * dimension]` of all passes.
    func run(_ tier: ik_kernels) -> [[[Float]]] {
      let elementBytes = cacheType == IK_CACHE_INT8 ? 1 : 2
      let scaleBytes = cacheType == IK_CACHE_INT8 || cacheType == IK_CACHE_INT16 ? 256 : 0
      let headStride = 32 * (dimension + padded) * elementBytes + scaleBytes
      // Stale contents must not matter, not even NaNs: 0x7fc0 is one as float16, bfloat16 and float32.
      var cache = [UInt16](repeating: 0x7fc0, count: blockCount * kvHeads * headStride / 2)
      var results = lengths.map { _ in [[Float]]() }
      for pass in passes {
        var rows: [Float] = []
        var tokens: [ik_token] = []
        var runs: [ik_run] = []
        var table: [Int32] = []
        var (cosine, sine): ([Float], [Float]) = ([], [])
        var items: Int32 = 0
        var partials: [ik_partial] = []
        for (sequence, range) in pass.enumerated() where !range.isEmpty {
          let isPartial = partial && range.count == 1
          runs.append(
            ik_run(
              token_start: Int32(tokens.count), token_count: Int32(range.count),
              first_position: Int32(range.lowerBound), block_start: Int32(table.count), item_start: items,
              partial_start: isPartial ? Int32(partials.count) : -1))
          if isPartial {
            let count = Int(ik_splits(Int32(range.lowerBound) + 1)) * heads
            partials += Array(repeating: ik_partial(), count: count)
          }
          items += ik_attention_items(Int32(range.count), Int32(range.lowerBound), isPartial, Int32(kvHeads))
          table += tables[sequence]
          for position in range {
            rows += qkv[sequence][position]
            tokens.append(ik_token(position: Int32(position), block: tables[sequence][position / 32]))
            cosine += cosines[position]
            sine += sines[position]
          }
        }
        let outWidth = heads * dimension
        var out = [Float](repeating: .nan, count: tokens.count * outWidth)
        cache.withUnsafeMutableBufferPointer { cache in
          rows.withUnsafeMutableBufferPointer { rows in
            let layer = ik_cache(
              blocks: UnsafeMutableRawPointer(cache.baseAddress!).assumingMemoryBound(to: UInt8.self), type: cacheType,
              block_stride: kvHeads * headStride, head_stride: headStride, values_offset: 32 * dimension * elementBytes,
              scales_offset: 32 * (dimension + padded) * elementBytes, block_size: 32,
              head_dimension: Int32(dimension), padded_dimension: Int32(padded), kv_heads: Int32(kvHeads),
              asks_near: true)
            cosine.withUnsafeBufferPointer { cosine in
              sine.withUnsafeBufferPointer { sine in
                tokens.withUnsafeBufferPointer { tokens in
                  var task = ik_rotate(
                    qkv: rows.baseAddress, heads: Int32(heads), rotated: Int32(rotated), cosines: cosine.baseAddress,
                    sines: sine.baseAddress, tokens: tokens.baseAddress, cache: layer)
                  tier.rotate(&task, 0, Int32(tokens.count))
                }
              }
            }
            runs.withUnsafeBufferPointer { runs in
              table.withUnsafeBufferPointer { table in
                out.withUnsafeMutableBufferPointer { out in
                  partials.withUnsafeMutableBufferPointer { partials in
                    var task = ik_attention(
                      qkv: rows.baseAddress, out: out.baseAddress, heads: Int32(heads),
                      scale: 1 / Float(dimension).squareRoot(), soft_cap: softCap, window: Int32(window),
                      runs: runs.baseAddress, run_count: Int32(runs.count), block_table: table.baseAddress,
                      partials: partials.baseAddress, cache: layer)
                    tier.attention(&task, 0, items)
                    tier.fold_partials(&task, 0, Int32(runs.count))
                  }
                }
              }
            }
          }
        }
        var token = 0
        for (sequence, range) in pass.enumerated() {
          for _ in range {
            results[sequence].append(Array(out[token * outWidth..<(token + 1) * outWidth]))
            token += 1
          }
        }
      }
      return results
    }

    /// Softmax attention in Double, without a cache.
    func textbook() -> [[[Double]]] {
      qkv.enumerated().map { _, positions in
        let rotatedRows = positions.enumerated().map { position, row -> [Double] in
          var row = row.map(Double.init)
          for head in 0..<heads + kvHeads {
            for pair in 0..<rotated / 2 {
              let (c, s) = (Double(cosines[position][pair]), Double(sines[position][pair]))
              let (i, j) = (head * dimension + pair, head * dimension + pair + rotated / 2)
              (row[i], row[j]) = (row[i] * c - row[j] * s, row[j] * c + row[i] * s)
            }
          }
          return row
        }
        return positions.indices.map { position in
          var out = [Double](repeating: 0, count: heads * dimension)
          let first = window > 0 ? max(0, position - window + 1) : 0
          for head in 0..<heads {
            let query = rotatedRows[position][head * dimension..<(head + 1) * dimension]
            let keyStart = (heads + head / (heads / kvHeads)) * dimension
            let scores = (first...position).map { p in
              zip(query, rotatedRows[p][keyStart..<keyStart + dimension]).reduce(0) { $0 + $1.0 * $1.1 }
                / Double(dimension).squareRoot()
            }.map { softCap > 0 ? Double(softCap) * tanh($0 / Double(softCap)) : $0 }
            let highest = scores.max() ?? 0
            let weights = scores.map { exp($0 - highest) }
            let total = weights.reduce(0, +)
            for (p, weight) in zip(first...position, weights) {
              for d in 0..<dimension {
                out[head * dimension + d] += weight / total * rotatedRows[p][keyStart + kvHeads * dimension + d]
              }
            }
          }
          return out
        }
      }
    }
  }

  static func randomBatch(_ g: inout SeededGenerator, chunk: Int? = nil) -> Batch {
    let kvHeads = g.int(in: 1...3)
    let dimension = [8, 16, 24, 40, 64, 80, 100, 256][g.int(in: 0...7)]
    var batch = Batch(
      heads: kvHeads * [1, 2, 3, 5, 7][g.int(in: 0...4)], kvHeads: kvHeads, dimension: dimension,
      rotated: g.int(in: 0...1) == 0 ? dimension : dimension / 2, window: g.int(in: 0...2) == 0 ? g.int(in: 1...50) : 0,
      lengths: (0..<g.int(in: 1...3)).map { _ in g.int(in: 1...80) }, chunk: chunk ?? g.int(in: 1...90), using: &g)
    batch.cacheType = [IK_CACHE_INT16, IK_CACHE_F16, IK_CACHE_BF16, IK_CACHE_INT8][g.int(in: 0...3)]
    batch.softCap = g.int(in: 0...2) == 0 ? 1.5 : 0
    batch.partial = .random(using: &g)
    return batch
  }

  static func bits(_ results: [[[Float]]]) -> [[[UInt32]]] { results.map { $0.map { Kernels.bits($0) } } }

  @Test func tiersHaveTheTwinsBits() {
    var g = SeededGenerator(seed: 12)
    for _ in 0..<40 {
      let batch = Self.randomBatch(&g)
      let expected = Self.bits(batch.run(Kernels.scalar))
      for tier in Kernels.vectorTiers {
        #expect(Self.bits(batch.run(tier)) == expected, "\(Kernels.name(tier)) \(batch.lengths)")
      }
    }
  }

  @Test func theTwinIsCloseToTheTextbook() {
    var g = SeededGenerator(seed: 13)
    for _ in 0..<16 {
      let batch = Self.randomBatch(&g)
      let actual = batch.run(Kernels.scalar)
      for (sequence, positions) in batch.textbook().enumerated() {
        for (position, expected) in positions.enumerated() {
          for (a, b) in zip(actual[sequence][position], expected) {
            // Keys and values are kept with 12, 11 or 8 bits.
            let isPrecise = batch.cacheType == IK_CACHE_INT16 || batch.cacheType == IK_CACHE_F16
            #expect(abs(Double(a) - b) < (isPrecise ? 0.005 : 0.05))
          }
        }
      }
    }
  }

  @Test(arguments: 0..<4) func bitsDoNotDependOnChunksNeighboursOrSplits(_ type: Int) {
    var g = SeededGenerator(seed: 14)
    let tier = Kernels.tiers[0]
    // Long enough for three splits.
    var whole = Batch(
      heads: 4, kvHeads: 2, dimension: 16, rotated: 16, window: type == 1 ? 300 : 0, lengths: [600, 33, 1], chunk: 600,
      using: &g)
    whole.cacheType = [IK_CACHE_INT16, IK_CACHE_F16, IK_CACHE_BF16, IK_CACHE_INT8][type]
    let expected = Self.bits(whole.run(tier))
    for (chunk, partial) in [(1, false), (1, true), (7, false), (32, false), (100, true), (512, false)] {
      var chunked = whole
      chunked.partial = partial
      chunked.passes = stride(from: 0, to: 600, by: chunk).map { start in
        whole.lengths.map { min(start, $0)..<min(start + chunk, $0) }
      }
      #expect(Self.bits(chunked.run(tier)) == expected, "chunks of \(chunk)")
    }
    var alone = whole
    alone.passes = [[0..<600, 0..<0, 0..<0]]
    #expect(Self.bits(alone.run(tier))[0] == expected[0])
  }

  /// A NaN in a query makes its own row NaN and no other, in whatever lanes its scores are.
  @Test func aNaNIsNotLost() {
    var g = SeededGenerator(seed: 15)
    for tier in Kernels.tiers {
      var batch = Batch(
        heads: 2, kvHeads: 1, dimension: 24, rotated: 24, window: 0, lengths: [300], chunk: 300, using: &g)
      batch.qkv[0][280][3] = .nan
      let out = batch.run(tier)[0]
      for (position, row) in out.enumerated() {
        #expect(row[..<24].allSatisfy { $0.isNaN == (position == 280) }, "\(Kernels.name(tier)) \(position)")
        #expect(row[24...].allSatisfy { $0.isFinite })
      }
    }
  }
}
