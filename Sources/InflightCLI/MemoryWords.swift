internal import Catalogue
internal import Inflight
internal import JSON

extension MemoryLedger {
  /// The items one below another, for people.
  var words: String {
    func line(_ name: String, _ bytes: Int, _ note: String = "") -> String {
      let size = ByteCount(bytes).description
      return "  " + name + String(repeating: " ", count: max(1, 14 - name.count)) + size
        + (note.isEmpty ? "" : String(repeating: " ", count: max(1, 12 - size.count)) + note) + "\n"
    }
    let sequences = sequenceCount == 0 ? "less than one sequence" : "\(sequenceCount) sequences"
    return "memory          \(ByteCount(total)) of \(ByteCount(limit)) allowed, \(ByteCount(available)) available\n"
      + line("weights", weights)
      + line("work space", workSpace)
      + line(
        "KV cache", cache,
        "\(cacheTokens) tokens in \(blockCount) blocks of \(blockSize): \(sequences) of \(sequenceLength)")
      + (secondTier > 0 ? line("second tier", secondTier) : "")
      + line("program", program, "set aside")
      + line("grammars", grammars, "set aside")
  }

  /// The same for programs.
  var json: JSONValue {
    func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
    return .object([
      ("available_bytes", count(available)), ("limit_bytes", count(limit)), ("total_bytes", count(total)),
      ("weight_bytes", count(weights)), ("work_space_bytes", count(workSpace)), ("cache_bytes", count(cache)),
      ("second_tier_bytes", count(secondTier)), ("program_bytes", count(program)), ("grammar_bytes", count(grammars)),
      ("cache_tokens", count(cacheTokens)), ("block_size", count(blockSize)), ("blocks", count(blockCount)),
      ("bytes_per_block", count(bytesPerBlock)), ("sequence_length", count(sequenceLength)),
      ("sequences", count(sequenceCount)),
    ])
  }
}
