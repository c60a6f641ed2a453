internal import CKernels

/// What attention is, besides its input and the cache.
package struct AttentionParameters {
  /// Number of query heads.
  package var heads: Int
  /// What products of queries and keys are multiplied with.
  package var scale: Float
  /// Scores s become `scoreCap * tanh(s / scoreCap)`; nil for no cap.
  package var scoreCap: Float?
  /// Number of positions that a token sees, its own included; nil for all.
  package var window: Int?

  package init(heads: Int, scale: Float, scoreCap: Float? = nil, window: Int? = nil) {
    self.heads = heads
    self.scale = scale
    self.scoreCap = scoreCap
    self.window = window
  }
}

/// Attention over the cache of a layer, and what comes before and behind it. A row of `qkv` is the queries of a token, its keys
/// and its values.
extension CPUOperations {
  /// Rotates the queries and keys of `qkv` in place and writes keys and values to the cache of `layer`.
  package func rotateAndStore(
    _ qkv: Matrix, heads: Int, table: RotaryTable, layout: RaggedLayout, cache: KVBlocks, layer: Int
  ) {
    checkAttention(qkv, heads: heads, layout: layout, cache: cache)
    layout.tokens.withUnsafeBufferPointer { tokens in
      var task = ik_rotate(qkv, heads: heads, table: table, tokens: tokens, cache: cache, layer: layer)
      // Keys of consecutive positions share cache lines: the more of them one thread writes, the fewer of these go back and
      // forth between the threads.
      pool.run(tier.kernels.pointee.rotate, &task, count: qkv.rows, grain: qkv.rows >= 128 ? 32 : 8)
    }
  }

  /// Causal attention of the rotated queries of `qkv` over the cache of `layer`.
  package func attend(
    _ qkv: Matrix, _ parameters: AttentionParameters, layout: RaggedLayout, cache: KVBlocks, layer: Int,
    into out: Operand
  ) {
    withAttention(qkv, parameters, layout: layout, cache: cache, layer: layer, into: out) { attention in
      var task = attention
      pool.run(
        tier.kernels.pointee.attention, &task, count: layout.attentionItems, grain: layout.attentionGrain,
        inOrder: !layout.isDivided)
      if layout.hasPartials { tier.kernels.pointee.fold_partials(&task, 0, task.run_count) }
    }
    quantize(out)
  }

  /// ``rotateAndStore(_:heads:table:layout:cache:layer:)`` and ``attend(_:_:layout:cache:layer:into:)``: with the same results, and
  /// where the batch is many sequences with a token each without waiting in between.
  package func rotateAndAttend(
    _ qkv: Matrix, _ parameters: AttentionParameters, table: RotaryTable, layout: RaggedLayout, cache: KVBlocks,
    layer: Int, into out: Operand
  ) {
    guard layout.isManySequences else {
      rotateAndStore(qkv, heads: parameters.heads, table: table, layout: layout, cache: cache, layer: layer)
      attend(qkv, parameters, layout: layout, cache: cache, layer: layer, into: out)
      return
    }
    withAttention(qkv, parameters, layout: layout, cache: cache, layer: layer, into: out) { attention in
      layout.tokens.withUnsafeBufferPointer { tokens in
        out.withForms { integers, bfloats in
          let kernels = tier.kernels.pointee
          var task = ik_decode(
            rotation: ik_rotate(
              qkv, heads: parameters.heads, table: table, tokens: tokens, cache: cache, layer: layer),
            attention: attention, quantization: ik_quantize(out, integers: integers, bfloats: bfloats),
            rotate: kernels.rotate, attend: kernels.attention, quantize: kernels.quantize)
          pool.run(ik_decode_task, &task, count: qkv.rows, grain: layout.sequenceGrain, inOrder: true)
        }
      }
    }
  }

  /// Calls `body` with the attention of `qkv`, whose results go to the floats of `out`.
  private func withAttention(
    _ qkv: Matrix, _ parameters: AttentionParameters, layout: RaggedLayout, cache: KVBlocks, layer: Int,
    into out: Operand, _ body: (ik_attention) -> Void
  ) {
    checkAttention(qkv, heads: parameters.heads, layout: layout, cache: cache)
    precondition(out.columns == parameters.heads * cache.shape.headDimension)
    out.resize(rows: qkv.rows)
    layout.runs.withUnsafeBufferPointer { runs in
      layout.blockTable.withUnsafeBufferPointer { blockTable in
        body(
          ik_attention(
            qkv: qkv.pointer, out: out.floats.pointer(), heads: Int32(parameters.heads), scale: parameters.scale,
            soft_cap: parameters.scoreCap ?? 0, window: Int32(parameters.window ?? 0), runs: runs.baseAddress,
            run_count: Int32(runs.count), block_table: blockTable.baseAddress, partials: layout.partials.pointer(),
            cache: cache.layer(layer)))
      }
    }
  }

  private func checkAttention(_ qkv: Matrix, heads: Int, layout: RaggedLayout, cache: KVBlocks) {
    precondition(qkv.columns == (heads + 2 * cache.shape.kvHeads) * cache.shape.headDimension)
    precondition(heads % cache.shape.kvHeads == 0 && qkv.rows == layout.tokenCount)
  }
}

extension ik_rotate {
  /// The rotation of all of `qkv`.
  fileprivate init(
    _ qkv: Matrix, heads: Int, table: RotaryTable, tokens: UnsafeBufferPointer<ik_token>, cache: KVBlocks, layer: Int
  ) {
    precondition(2 * table.inverseFrequencies.count <= cache.shape.headDimension)
    self.init(
      qkv: qkv.pointer, heads: Int32(heads), rotated: Int32(2 * table.inverseFrequencies.count),
      cosines: table.cosines.pointer(), sines: table.sines.pointer(), tokens: tokens.baseAddress,
      cache: cache.layer(layer))
  }
}
