internal import CKernels

/// Where the tokens of a ragged batch stand: for each token its position and block, for each run its blocks.
package final class RaggedLayout {
  /// Tokens of the batch.
  package private(set) var tokenCount = 0

  private(set) var tokens: [ik_token] = []
  private(set) var runs: [ik_run] = []
  private(set) var blockTable: [Int32] = []
  private(set) var attentionItems = 0
  /// Whether some runs have partial results that must be folded.
  private(set) var hasPartials = false

  private let heads: Int
  private let kvHeads: Int
  private let blockCount: Int
  private let blockSize: Int
  private let threadCount: Int
  let partials: AlignedBuffer
  private let partialCapacity: Int

  /// A layout for a cache of `blockCount` blocks of `blockSize` positions, `heads` query heads and `kvHeads` KV heads.
  ///
  /// - Parameters:
  ///   - sequenceLength: the longest sequence that has to be worked on by all threads together.
  ///   - threadCount: number of threads that share the work.
  package init(heads: Int, kvHeads: Int, blockCount: Int, blockSize: Int = 32, sequenceLength: Int, threadCount: Int) {
    self.heads = heads
    self.kvHeads = kvHeads
    self.blockCount = blockCount
    self.blockSize = blockSize
    self.threadCount = threadCount
    partialCapacity = Self.partialCapacity(heads: heads, sequenceLength: sequenceLength, threadCount: threadCount)
    partials = AlignedBuffer(byteCount: partialCapacity * MemoryLayout<ik_partial>.stride)
  }

  private static func partialCapacity(heads: Int, sequenceLength: Int, threadCount: Int) -> Int {
    threadCount > 1 ? 4 * heads * ((sequenceLength - 1) / Int(IK_SPLIT) + 1) : 0
  }

  /// ``partialByteCount`` of a layout.
  package static func partialByteCount(heads: Int, sequenceLength: Int, threadCount: Int) -> Int {
    partialCapacity(heads: heads, sequenceLength: sequenceLength, threadCount: threadCount)
      * MemoryLayout<ik_partial>.stride
  }

  /// Bytes of the work space for partial results; pages of it that are never needed are never taken.
  package var partialByteCount: Int { partials.byteCount }

  /// Empties the layout and keeps its storage.
  package func removeAll() {
    tokenCount = 0
    attentionItems = 0
    hasPartials = false
    tokens.removeAll(keepingCapacity: true)
    runs.removeAll(keepingCapacity: true)
    blockTable.removeAll(keepingCapacity: true)
  }

  /// Adds a run of `count` tokens at positions from `firstPosition`, whose sequence lives in `blocks`.
  package func append(count: Int, firstPosition: Int, blocks: ArraySlice<Int32>) {
    precondition(count > 0 && firstPosition >= 0)
    precondition(blocks.count * blockSize >= firstPosition + count, "the blocks cover the run")
    precondition(blocks.allSatisfy { $0 >= 0 && Int($0) < blockCount }, "every block exists")
    runs.append(
      ik_run(
        token_start: Int32(tokenCount), token_count: Int32(count), first_position: Int32(firstPosition),
        block_start: Int32(blockTable.count), item_start: Int32(attentionItems), partial_start: -1))
    for position in firstPosition..<firstPosition + count {
      let block = blocks[blocks.startIndex + position / blockSize]
      tokens.append(ik_token(position: Int32(position), block: block))
    }
    blockTable.append(contentsOf: blocks)
    tokenCount += count
    attentionItems += items(of: runs[runs.count - 1])
  }

  /// To be called when all runs are there: if they are too few to keep all threads busy, lets the threads share the keys
  /// of single tokens with long pasts. Results do not depend on it.
  package func divide() {
    guard threadCount > 1, attentionItems < 4 * threadCount else { return }
    var partialCount = 0
    attentionItems = 0
    for index in runs.indices {
      let needed = Int(ik_splits(runs[index].first_position + 1)) * heads
      if runs[index].token_count == 1, needed > heads, partialCount + needed <= partialCapacity {
        runs[index].partial_start = Int32(partialCount)
        partialCount += needed
        hasPartials = true
      }
      runs[index].item_start = Int32(attentionItems)
      attentionItems += items(of: runs[index])
    }
  }

  /// Whether the batch is single tokens of sequences only, and so many that each thread gets some of them.
  var isManySequences: Bool { tokenCount == runs.count && tokenCount >= 4 * threadCount }

  /// Whether the batch is single tokens of few sequences, whose items are splits of about the same size. A thread then takes
  /// many that follow each other: what it reads next is asked for only among those.
  var isDivided: Bool { hasPartials && tokenCount == runs.count }

  /// Items of attention that a thread takes at a time. Of many sequences those of a whole token, since while a thread computes
  /// one item it asks for the memory of its next one. Else one, because items are large.
  var attentionGrain: Int { isManySequences ? kvHeads : 1 }

  /// Of many sequences, those that a thread takes at a time: while it computes one it asks for the memory of the next, and their
  /// results are quantized together. Few enough to even out the threads, since sequences differ in length.
  var sequenceGrain: Int { max(1, min(4, tokenCount / (4 * threadCount))) }

  private func items(of run: ik_run) -> Int {
    Int(ik_attention_items(run.token_count, run.first_position, run.partial_start >= 0, Int32(kvHeads)))
  }
}
