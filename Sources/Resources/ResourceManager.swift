/// The resource managers of an executor, in order.
///
/// Preparing and updating go through the managers in order with the cache of keys and values last, since it may depend
/// on the others; freeing goes in reverse. Preparing a request is all or nothing.
package final class ResourceManager {
  /// The manager of the engine's cache.
  package let cache: any KVCacheManaging
  /// The managers before the cache, in the order of preparation.
  private let others: [any BaseResourceManager]

  /// Creates a container of `others`, in order, and then `cache`.
  package init(cache: any KVCacheManaging, others: [any BaseResourceManager] = []) {
    self.cache = cache
    self.others = others
  }

  /// The reason why `request` could never run to its limit even alone, or nil if it could.
  package func refusal(of request: ResourceRequest) -> ResourceError? {
    for manager in others + [cache] {
      let needed = manager.unitsToCompletion(of: request)
      let total = manager.capacity.total
      if needed > total { return ResourceError(manager: manager.name, reason: "needs \(needed) units of \(total)") }
    }
    return nil
  }

  /// Gets what `request` needs for this step from every manager.
  ///
  /// - Throws: ``ResourceError`` if a manager cannot; those before it have then taken back what they did.
  package func prepareResources(for request: ResourceRequest) throws(ResourceError) {
    for index in others.indices {
      do {
        try others[index].prepareResources(for: request)
      } catch {
        undoPreparation(ofFirst: index, for: request)
        throw ResourceError(manager: others[index].name, reason: "\(error)")
      }
    }
    do {
      try cache.prepareResources(for: request)
    } catch {
      undoPreparation(ofFirst: others.count, for: request)
      throw ResourceError(manager: cache.name, reason: "\(error)")
    }
  }

  private func undoPreparation(ofFirst count: Int, for request: ResourceRequest) {
    for manager in others[..<count].reversed() { manager.undoPreparation(for: request) }
  }

  /// Tells every manager in order that `request`'s tokens are processed.
  package func updateResources(for request: ResourceRequest) {
    for index in others.indices { others[index].updateResources(for: request) }
    cache.updateResources(for: request)
  }

  /// Gives back everything that `request` holds, in reverse order.
  package func freeResources(for request: ResourceRequest) {
    cache.freeResources(for: request)
    for manager in others.reversed() { manager.freeResources(for: request) }
  }
}

/// A resource manager could not give a request what it needs.
package struct ResourceError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The manager's name.
  package let manager: String
  /// The manager's own words.
  package let reason: String

  /// Creates an error.
  package init(manager: String, reason: String) {
    self.manager = manager
    self.reason = reason
  }

  /// One line.
  package var description: String { "\(manager): \(reason)" }
}
