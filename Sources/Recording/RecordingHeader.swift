package import Executor
internal import JSON
package import ModelEngines
internal import Scheduling
package import Tensors

/// What a recording was made with: enough to build the executor again.
package struct RecordingHeader: Sendable, Equatable {
  /// The version of the format.
  package static let version = 1

  /// What ``customParts`` calls a decoder: without it no token can be chosen again.
  package static let decoderPart = "decoder"

  /// Whether tokens are recorded, those of prompts and of answers.
  package var hasContents: Bool
  /// The model's path at the time.
  package var model: String
  /// The hash of the model and of the engine's arithmetic; empty for an engine of the user's own.
  package var modelHash: [UInt8]
  /// How keys and values were kept.
  package var cacheType: KVCacheType
  /// What the engine could take.
  package var limits: ModelEngineLimits
  /// The engine's cache.
  package var geometry: KVCacheGeometry
  /// The executor's budgets and policies.
  package var configuration: ExecutorConfiguration
  /// Parts that were the user's own: decisions cannot be made again without them.
  package var customParts: [String]

  /// Describes a recording.
  package init(
    hasContents: Bool, model: String, modelHash: [UInt8], cacheType: KVCacheType, limits: ModelEngineLimits,
    geometry: KVCacheGeometry, configuration: ExecutorConfiguration, customParts: [String] = []
  ) {
    self.hasContents = hasContents
    self.model = model
    self.modelHash = modelHash
    self.cacheType = cacheType
    self.limits = limits
    self.geometry = geometry
    self.configuration = configuration
    self.customParts = customParts
  }
}

// As one line of JSON.
extension RecordingHeader {
  var json: JSONValue {
    func count(_ value: Int) -> JSONValue { .integer(Int64(value)) }
    func optional(_ value: Int?) -> JSONValue { value.map(count) ?? .null }
    let digits = Array("0123456789abcdef")
    let hash = String(modelHash.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    return .object([
      ("inflight_recording", count(Self.version)), ("contents", .bool(hasContents)), ("model", .string(model)),
      ("model_hash", .string(hash)), ("custom_parts", .array(customParts.map { .string($0) })),
      (
        "engine",
        .object([
          ("cache_type", .string(cacheType.rawValue)), ("vocabulary_size", count(limits.vocabularySize)),
          ("max_sequence_length", count(limits.maximumSequenceLength)),
          ("max_batch_tokens", count(limits.maximumBatchTokens)), ("max_logits_rows", count(limits.maximumLogitsRows)),
          ("block_size", count(geometry.blockSize)), ("blocks", count(geometry.blockCount)),
          ("bytes_per_block", count(geometry.bytesPerBlock)), ("sliding_window", optional(geometry.slidingWindow)),
        ])
      ),
      (
        "executor",
        .object([
          ("max_batch_size", count(configuration.maximumBatchSize)),
          ("max_batch_tokens", count(configuration.maximumBatchTokens)),
          ("chunk_size", optional(configuration.maximumChunkSize)),
          ("max_prefill_tokens_per_step", optional(configuration.maximumPrefillTokensPerStep)),
          ("prefix_reuse", .bool(configuration.isReusingPrefixes)),
          ("second_tier_bytes", count(configuration.secondTier.byteCount(inBlocksOf: geometry.bytesPerBlock))),
          ("prefix_cache_file", .bool(configuration.prefixCacheFile != nil)),
          ("capacity_policy", .string(configuration.capacityPolicy.rawValue)),
          ("chunking", .string(configuration.chunkingPolicy.rawValue)),
        ])
      ),
    ])
  }

  /// Reads what ``json`` writes.
  ///
  /// - Returns: nil for anything else, for another version, and for numbers that no executor has.
  init?(_ json: JSONValue) {
    guard let fields = RecordFields(json), fields["inflight_recording"]?.intValue == Self.version,
      let hasContents = fields["contents"]?.boolValue, let model = fields["model"]?.stringValue,
      let hash = fields["model_hash"]?.stringValue.flatMap(Self.bytes),
      let engine = fields["engine"].flatMap({ RecordFields($0) }),
      let executor = fields["executor"].flatMap({ RecordFields($0) }),
      let cacheType = engine["cache_type"]?.stringValue.flatMap({ KVCacheType(rawValue: $0) }),
      let capacity = executor["capacity_policy"]?.stringValue.flatMap({ CapacityPolicy(rawValue: $0) }),
      let chunking = executor["chunking"]?.stringValue.flatMap({ ChunkingPolicy(rawValue: $0) }),
      let secondTier = executor.count("second_tier_bytes", default: 0)
    else { return nil }
    func positive(_ fields: RecordFields, _ name: String, most: Int = 1 << 31) -> Int? {
      fields.count(name).flatMap { (1...most).contains($0) ? $0 : nil }
    }
    func optional(_ fields: RecordFields, _ name: String) -> Int? {
      fields[name]?.intValue.map { min(max(1, $0), 1 << 31) }
    }
    guard let vocabulary = positive(engine, "vocabulary_size"), let length = positive(engine, "max_sequence_length"),
      let engineTokens = positive(engine, "max_batch_tokens", most: 1 << 20),
      let rows = positive(engine, "max_logits_rows", most: 1 << 16),
      let blockSize = positive(engine, "block_size", most: 1 << 16), let blocks = positive(engine, "blocks"),
      let bytesPerBlock = positive(engine, "bytes_per_block", most: 1 << 40),
      let batchSize = positive(executor, "max_batch_size", most: 1 << 16),
      let batchTokens = positive(executor, "max_batch_tokens", most: 1 << 20)
    else { return nil }
    var configuration = ExecutorConfiguration(
      maximumBatchSize: batchSize, maximumBatchTokens: batchTokens,
      maximumChunkSize: optional(executor, "chunk_size"), maximumQueuedRequests: .max,
      maximumPrefillTokensPerStep: optional(executor, "max_prefill_tokens_per_step"),
      isReusingPrefixes: executor["prefix_reuse"]?.boolValue ?? true, capacityPolicy: capacity,
      chunkingPolicy: chunking)
    if secondTier > 0 { configuration.secondTier = .memory(byteCount: secondTier) }
    self.init(
      hasContents: hasContents, model: model, modelHash: hash, cacheType: cacheType,
      limits: ModelEngineLimits(
        vocabularySize: vocabulary, maximumSequenceLength: length, maximumBatchTokens: engineTokens,
        maximumLogitsRows: rows),
      geometry: KVCacheGeometry(
        blockSize: blockSize, blockCount: blocks, bytesPerBlock: bytesPerBlock,
        slidingWindow: optional(engine, "sliding_window")),
      configuration: configuration,
      customParts: (fields["custom_parts"]?.arrayValue ?? []).compactMap(\.stringValue))
    if executor["prefix_cache_file"]?.boolValue == true { customParts.append("prefix cache file") }
  }

  private static func bytes(_ text: String) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for place in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(decoding: digits[place..<place + 2], as: UTF8.self), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
