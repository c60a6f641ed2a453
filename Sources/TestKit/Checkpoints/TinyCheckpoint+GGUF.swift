internal import JSON
package import Tensors

extension TinyCheckpoint {
  /// The same model as a GGUF file, with the rows of q and k permuted if the architecture is Llama's.
  ///
  /// - Parameters:
  ///   - matrixType: the type of the matrices. A quantized type gives them random blocks, not ``TinyWeights``, where
  ///     the rows are whole blocks, and float32 where they are not. Norms and biases are float32.
  ///   - metadata: more metadata, the tokenizer's for example; it wins over the configuration's.
  package func gguf(
    matrixType: DType = .f32, metadata: [(key: String, value: GGUFWriter.Value)] = []
  ) -> GGUFWriter {
    var writer = GGUFWriter(metadata: configurationMetadata)
    for (key, value) in metadata { writer.set(key, value) }
    writer.tensors = tensors.map { ggufTensor($0, matrixType: matrixType) }
    if let factors = llama3FrequencyFactors {
      writer.tensors.append(
        .init(
          name: "rope_freqs.weight", type: .f32, shape: [factors.count],
          bytes: TinyWeights.bytes(factors, type: .f32)))
    }
    return writer
  }

  /// Writes ``gguf(matrixType:metadata:)`` and returns its path.
  @discardableResult
  package func writeGGUF(
    to directory: TemporaryDirectory, name: String = "model.gguf", matrixType: DType = .f32,
    metadata: [(key: String, value: GGUFWriter.Value)] = []
  ) throws -> String {
    try directory.write(gguf(matrixType: matrixType, metadata: metadata).bytes(), to: name)
  }

  private var configurationMetadata: [(key: String, value: GGUFWriter.Value)] {
    let prefix = modelType
    let scaling = config["rope_scaling"] ?? config["rope_parameters"]
    let base = config["rope_theta"]?.doubleValue ?? config["rope_parameters"]?["rope_theta"]?.doubleValue ?? 10_000
    var values: [(key: String, value: GGUFWriter.Value)] = [
      ("general.architecture", .string(prefix)),
      ("\(prefix).vocab_size", .uint32(UInt32(size("vocab_size")))),
      ("\(prefix).context_length", .uint32(UInt32(size("max_position_embeddings")))),
      ("\(prefix).embedding_length", .uint32(UInt32(size("hidden_size")))),
      ("\(prefix).block_count", .uint32(UInt32(size("num_hidden_layers")))),
      ("\(prefix).feed_forward_length", .uint32(UInt32(size("intermediate_size")))),
      ("\(prefix).attention.head_count", .uint32(UInt32(headCount))),
      ("\(prefix).attention.head_count_kv", .uint32(UInt32(headCountKV))),
      ("\(prefix).attention.key_length", .uint32(UInt32(headDimension))),
      ("\(prefix).attention.value_length", .uint32(UInt32(headDimension))),
      ("\(prefix).attention.layer_norm_rms_epsilon", .float32(Float(config["rms_norm_eps"]?.doubleValue ?? 1e-5))),
      ("\(prefix).rope.freq_base", .float32(Float(base))),
      ("\(prefix).rope.dimension_count", .uint32(UInt32(headDimension))),
    ]
    if scalingType == "linear", let factor = scaling?["factor"]?.doubleValue {
      values.append(("\(prefix).rope.scaling.type", .string("linear")))
      values.append(("\(prefix).rope.scaling.factor", .float32(Float(factor))))
    }
    return values
  }

  private var scalingType: String? {
    let scaling = config["rope_scaling"] ?? config["rope_parameters"]
    return scaling?["rope_type"]?.stringValue ?? scaling?["type"]?.stringValue
  }

  /// The divisors that converters write for Llama 3.1's scaling: by wavelength, 1 for the short ones, the factor for the
  /// long ones, a blend between.
  private var llama3FrequencyFactors: [Float]? {
    guard scalingType == "llama3", let scaling = config["rope_scaling"] ?? config["rope_parameters"],
      let factor = scaling["factor"]?.doubleValue, let low = scaling["low_freq_factor"]?.doubleValue,
      let high = scaling["high_freq_factor"]?.doubleValue,
      let original = scaling["original_max_position_embeddings"]?.doubleValue
    else { return nil }
    let base = config["rope_theta"]?.doubleValue ?? scaling["rope_theta"]?.doubleValue ?? 10_000
    var frequency = 1.0
    let ratio = nthRoot(base, headDimension / 2)
    return (0..<headDimension / 2).map { _ in
      let wavelength = 2 * Double.pi / frequency
      frequency /= ratio
      if wavelength < original / high { return 1 }
      if wavelength > original / low { return Float(factor) }
      let smooth = (original / wavelength - low) / (high - low)
      return Float(1 / ((1 - smooth) / factor + smooth))
    }
  }

  /// The `degree`-th root of a number of at least 1, by bisection: powers need a C library here.
  private func nthRoot(_ value: Double, _ degree: Int) -> Double {
    var low = 1.0
    var high = value
    for _ in 0..<200 {
      let middle = (low + high) / 2
      let power = (0..<degree).reduce(1.0) { product, _ in product * middle }
      if power < value { low = middle } else { high = middle }
    }
    return low
  }

  private func ggufTensor(_ tensor: Tensor, matrixType: DType) -> GGUFWriter.Tensor {
    let name = Self.ggufName(tensor.name)
    let columns = tensor.shape[tensor.shape.count - 1]
    guard tensor.shape.count == 2, columns % matrixType.blockElements == 0 else {
      let bytes = TinyWeights.bytes(permuted(values(tensor), tensor), type: .f32)
      return .init(name: name, type: .f32, shape: tensor.shape, bytes: bytes)
    }
    guard matrixType.isQuantized else {
      let bytes = TinyWeights.bytes(permuted(values(tensor), tensor), type: matrixType)
      return .init(name: name, type: matrixType, shape: tensor.shape, bytes: bytes)
    }
    let blocks = tensor.elementCount / matrixType.blockElements
    return .init(
      name: name, type: matrixType, shape: tensor.shape,
      bytes: matrixType.randomBlocks(count: blocks, seed: TinyWeights.hash(tensor.name)))
  }

  /// Rows in the order of a Llama-architecture GGUF file: row `2 * pair + half` of a head is row `half * width + pair`
  /// of the original, where `width` is half the head.
  private func permuted(_ values: [Float], _ tensor: Tensor) -> [Float] {
    guard modelType == "llama", let heads = tensor.rotaryHeadCount else { return values }
    let columns = tensor.shape.count == 1 ? 1 : tensor.shape[1]
    let width = tensor.shape[0] / heads / 2
    var result: [Float] = []
    result.reserveCapacity(values.count)
    for head in 0..<heads {
      for pair in 0..<width {
        for half in 0..<2 {
          let row = (head * 2 + half) * width + pair
          result += values[row * columns..<(row + 1) * columns]
        }
      }
    }
    return result
  }

  /// The GGUF spelling of a canonical name.
  package static func ggufName(_ name: String) -> String {
    let names = [
      "model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output",
      "input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
      "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "post_attention_layernorm": "ffn_norm",
      "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
    ]
    let parts = name.split(separator: ".")
    let suffix = parts[parts.count - 1]
    if let stem = names[parts.dropLast().joined(separator: ".")] { return "\(stem).\(suffix)" }
    let stem = parts.dropFirst(3).dropLast().joined(separator: ".")
    return "blk.\(parts[2]).\(names[stem] ?? stem).\(suffix)"
  }
}
