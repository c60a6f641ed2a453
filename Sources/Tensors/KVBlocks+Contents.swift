internal import CKernels

/// What is in the blocks of the cache, as bytes that only this room understands: layer after layer, each block of a layer
/// as it lies in memory.
extension KVBlocks {
  /// Bytes of one block over all layers.
  package var bytesPerBlock: Int { shape.bytesPerBlock }

  /// Makes `target` what `source` is, in every layer.
  package func copyBlock(from source: Int32, to target: Int32) {
    for layer in 0..<shape.layers {
      pointer(target, layer).copyMemory(from: pointer(source, layer), byteCount: bytesPerLayerBlock)
    }
  }

  /// Makes `bytes` what is in `block`.
  package func readBlock(_ block: Int32, into bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    bytes.reserveCapacity(bytesPerBlock)
    for layer in 0..<shape.layers {
      bytes.append(contentsOf: UnsafeRawBufferPointer(start: pointer(block, layer), count: bytesPerLayerBlock))
    }
  }

  /// Makes `block` what it was when it was read.
  package func writeBlock(_ block: Int32, from bytes: [UInt8]) {
    precondition(bytes.count == bytesPerBlock, "a block has \(bytesPerBlock) bytes, not \(bytes.count)")
    bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      for layer in 0..<shape.layers {
        pointer(block, layer).copyMemory(from: base + layer * bytesPerLayerBlock, byteCount: bytesPerLayerBlock)
      }
    }
  }

  private var bytesPerLayerBlock: Int { shape.blockStride }

  private func pointer(_ block: Int32, _ layer: Int) -> UnsafeMutableRawPointer {
    precondition(block >= 0 && Int(block) < blockCount, "there is no block \(block)")
    return UnsafeMutableRawPointer(self.layer(layer).blocks) + Int(block) * bytesPerLayerBlock
  }
}
