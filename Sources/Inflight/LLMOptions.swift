public import Executor
public import ModelEngines

/// How an ``LLM`` is set up. The defaults suit most machines.
public struct LLMOptions: Sendable, Equatable {
  /// The engine: threads, memory, the longest sequence.
  public var engine: EngineOptions
  /// The executor: batch size, chunks, queue.
  public var executor: ExecutorConfiguration
  /// A file in which the cache of prefixes is kept from one run to the next; nil for none. It belongs to one model: for the
  /// hash that says which, the whole model is read when it is loaded. Not for an engine of one's own, for which
  /// ``ExecutorConfiguration/prefixCacheFile`` takes a hash.
  public var prefixCachePath: String?
  /// Where what the executor does is written down, so that `inflight replay` can make it again; nil for nowhere.
  public var recording: RecordingOptions?

  /// Creates options.
  public init(
    engine: EngineOptions = EngineOptions(), executor: ExecutorConfiguration = ExecutorConfiguration(),
    prefixCachePath: String? = nil, recording: RecordingOptions? = nil
  ) {
    self.engine = engine
    self.executor = executor
    self.prefixCachePath = prefixCachePath
    self.recording = recording
  }
}

/// A file in which an executor writes down, step by step, what came in, what was decided and what came out.
public struct RecordingOptions: Sendable, Equatable {
  /// The file; what is there is replaced.
  public var path: String
  /// Whether the tokens of prompts and answers are written down too. Without them a replay can check decisions and lengths
  /// only, and only until a request finds another's prefix in the cache.
  public var keepsContents: Bool

  /// Creates options.
  public init(path: String, keepsContents: Bool = false) {
    self.path = path
    self.keepsContents = keepsContents
  }
}

/// How far the loading of a model is.
public enum LoadingProgress: Sendable, Equatable {
  /// Bytes that were downloaded, verified or unpacked, of how many, and of what.
  case fetching(label: String, bytes: Int, total: Int?)
  /// The share of the weights that is ready, 0 to 1.
  case loading(fraction: Double)
}
