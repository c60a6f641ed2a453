internal import Tensors

extension DType {
  /// Decodes whole blocks to float32, each product and sum rounded on its own, in the order of the `gguf` package.
  ///
  /// - Parameters:
  ///   - bytes: a whole number of blocks.
  ///   - output: has at least as many elements after `start` as those blocks hold.
  ///   - start: the index in `output` of the first weight.
  func decode(_ bytes: RawSpan, into output: inout MutableSpan<Float>, at start: Int = 0) {
    let blockCount = bytes.byteCount / blockBytes
    precondition(blockCount * blockBytes == bytes.byteCount && blockCount * blockElements <= output.count - start)
    for block in 0..<blockCount {
      let source = block * blockBytes
      let target = start + block * blockElements
      switch self {
      case .f32: output[target] = Float(bitPattern: bytes.integer(source, as: UInt32.self))
      case .f16: output[target] = bytes.half(source)
      case .bf16: output[target] = Float(bitPattern: UInt32(bytes.integer(source, as: UInt16.self)) << 16)
      case .q8_0: decodeQ8_0(bytes, source, &output, target)
      case .q4_0: decodeQ4_0(bytes, source, &output, target)
      case .q4_1: decodeQ4_1(bytes, source, &output, target)
      case .q5_0: decodeQ5_0(bytes, source, &output, target)
      case .q5_1: decodeQ5_1(bytes, source, &output, target)
      case .q4_K: decodeQ4_K(bytes, source, &output, target)
      case .q5_K: decodeQ5_K(bytes, source, &output, target)
      case .q6_K: decodeQ6_K(bytes, source, &output, target)
      }
    }
  }
}

// The layouts are those of ggml. `source` is the offset of a block's first byte, `target` the index of its first weight.

/// A half scale, then 32 signed bytes.
private func decodeQ8_0(_ bytes: RawSpan, _ source: Int, _ output: inout MutableSpan<Float>, _ target: Int) {
  let scale = bytes.half(source)
  for index in 0..<32 {
    output[target + index] = Float(Int8(bitPattern: bytes.byte(source + 2 + index))) * scale
  }
}

/// A half scale, then 16 bytes: low nibbles are weights 0 ..< 16, high nibbles 16 ..< 32; 8 stands for zero.
private func decodeQ4_0(_ bytes: RawSpan, _ source: Int, _ output: inout MutableSpan<Float>, _ target: Int) {
  let scale = bytes.half(source)
  for index in 0..<16 {
    let pair = Int(bytes.byte(source + 2 + index))
    output[target + index] = scale * Float(pair & 15 - 8)
    output[target + index + 16] = scale * Float(pair >> 4 - 8)
  }
}

/// A half scale and a half minimum, then nibbles as in Q4_0.
private func decodeQ4_1(_ bytes: RawSpan, _ source: Int, _ output: inout MutableSpan<Float>, _ target: Int) {
  let scale = bytes.half(source)
  let minimum = bytes.half(source + 2)
  for index in 0..<16 {
    let pair = Int(bytes.byte(source + 4 + index))
    output[target + index] = scale * Float(pair & 15) + minimum
    output[target + index + 16] = scale * Float(pair >> 4) + minimum
  }
}

/// A half scale, 32 fifth bits, then nibbles as in Q4_0; 16 stands for zero.
private func decodeQ5_0(_ bytes: RawSpan, _ source: Int, _ output: inout MutableSpan<Float>, _ target: Int) {
  let scale = bytes.half(source)
  let high = Int(bytes.integer(source + 2, as: UInt32.self))
  for index in 0..<16 {
    let pair = Int(bytes.byte(source + 6 + index))
    output[target + index] = scale * Float((pair & 15 | (high >> index & 1) << 4) - 16)
    output[target + index + 16] = scale * Float((pair >> 4 | (high >> (index + 16) & 1) << 4) - 16)
  }
}

/// A half scale and a half minimum, 32 fifth bits, then nibbles as in Q4_0.
private func decodeQ5_1(_ bytes: RawSpan, _ source: Int, _ output: inout MutableSpan<Float>, _ target: Int) {
  let scale = bytes.half(source)
  let minimum = bytes.half(source + 2)
  let high = Int(bytes.integer(source + 4, as: UInt32.self))
  for index in 0..<16 {
    let pair = Int(bytes.byte(source + 8 + index))
    output[target + index] = scale * Float(pair & 15 | (high >> index & 1) << 4) + minimum
    output[target + index + 16] = scale * Float(pair >> 4 | (high >> (index + 16) & 1) << 4) + minimum
  }
}

/// The 6-bit scale and minimum of sub-block `index` of 8, packed into the 12 bytes at `source`: the lower four pairs in
/// the low six bits of bytes 0 ..< 8, the upper four in the nibbles of bytes 8 ..< 12 and the top bits of the others.
private func scaleAndMinimum(_ bytes: RawSpan, _ source: Int, _ index: Int) -> (scale: Float, minimum: Float) {
  let first = bytes.byte(source + index % 4)
  let second = bytes.byte(source + index % 4 + 4)
  if index < 4 { return (Float(first & 63), Float(second & 63)) }
  let third = bytes.byte(source + index % 4 + 8)
  return (Float(third & 15 | first >> 2 & 0x30), Float(third >> 4 | second >> 2 & 0x30))
}

/// Half scales of the scales and of the minimums, 12 bytes of those, then 128 bytes of nibbles: each 32 bytes hold
/// two sub-blocks of 32 weights, the low nibbles before the high ones.
private func decodeQ4_K(_ bytes: RawSpan, _ source: Int, _ output: inout MutableSpan<Float>, _ target: Int) {
  let scaleOfScales = bytes.half(source)
  let scaleOfMinimums = bytes.half(source + 2)
  for part in 0..<8 {
    let pair = scaleAndMinimum(bytes, source + 4, part)
    let scale = scaleOfScales * pair.scale
    let minimum = scaleOfMinimums * pair.minimum
    for index in 0..<32 {
      let byte = bytes.byte(source + 16 + part / 2 * 32 + index)
      output[target + part * 32 + index] = scale * Float(part % 2 == 0 ? byte & 15 : byte >> 4) - minimum
    }
  }
}

/// As Q4_K, with 32 bytes of fifth bits before the nibbles: bit `part` of byte `index` belongs to sub-block `part`.
private func decodeQ5_K(_ bytes: RawSpan, _ source: Int, _ output: inout MutableSpan<Float>, _ target: Int) {
  let scaleOfScales = bytes.half(source)
  let scaleOfMinimums = bytes.half(source + 2)
  for part in 0..<8 {
    let pair = scaleAndMinimum(bytes, source + 4, part)
    let scale = scaleOfScales * pair.scale
    let minimum = scaleOfMinimums * pair.minimum
    for index in 0..<32 {
      let byte = bytes.byte(source + 48 + part / 2 * 32 + index)
      let high = bytes.byte(source + 16 + index) >> part & 1
      output[target + part * 32 + index] = scale * Float((part % 2 == 0 ? byte & 15 : byte >> 4) | high << 4) - minimum
    }
  }
}

/// 128 bytes of nibbles, 64 bytes of upper bit pairs, 16 signed scales, and the half scale of those; 32 stands for zero.
/// Each half of the block has 64 bytes of nibbles (two runs of 64 weights) and 32 bytes of pairs (four runs of 32).
private func decodeQ6_K(_ bytes: RawSpan, _ source: Int, _ output: inout MutableSpan<Float>, _ target: Int) {
  let scaleOfScales = bytes.half(source + 208)
  for part in 0..<16 {
    let scale = scaleOfScales * Float(Int8(bitPattern: bytes.byte(source + 192 + part)))
    let half = part / 8
    for index in (part % 8) * 16..<(part % 8 + 1) * 16 {
      let low = Int(bytes.byte(source + half * 64 + index % 64)) >> (index / 64 * 4) & 15
      let high = Int(bytes.byte(source + 128 + half * 32 + index % 32)) >> (index / 32 * 2) & 3
      output[target + half * 128 + index] = scale * Float((low | high << 4) - 32)
    }
  }
}
