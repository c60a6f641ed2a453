internal import CKernels

/// The memory of the paged cache: for each layer `blockCount` blocks of `blockSize` positions, keys and values of every
/// KV head, in float16.
package final class KVBlocks {
  /// Positions in one block.
  package static let blockSize = 32
  /// The widest head that the attention kernels take.
  package static let maximumHeadDimension = 256

  package let layers: Int
  package let blockCount: Int
  package let kvHeads: Int
  package let headDimension: Int

  private let storage: AlignedBuffer
  private let paddedDimension: Int

  /// Allocates a cache. Memory is taken from the system when a block is first written.
  package init(layers: Int, blockCount: Int, kvHeads: Int, headDimension: Int) {
    precondition(headDimension <= Self.maximumHeadDimension)
    self.layers = layers
    self.blockCount = blockCount
    self.kvHeads = kvHeads
    self.headDimension = headDimension
    paddedDimension = (headDimension + 15) / 16 * 16
    storage = AlignedBuffer(
      byteCount: layers * blockCount
        * Self.bytesPerBlockAndLayer(kvHeads: kvHeads, headDimension: headDimension))
  }

  /// Bytes of one block in one layer.
  package static func bytesPerBlockAndLayer(kvHeads: Int, headDimension: Int) -> Int {
    let padded = (headDimension + 15) / 16 * 16
    return kvHeads * blockSize * (headDimension + padded) * 2
  }

  /// One layer's part, for the kernels.
  func layer(_ layer: Int) -> ik_cache {
    precondition(layer >= 0 && layer < layers)
    let headStride = Self.blockSize * (headDimension + paddedDimension)
    let blockStride = headStride * kvHeads
    let base: UnsafeMutablePointer<UInt16> = storage.pointer()
    return ik_cache(
      blocks: base + layer * blockCount * blockStride, block_stride: blockStride, head_stride: headStride,
      values_offset: Self.blockSize * headDimension, block_size: Int32(Self.blockSize),
      head_dimension: Int32(headDimension), padded_dimension: Int32(paddedDimension), kv_heads: Int32(kvHeads))
  }
}
