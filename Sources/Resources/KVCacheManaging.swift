public import Requests
public import Scheduling

/// A resource manager for the blocks of the engine's cache of keys and values.
///
/// It decides which block holds which positions of which sequence; it never touches what is in them. Its protocol calls
/// as a ``BaseResourceManager`` keep each running request's block table long enough for the tokens of the step.
public protocol KVCacheManaging: BaseResourceManager {
  /// The cache as it is now, for the scheduler.
  var budget: CacheBudget { get }

  /// Begins a sequence in `slot`, which is free, and returns the number of leading tokens whose keys and values were
  /// found in the cache, at most `maximumReuse`; 0 from a manager without reuse. Blocks for the others come with
  /// ``BaseResourceManager/prepareResources(for:)``.
  func beginSequence(slot: Int, tokens: [TokenID], maximumReuse: Int) -> Int

  /// The blocks of the sequence in `slot`: entry `i` holds positions `i * blockSize ..< (i + 1) * blockSize`. Empty if
  /// there is none.
  func blockTable(forSlot slot: Int) -> [Int32]

  /// Checks that every block is free or held, by exactly those sequences that name it.
  ///
  /// - Throws: ``CacheIntegrityError`` otherwise.
  func checkIntegrity() throws(CacheIntegrityError)
}

/// A cache manager's books do not add up.
public struct CacheIntegrityError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is wrong, naming the block.
  public let description: String

  /// Creates an error.
  public init(_ description: String) { self.description = description }
}
