extension ForwardBatch {
  /// Whether some tokens have neither logits nor a hidden state that anybody asked for.
  var hasTokensWithoutOutput: Bool { runs.contains { $0.outputCount < $0.tokenCount } }

  /// Becomes the part of `batch` that has outputs: of each run the tokens from the first one with an output on, and no
  /// runs without any. Keeps the storage.
  mutating func setOutputs(of batch: ForwardBatch) {
    removeAll()
    blockTable.append(contentsOf: batch.blockTable)
    for var run in batch.runs where run.outputCount > 0 {
      let kept = run.tokensWithOutput
      run.tokenStart = tokens.count
      run.firstPosition += run.tokenCount - kept.count
      run.tokenCount = kept.count
      tokens.append(contentsOf: batch.tokens[kept])
      runs.append(run)
    }
  }
}

extension ForwardBatch.Run {
  /// Number of tokens at the end of the run from the first one on that has an output.
  var outputCount: Int { max(logitsRowCount, hiddenRowCount) }

  /// Indices in the batch of these tokens.
  var tokensWithOutput: Range<Int> { lastTokens(outputCount) }

  /// Indices in the batch of the tokens whose logits are asked for.
  var tokensWithLogits: Range<Int> { lastTokens(logitsRowCount) }

  /// Indices in the batch of the tokens whose hidden states are asked for.
  var tokensWithHidden: Range<Int> { lastTokens(hiddenRowCount) }

  private func lastTokens(_ count: Int) -> Range<Int> {
    let end = tokenStart + tokenCount
    return end - count..<end
  }
}
