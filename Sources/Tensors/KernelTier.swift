internal import CKernels

/// A set of kernels for one kind of processor, chosen at run time.
///
/// All tiers compute the same bits; they differ in speed only. The scalar tier runs everywhere and is what the others
/// are tested against.
package struct KernelTier: Sendable, CustomStringConvertible {
  // A table of functions with static lifetime that nobody writes to.
  nonisolated(unsafe) let kernels: UnsafePointer<ik_kernels>

  /// The tiers that this processor can run, best first. There is always at least the scalar one.
  package static var available: [KernelTier] {
    var tiers: [KernelTier] = []
    while let kernels = ik_kernels_at(Int32(tiers.count)) { tiers.append(KernelTier(kernels: kernels)) }
    return tiers
  }

  /// The fastest tier of this processor.
  package static var best: KernelTier { available[0] }

  /// The name, for example `avx512-vnni`.
  package var name: String { String(cString: kernels.pointee.name) }

  package var description: String { name }
}

extension DType {
  /// The kernels' name of the type.
  var kernelType: ik_type {
    switch self {
    case .f32: IK_F32
    case .f16: IK_F16
    case .bf16: IK_BF16
    case .q8_0: IK_Q8_0
    case .q4_0: IK_Q4_0
    case .q4_1: IK_Q4_1
    case .q5_0: IK_Q5_0
    case .q5_1: IK_Q5_1
    case .q4_K: IK_Q4_K
    case .q5_K: IK_Q5_K
    case .q6_K: IK_Q6_K
    }
  }
}
