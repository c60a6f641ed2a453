public import Requests

/// What a resource manager is told about a request.
public struct ResourceRequest: Sendable, Equatable {
  /// The request's name.
  public var id: RequestID
  /// The request's place among the running ones; no two running requests share one.
  public var slot: Int
  /// Number of tokens that were processed before this step.
  public var processedTokenCount: Int
  /// Number of tokens that this step processes.
  public var tokenCount: Int
  /// Number of tokens that the request will have if it runs to its limit.
  public var maximumTokenCount: Int
  /// A number of the caller's own: a tenant, a deadline, a class of service.
  public var tag: UInt64

  /// Creates a description.
  public init(
    id: RequestID, slot: Int, processedTokenCount: Int, tokenCount: Int, maximumTokenCount: Int, tag: UInt64 = 0
  ) {
    self.id = id
    self.tag = tag
    self.slot = slot
    self.processedTokenCount = processedTokenCount
    self.tokenCount = tokenCount
    self.maximumTokenCount = maximumTokenCount
  }

  /// The positions of the blocks of `blockSize` tokens that this step fills; empty if it fills none.
  package func filledBlocks(ofSize blockSize: Int) -> Range<Int> {
    let offset = processedTokenCount % blockSize
    let first = processedTokenCount - offset
    return first..<first + (offset + tokenCount < blockSize ? 0 : (offset + tokenCount) / blockSize * blockSize)
  }
}

/// How much of a resource there is, in the manager's own unit.
public struct ResourceCapacity: Sendable, Equatable {
  /// Units in all.
  public var total: Int
  /// Units that nobody holds.
  public var free: Int

  /// Creates a capacity.
  public init(total: Int, free: Int) {
    self.total = total
    self.free = free
  }
}

/// Something that requests need while they run: blocks of the cache, adapter pages, draft state.
///
/// For each request of a step the executor calls ``prepareResources(for:)`` before the forward pass and
/// ``updateResources(for:)`` after it, and ``freeResources(for:)`` once when the request is finished or paused, also if
/// it never got through ``prepareResources(for:)``. All calls come from one thread.
public protocol BaseResourceManager: AnyObject {
  /// What the manager manages, for messages.
  var name: String { get }

  /// How much there is.
  var capacity: ResourceCapacity { get }

  /// Number of units that `request` holds when it runs to its limit.
  func unitsToCompletion(of request: ResourceRequest) -> Int

  /// Gets what `request` needs for this step. A request's first call (again after a pause) sets it up.
  ///
  /// - Throws: if there is not enough; the request then fails alone. Nothing may be kept from the failed call.
  func prepareResources(for request: ResourceRequest) throws

  /// Takes back what ``prepareResources(for:)`` did last for `request`, since another manager could not follow suit.
  func undoPreparation(for request: ResourceRequest)

  /// The pass is over and `request`'s tokens are processed.
  func updateResources(for request: ResourceRequest)

  /// Gives back everything that `request` holds, which may be nothing.
  func freeResources(for request: ResourceRequest)
}
