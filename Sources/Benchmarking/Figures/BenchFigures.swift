package import Tensors

/// What was measured on, and how.
package struct BenchSetting: Sendable, Equatable {
  /// The file or directory of the model.
  package var model: String
  package var architecture: String
  package var processor: String
  package var threads: Int
  /// The kernels in use.
  package var kernels: String
  package var commandLine: String
  /// When, as people write it.
  package var date: String
  package var promptTokens: Int
  package var outputTokens: Int
  /// Bytes of the packed weights: what generating a token reads.
  package var weightByteCount: Int
  /// Weights of the layers: a token of a prompt takes two operations for each.
  package var layerWeightCount: Int
  /// Whether the layers compute with integers.
  package var hasIntegerWeights: Bool

  package init(
    model: String, architecture: String, processor: String, threads: Int, kernels: String, commandLine: String,
    date: String, promptTokens: Int, outputTokens: Int, weightByteCount: Int, layerWeightCount: Int,
    hasIntegerWeights: Bool
  ) {
    self.model = model
    self.architecture = architecture
    self.processor = processor
    self.threads = threads
    self.kernels = kernels
    self.commandLine = commandLine
    self.date = date
    self.promptTokens = promptTokens
    self.outputTokens = outputTokens
    self.weightByteCount = weightByteCount
    self.layerWeightCount = layerWeightCount
    self.hasIntegerWeights = hasIntegerWeights
  }
}

/// Everything that a benchmark measured.
package struct BenchFigures: Sendable, Equatable {
  package let setting: BenchSetting
  package let limits: MachineLimits
  package let single: SingleFigures
  /// Where the time of the requests went that ran alone.
  package let profile: StepProfile?
  /// The closed loops; at least one.
  package let loops: [LoopFigures]
  package let isSweep: Bool
  package let comparison: Comparison?
  package let decoding: DecodingComparison?
  package let peakResidentBytes: Int

  package init(
    setting: BenchSetting, limits: MachineLimits, single: SingleFigures, profile: StepProfile?, loops: [LoopFigures],
    isSweep: Bool, comparison: Comparison?, decoding: DecodingComparison?, peakResidentBytes: Int
  ) {
    precondition(!loops.isEmpty)
    self.setting = setting
    self.limits = limits
    self.single = single
    self.profile = profile
    self.loops = loops
    self.isSweep = isSweep
    self.comparison = comparison
    self.decoding = decoding
    self.peakResidentBytes = peakResidentBytes
  }

  /// Operations that a prompt's tokens need in the layers, as a share of what the machine's multipliers can do.
  package var prefillShare: Double {
    let peak = setting.hasIntegerWeights ? limits.int8Gops : limits.bfloatGflops
    return single.prefillTokensPerSecond * 2 * Double(setting.layerWeightCount) / 1e9 / peak
  }

  /// Bytes of weights that a generated token reads, as a share of what the machine's memory can deliver.
  package var decodeShare: Double? {
    single.decodeTokensPerSecond.map {
      $0 * Double(setting.weightByteCount) / 1e9 / limits.readGigabytesPerSecond
    }
  }

  /// The name of the limit that prefill is held against.
  package var prefillLimit: String { setting.hasIntegerWeights ? "the int8 limit" : "the bf16 limit" }
}
