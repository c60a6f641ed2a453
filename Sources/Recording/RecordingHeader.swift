package import Executor
internal import JSON
package import ModelEngines
internal import Scheduling
package import Tensors

/// What a recording was made with: enough to build the executor again.
package struct RecordingHeader: Sendable, Equatable {
  /// The version of the format.
  package static let version = 1

  /// How every recording begins.
  static let beginning = "{\"inflight_recording\":"

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
          ("jump_forward", .bool(configuration.isJumpingForward)),
        ])
      ),
    ])
  }

  /// Reads what ``json`` writes.
  ///
  /// - Throws: ``RecordShapeError`` for anything else, for another version, and for numbers that no executor has.
  init(_ json: JSONValue) throws(RecordShapeError) {
    guard json["inflight_recording"]?.intValue == Self.version else {
      throw RecordShapeError(member: "inflight_recording", reason: "is not \(Self.version)")
    }
    let fields = try RecordFields(
      json,
      known: ["inflight_recording", "contents", "model", "model_hash", "custom_parts", "engine", "executor"])
    let engine = try RecordFields(
      fields.read("engine") { $0 }, at: "engine",
      known: [
        "cache_type", "vocabulary_size", "max_sequence_length", "max_batch_tokens", "max_logits_rows", "block_size",
        "blocks", "bytes_per_block", "sliding_window",
      ])
    let executor = try RecordFields(
      fields.read("executor") { $0 }, at: "executor",
      known: [
        "max_batch_size", "max_batch_tokens", "chunk_size", "max_prefill_tokens_per_step", "prefix_reuse",
        "second_tier_bytes", "prefix_cache_file", "capacity_policy", "chunking", "jump_forward",
      ])
    self.init(
      hasContents: try fields.flag("contents"), model: try fields.text("model"),
      modelHash: try fields.read("model_hash") { $0.stringValue.flatMap(Self.bytes) },
      cacheType: try engine.read("cache_type") { $0.stringValue.flatMap { KVCacheType(rawValue: $0) } },
      limits: ModelEngineLimits(
        vocabularySize: try engine.count("vocabulary_size", in: Self.sizes),
        maximumSequenceLength: try engine.count("max_sequence_length", in: Self.sizes),
        maximumBatchTokens: try engine.count("max_batch_tokens", in: 1...1 << 20),
        maximumLogitsRows: try engine.count("max_logits_rows", in: 1...1 << 16)),
      geometry: KVCacheGeometry(
        blockSize: try engine.count("block_size", in: 1...1 << 16),
        blockCount: try engine.count("blocks", in: Self.sizes),
        bytesPerBlock: try engine.count("bytes_per_block", in: 1...1 << 40),
        slidingWindow: try engine.countOrNull("sliding_window", in: Self.sizes)),
      configuration: try Self.configuration(executor),
      customParts: try fields.elements("custom_parts", \.stringValue))
    if try executor.flag("prefix_cache_file", default: false) { customParts.append("prefix cache file") }
  }

  /// What anything that is counted may be.
  private static let sizes = 1...1 << 31

  private static func configuration(_ fields: RecordFields) throws(RecordShapeError) -> ExecutorConfiguration {
    var configuration = ExecutorConfiguration(
      maximumBatchSize: try fields.count("max_batch_size", in: 1...1 << 16),
      maximumBatchTokens: try fields.count("max_batch_tokens", in: 1...1 << 20),
      maximumChunkSize: try fields.countOrNull("chunk_size", in: sizes), maximumQueuedRequests: .max,
      maximumPrefillTokensPerStep: try fields.countOrNull("max_prefill_tokens_per_step", in: sizes),
      isReusingPrefixes: try fields.flag("prefix_reuse"),
      capacityPolicy: try fields.read("capacity_policy") { $0.stringValue.flatMap { CapacityPolicy(rawValue: $0) } },
      chunkingPolicy: try fields.read("chunking") { $0.stringValue.flatMap { ChunkingPolicy(rawValue: $0) } },
      // Recordings from before it was noted are of executors that did.
      isJumpingForward: try fields.flag("jump_forward", default: true))
    let secondTier = try fields.count("second_tier_bytes", default: 0)
    if secondTier > 0 { configuration.secondTier = .memory(byteCount: secondTier) }
    return configuration
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
