package import Tensors

/// Weights that are a function of a tensor's name and an element's index, so that a reference in another language can
/// make the same ones without exchanging files.
///
/// Element `i` of the tensor with canonical name `N`: the seed is the FNV-1a hash (64 bits) of the name's UTF-8;
/// `z` is ``SplitMix64/mix(_:)`` of `seed + (i + 1) * increment`; `u = (Float(z >> 40) - 8388608) / 8388608` is exact and
/// in `[-1, 1)`. A norm's weight is `1 + u * 0.1`, a bias `u * 0.1`, any other weight `u * scale`, in float32 and rounded
/// to the nearest stored value, ties to even.
package enum TinyWeights {
  /// The float32 values of a tensor.
  package static func values(name: String, count: Int, scale: Float) -> [Float] {
    let seed = hash(name)
    return (0..<count).map { index in
      let z = SplitMix64.mix(seed &+ UInt64(index + 1) &* SplitMix64.increment)
      let unit = (Float(z >> 40) - 8_388_608) / 8_388_608
      if name.hasSuffix("norm.weight") { return 1 + unit * 0.1 }
      if name.hasSuffix(".bias") { return unit * 0.1 }
      return unit * scale
    }
  }

  /// The bytes of values in a floating-point type.
  package static func bytes(_ values: [Float], type: DType) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(values.count * type.blockBytes)
    for value in values {
      switch type {
      case .f32: bytes.appendLittleEndian(value.bitPattern)
      case .f16: bytes.appendLittleEndian(halfPattern(value))
      case .bf16: bytes.appendLittleEndian(brainFloatPattern(value))
      default: preconditionFailure("\(type) is not a floating-point type")
      }
    }
    return bytes
  }

  /// FNV-1a with 64 bits (Fowler, Noll and Vo).
  static func hash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
  }

  /// The nearest bfloat16 of a finite value, ties to even.
  package static func brainFloatPattern(_ value: Float) -> UInt16 {
    let bits = value.bitPattern
    return UInt16((bits + 0x7fff + (bits >> 16 & 1)) >> 16)
  }

  /// The nearest half-precision number of a finite value, ties to even; infinity beyond the range.
  package static func halfPattern(_ value: Float) -> UInt16 {
    let sign = UInt16(value.bitPattern >> 16) & 0x8000
    let magnitude = value.magnitude
    if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
    if magnitude >= 65520 { return sign | 0x7c00 }
    let rebased = magnitude.bitPattern - (127 - 15) << 23
    return sign | UInt16((rebased + 0xfff + (rebased >> 13 & 1)) >> 13)
  }
}
