internal import CKernels

/// What is in the blocks of the cache, as bytes that only this room understands. A block lies in one piece, layer after
/// layer.
extension KVBlocks {
  /// Bytes of one block over all layers.
  package var bytesPerBlock: Int { shape.bytesPerBlock }

  /// Makes `target` what `source` is, in every layer.
  package func copyBlock(from source: Int32, to target: Int32) {
    guard source != target else { return }
    pointer(target).copyMemory(from: pointer(source), byteCount: bytesPerBlock)
  }

  /// Makes `bytes` what is in `block`.
  package func readBlock(_ block: Int32, into bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: UnsafeRawBufferPointer(start: pointer(block), count: bytesPerBlock))
  }

  /// Makes `block` what it was when it was read.
  package func writeBlock(_ block: Int32, from bytes: [UInt8]) {
    precondition(bytes.count == bytesPerBlock, "a block has \(bytesPerBlock) bytes, not \(bytes.count)")
    bytes.withUnsafeBytes { source in
      guard let base = source.baseAddress else { return }
      pointer(block).copyMemory(from: base, byteCount: bytesPerBlock)
    }
  }

  private func pointer(_ block: Int32) -> UnsafeMutableRawPointer {
    precondition(block >= 0 && Int(block) < blockCount, "there is no block \(block)")
    return UnsafeMutableRawPointer(layer(0).blocks) + Int(block) * bytesPerBlock
  }
}
