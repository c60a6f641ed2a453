internal import Checkpoints

/// The decoder that most families are: norm, attention, residual, norm, gated feed-forward, residual, in every layer.
///
/// A family says which weights there are (see `Llama`, `Qwen2`); this reads them, owns the buffers and runs the layers.
/// Tensor names are those of Hugging Face checkpoints.
struct PreNormDecoder<B: Backend>: Model {
  /// What one layer has. A class, so that to walk through the layers counts one reference for each instead of six.
  private final class Layer {
    let attentionNorm: B.Vector
    let queryKeyValue: B.Projection
    let attentionOutput: B.Projection
    let feedForwardNorm: B.Vector
    let gateAndUp: B.Projection
    let down: B.Projection

    init(_ scope: WeightScope, _ c: ModelConfiguration, _ backend: B) throws {
      let attention = scope["self_attn"]
      let feedForward = scope["mlp"]
      let queries = c.headCount * c.headDimension
      let keys = c.keyValueHeadCount * c.headDimension

      func part(_ scope: WeightScope, _ name: String, _ outputs: Int, _ inputs: Int, bias: Bool) throws
        -> ProjectionPart
      {
        ProjectionPart(
          weight: try scope[name].tensor("weight", shape: [outputs, inputs]),
          bias: bias ? try scope[name].tensor("bias", shape: [outputs]) : nil)
      }

      attentionNorm = try backend.vector(scope["input_layernorm"].tensor("weight", shape: [c.hiddenSize]))
      queryKeyValue = try backend.projection([
        part(attention, "q_proj", queries, c.hiddenSize, bias: c.attentionInputBias),
        part(attention, "k_proj", keys, c.hiddenSize, bias: c.attentionInputBias),
        part(attention, "v_proj", keys, c.hiddenSize, bias: c.attentionInputBias),
      ])
      attentionOutput = try backend.projection([
        part(attention, "o_proj", c.hiddenSize, queries, bias: c.attentionOutputBias)
      ])
      feedForwardNorm = try backend.vector(
        scope["post_attention_layernorm"].tensor("weight", shape: [c.hiddenSize]))
      gateAndUp = try backend.projection([
        part(feedForward, "gate_proj", c.intermediateSize, c.hiddenSize, bias: c.mlpBias),
        part(feedForward, "up_proj", c.intermediateSize, c.hiddenSize, bias: c.mlpBias),
      ])
      down = try backend.projection([
        part(feedForward, "down_proj", c.hiddenSize, c.intermediateSize, bias: c.mlpBias)
      ])
    }
  }

  private let backend: B
  private let epsilon: Float
  private let embedding: B.Embedding
  private let rotary: B.Rotary
  private let layers: [Layer]
  private let finalNorm: B.Vector
  private let head: B.Projection

  // Buffers. `[tokens, columns]`, except the last three, which have one row for each row of logits.
  private let hidden: B.Matrix  // the residual stream
  private let normed: B.Operand  // input of q/k/v and of gate/up
  private let queryKeyValue: B.Matrix
  private let attended: B.Operand
  private let gated: B.Operand
  private let selected: B.Matrix
  private let output: B.Operand

  init(_ configuration: ModelConfiguration, weights: WeightScope, backend: B) throws {
    let c = configuration
    self.backend = backend
    epsilon = c.normEpsilon
    let shape = AttentionShape(
      layerCount: c.layerCount, headCount: c.headCount, keyValueHeadCount: c.keyValueHeadCount,
      headDimension: c.headDimension, slidingWindow: c.slidingWindow)
    rotary = try backend.rotary(inverseFrequencies: c.rope.inverseFrequencies)
    let model = weights["model"]
    let table = try model["embed_tokens"].tensor("weight", shape: [c.vocabularySize, c.hiddenSize])
    embedding = try backend.embedding(table)
    layers = try (0..<c.layerCount).map { try Layer(model["layers"][$0], c, backend) }
    finalNorm = try backend.vector(model["norm"].tensor("weight", shape: [c.hiddenSize]))
    let headTable =
      c.tiedEmbeddings ? table : try weights["lm_head"].tensor("weight", shape: [c.vocabularySize, c.hiddenSize])
    head = try backend.projection([ProjectionPart(weight: headTable)])

    hidden = try backend.matrix(columns: c.hiddenSize)
    normed = try backend.operand(
      columns: c.hiddenSize, feeding: layers.flatMap { [$0.queryKeyValue, $0.gateAndUp] })
    queryKeyValue = try backend.matrix(columns: shape.fusedColumns)
    attended = try backend.operand(
      columns: c.headCount * c.headDimension, feeding: layers.map(\.attentionOutput))
    gated = try backend.operand(columns: c.intermediateSize, feeding: layers.map(\.down))
    selected = try backend.matrix(columns: c.hiddenSize)
    output = try backend.operand(columns: c.hiddenSize, feeding: [head])
    try backend.allocateCache(shape)
  }

  func forward() {
    backend.embed(embedding, into: hidden)
    for (index, layer) in layers.enumerated() {
      backend.normalize(hidden, layer.attentionNorm, epsilon: epsilon, into: normed)
      backend.multiply(normed, layer.queryKeyValue, into: queryKeyValue)
      if index < layers.count - 1 {
        backend.rotateAndAttend(queryKeyValue, rotary, layer: index, into: attended)
      } else {
        backend.rotateAndStore(queryKeyValue, rotary, layer: index)
        backend.keepOutputs(hidden, queryKeyValue)
        backend.attend(queryKeyValue, layer: index, into: attended)
      }
      backend.multiply(attended, layer.attentionOutput, addingTo: hidden)

      backend.normalize(hidden, layer.feedForwardNorm, epsilon: epsilon, into: normed)
      backend.multiplyGated(normed, layer.gateAndUp, into: gated)
      backend.multiply(gated, layer.down, addingTo: hidden)
    }
    backend.keepHidden(hidden, finalNorm, epsilon: epsilon)
    backend.selectLogitsRows(hidden, into: selected)
    backend.normalize(selected, finalNorm, epsilon: epsilon, into: output)
    backend.computeLogits(output, head)
  }
}
