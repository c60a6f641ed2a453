internal import Resources
internal import Tensors

/// The blocks of the CPU engine's cache, for copies, a second tier and files.
///
/// Whole blocks are copied, also for a part of one: keys lie transposed within a block, and what is behind the part is
/// written before it is read.
final class CPUBlockStore: KVBlockStore {
  private let blocks: KVBlocks

  /// Gives access to `blocks`.
  init(_ blocks: KVBlocks) { self.blocks = blocks }

  var bytesPerBlock: Int { blocks.bytesPerBlock }

  func copyBlock(from source: Int32, to target: Int32, tokenCount: Int) { blocks.copyBlock(from: source, to: target) }

  func readBlock(_ block: Int32, into bytes: inout [UInt8]) { blocks.readBlock(block, into: &bytes) }

  func writeBlock(_ block: Int32, from bytes: [UInt8]) { blocks.writeBlock(block, from: bytes) }
}
