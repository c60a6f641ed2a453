/// What is in an engine's cache blocks, as bytes that only the engine understands.
///
/// The blocks are those of the engine's geometry. All calls come from the engine's thread, between passes.
public protocol KVBlockStore: AnyObject {
  /// Number of bytes of a block over all layers.
  var bytesPerBlock: Int { get }

  /// Makes the first `tokenCount` positions of block `target` what they are in block `source`. What the other positions
  /// of `target` are afterwards does not matter.
  func copyBlock(from source: Int32, to target: Int32, tokenCount: Int)

  /// Writes what is in `block` to `bytes`, which becomes ``bytesPerBlock`` long.
  func readBlock(_ block: Int32, into bytes: inout [UInt8])

  /// Makes `block` what it was when ``readBlock(_:into:)`` gave `bytes`, which are ``bytesPerBlock`` long.
  func writeBlock(_ block: Int32, from bytes: [UInt8])
}
