public import Executor
public import ModelEngines

/// How an ``LLM`` is set up. The defaults suit most machines.
public struct LLMOptions: Sendable, Equatable {
  /// The engine: threads, memory, the longest sequence.
  public var engine: EngineOptions
  /// The executor: batch size, chunks, queue.
  public var executor: ExecutorConfiguration

  /// Creates options.
  public init(engine: EngineOptions = EngineOptions(), executor: ExecutorConfiguration = ExecutorConfiguration()) {
    self.engine = engine
    self.executor = executor
  }
}

/// How far the loading of a model is.
public enum LoadingProgress: Sendable, Equatable {
  /// Bytes that were downloaded, verified or unpacked, of how many, and of what.
  case fetching(label: String, bytes: Int, total: Int?)
  /// The share of the weights that is ready, 0 to 1.
  case loading(fraction: Double)
}
