/// The budgets of an executor. What the engine can take is an upper limit to all of them.
public struct ExecutorConfiguration: Sendable, Equatable {
  /// Most requests that run at a time.
  public var maximumBatchSize: Int
  /// Most tokens in one forward pass.
  public var maximumBatchTokens: Int
  /// Most tokens of one prompt in one forward pass, or nil for no limit but that of the batch. A smaller one keeps the
  /// inter-token latency of running requests low while a long prompt enters.
  public var maximumChunkSize: Int?
  /// Most requests that may wait; a submission beyond is refused.
  public var maximumQueuedRequests: Int

  /// Creates a configuration.
  public init(
    maximumBatchSize: Int = 256, maximumBatchTokens: Int = 8192, maximumChunkSize: Int? = nil,
    maximumQueuedRequests: Int = 4096
  ) {
    self.maximumBatchSize = maximumBatchSize
    self.maximumBatchTokens = maximumBatchTokens
    self.maximumChunkSize = maximumChunkSize
    self.maximumQueuedRequests = maximumQueuedRequests
  }

  /// Returns the configuration if every number is positive.
  ///
  /// - Throws: ``ExecutorConfigurationError`` for the first that is not.
  func validated() throws(ExecutorConfigurationError) -> ExecutorConfiguration {
    let values = [
      ("maximumBatchSize", maximumBatchSize), ("maximumBatchTokens", maximumBatchTokens),
      ("maximumChunkSize", maximumChunkSize ?? 1), ("maximumQueuedRequests", maximumQueuedRequests),
    ]
    for (name, value) in values where value < 1 {
      throw ExecutorConfigurationError("\(name) is \(value); it must be at least 1")
    }
    return self
  }
}

/// An executor cannot be made of the parts and numbers that it was given.
public struct ExecutorConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// One line that says what is wrong.
  public let description: String

  /// Creates an error.
  public init(_ description: String) { self.description = description }
}
