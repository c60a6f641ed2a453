internal import CKernels

/// Where the tokens of a ragged batch stand: for each token its position and block, for each run its blocks.
package final class RaggedLayout {
  /// Tokens of the batch.
  package private(set) var tokenCount = 0

  private(set) var tokens: [ik_token] = []
  private(set) var runs: [ik_run] = []
  private(set) var blockTable: [Int32] = []
  private(set) var attentionItems = 0

  private let kvHeads: Int
  private let blockCount: Int

  /// A layout for a cache of `blockCount` blocks and `kvHeads` KV heads.
  package init(kvHeads: Int, blockCount: Int) {
    self.kvHeads = kvHeads
    self.blockCount = blockCount
  }

  /// Empties the layout and keeps its storage.
  package func removeAll() {
    tokenCount = 0
    attentionItems = 0
    tokens.removeAll(keepingCapacity: true)
    runs.removeAll(keepingCapacity: true)
    blockTable.removeAll(keepingCapacity: true)
  }

  /// Adds a run of `count` tokens at positions from `firstPosition`, whose sequence lives in `blocks`.
  package func append(count: Int, firstPosition: Int, blocks: ArraySlice<Int32>) {
    precondition(count > 0 && firstPosition >= 0)
    precondition(blocks.count * KVBlocks.blockSize >= firstPosition + count, "the blocks cover the run")
    precondition(blocks.allSatisfy { $0 >= 0 && Int($0) < blockCount }, "every block exists")
    runs.append(
      ik_run(
        token_start: Int32(tokenCount), token_count: Int32(count), first_position: Int32(firstPosition),
        block_start: Int32(blockTable.count), item_start: Int32(attentionItems)))
    for position in firstPosition..<firstPosition + count {
      let block = blocks[blocks.startIndex + position / KVBlocks.blockSize]
      tokens.append(ik_token(position: Int32(position), block: block))
    }
    blockTable.append(contentsOf: blocks)
    tokenCount += count
    attentionItems += Int(ik_attention_items(Int32(count), Int32(kvHeads)))
  }
}
