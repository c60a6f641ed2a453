internal import CKernels

/// How the cache keeps keys and values.
public enum KVCacheType: String, Sendable, CaseIterable {
  /// Integers of 16 bits with a scale for each position and head: 12 to 15 bits of precision, any range, and half of the work of
  /// float32 in attention, since products of such integers are what processors do fastest.
  case int16
  /// Float16: 11 bits of precision, and a range up to 65504.
  case f16
  /// BFloat16: 8 bits of precision, and the range of float32.
  case bf16
  /// Integers of 8 bits with a float32 scale for each position and head: about half of the memory of the others.
  case int8

  /// Bytes of one element, scales not counted.
  var elementBytes: Int { self == .int8 ? 1 : 2 }
  /// Whether there is a scale for each position and head, of the key and of the value.
  var hasScales: Bool { self == .int8 || self == .int16 }

  /// The name of the type in the kernels.
  var kernelType: ik_cache_type {
    switch self {
    case .int16: IK_CACHE_INT16
    case .f16: IK_CACHE_F16
    case .bf16: IK_CACHE_BF16
    case .int8: IK_CACHE_INT8
    }
  }
}
