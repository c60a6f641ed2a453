internal import CKernels

/// The memory of the paged cache: `blockCount` blocks of `shape.blockSize` positions, each with the keys and values of every layer
/// and KV head. Few sequences thus live in few large pages.
package final class KVBlocks {
  /// The numbers of positions that a block may have. The kernels take keys sixteen at a time from one place.
  package static let blockSizes = [16, 32, 64]
  /// The widest head that the attention kernels take.
  package static let maximumHeadDimension = Int(IK_MAXIMUM_HEAD_DIMENSION)

  /// What a cache is for: everything that its size depends on but the number of blocks.
  package struct Shape: Sendable {
    package var layers: Int
    package var kvHeads: Int
    package var headDimension: Int
    package var type: KVCacheType
    /// Positions in one block, one of ``KVBlocks/blockSizes``.
    package var blockSize: Int

    package init(layers: Int, kvHeads: Int, headDimension: Int, type: KVCacheType, blockSize: Int = 32) {
      precondition(blockSizes.contains(blockSize), "blocks of \(blockSize) positions")
      self.blockSize = blockSize
      self.layers = layers
      self.kvHeads = kvHeads
      self.headDimension = headDimension
      self.type = type
    }

    var paddedDimension: Int { (headDimension + 15) / 16 * 16 }
    /// Dimensions of a key that there are places for: 16-bit integers stand in twos.
    private var keyDimension: Int { type == .int16 ? (headDimension + 1) / 2 * 2 : headDimension }
    var valuesOffset: Int { blockSize * keyDimension * type.elementBytes }
    // A multiple of four, so that the scales are aligned: blocks have a multiple of 16 positions.
    var scalesOffset: Int { valuesOffset + blockSize * paddedDimension * type.elementBytes }
    var headStride: Int { scalesOffset + (type.hasScales ? 2 * blockSize * 4 : 0) }
    var layerStride: Int { headStride * kvHeads }

    /// Bytes of one block over all layers.
    package var bytesPerBlock: Int { layers * layerStride }
  }

  /// Whether attention asks for keys and values ahead in the first-level cache, which some processors like and others do not.
  private static let asksNear = ik_asks_near()

  package let shape: Shape
  package let blockCount: Int

  private let storage: AlignedBuffer

  /// Allocates a cache. Memory is taken from the system when a block is first written.
  package init(_ shape: Shape, blockCount: Int) {
    precondition(shape.headDimension <= Self.maximumHeadDimension)
    self.shape = shape
    self.blockCount = blockCount
    storage = AlignedBuffer(byteCount: blockCount * shape.bytesPerBlock, largePages: true)
  }

  /// One layer's part, for the kernels.
  func layer(_ layer: Int) -> ik_cache {
    precondition(layer >= 0 && layer < shape.layers)
    let base: UnsafeMutablePointer<UInt8> = storage.pointer()
    return ik_cache(
      blocks: base + layer * shape.layerStride, type: shape.type.kernelType, block_stride: shape.bytesPerBlock,
      head_stride: shape.headStride, values_offset: shape.valuesOffset,
      scales_offset: shape.scalesOffset, block_size: Int32(shape.blockSize),
      head_dimension: Int32(shape.headDimension), padded_dimension: Int32(shape.paddedDimension),
      kv_heads: Int32(shape.kvHeads), asks_near: Self.asksNear)
  }
}
