/// How the tensors of GGUF files are called in Hugging Face's spelling.
enum GGUFTensorNames {
  /// The architectures with a mapping.
  static let architectures = ["llama", "qwen2"]

  /// The divisors of the rotary frequencies, which become part of the configuration.
  static let rotaryFrequencyFactors = "rope_freqs.weight"

  private static let global = [
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
  ]

  private static let layer = [
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
  ]

  /// The canonical name; a name that is not known is its own, and then no model reads it.
  static func canonical(_ storedName: String) -> String {
    let parts = storedName.split(separator: ".", omittingEmptySubsequences: false)
    guard let suffix = parts.last, suffix == "weight" || suffix == "bias" else { return storedName }
    if parts.count == 2, let name = global[String(parts[0])] { return "\(name).\(suffix)" }
    if parts.count == 4, parts[0] == "blk", let name = layer[String(parts[2])] {
      return "model.layers.\(parts[1]).\(name).\(suffix)"
    }
    return storedName
  }

  /// The order in which the rows of a tensor are stored: the converter permutes the query and key projections of the
  /// Llama family for a rotation of neighbouring elements.
  static func rowOrder(_ storedName: String, configuration: ModelConfiguration) -> RowOrder {
    guard configuration.architecture == "llama" else { return .natural }
    let parts = storedName.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4, parts[0] == "blk" else { return .natural }
    switch parts[2] {
    case "attn_q": return .interleavedRotary(headCount: configuration.headCount)
    case "attn_k": return .interleavedRotary(headCount: configuration.keyValueHeadCount)
    default: return .natural
    }
  }
}
