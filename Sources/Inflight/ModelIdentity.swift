package import Checkpoints
internal import Executor
package import ModelEngines
internal import Recording
internal import Resources
internal import Tensors

/// What the engine's answers depend on besides requests, as a hash.
package enum ModelIdentity {
  /// Changes whenever the engine computes other bits from the same weights than the version before.
  static let arithmetic = 6

  /// A hash of the model's configuration, its weights and the engine's arithmetic. Reads the whole model.
  package static func model(_ checkpoint: Checkpoint, options: EngineOptions) -> [UInt8] {
    let threadCount = options.threadCount ?? availableProcessorCount()
    var hash = ContentHash()
    hash.add(checkpoint.contentHash(pool: WorkerPool(threadCount: threadCount)))
    hash.add("arithmetic \(arithmetic)")
    return hash.digest()
  }

  /// The hash of what a cache of prefixes holds: that of the model, and how keys and values are kept.
  static func cache(model: [UInt8], options: EngineOptions) -> [UInt8] {
    var hash = ContentHash()
    hash.add(model)
    hash.add("\(options.cacheType.rawValue) \(options.blockSize)")
    return hash.digest()
  }
}

extension LLMOptions {
  /// Whether anything is kept by the model's hash, for which the whole model is read.
  var needsModelHash: Bool { prefixCachePath != nil || recording != nil }

  /// Sets the file of the prefix cache, if there is to be one.
  mutating func keepPrefixes(modelHash: [UInt8]) {
    guard let prefixCachePath else { return }
    executor.prefixCacheFile = PrefixCacheFile(
      path: prefixCachePath, modelHash: ModelIdentity.cache(model: modelHash, options: engine))
  }
}

extension FileRecorder {
  /// The recorder that the options ask for; nil for none.
  ///
  /// - Throws: ``InflightError`` if the file cannot be written.
  convenience init?(
    _ options: LLMOptions, _ checkpoint: Checkpoint, engine: any ModelEngine, modelHash: [UInt8], customParts: [String]
  ) throws(InflightError) {
    guard let recording = options.recording else { return nil }
    do {
      try self.init(
        path: recording.path,
        header: RecordingHeader(
          hasContents: recording.keepsContents, model: checkpoint.path, modelHash: modelHash,
          cacheType: options.engine.cacheType, limits: engine.limits, geometry: engine.cacheGeometry,
          configuration: options.executor, customParts: customParts))
    } catch {
      throw InflightError(.configuration, "cannot record: \(error)")
    }
  }
}
