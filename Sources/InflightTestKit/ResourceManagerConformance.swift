internal import Requests
public import Resources
internal import Scheduling

/// Checks what every ``BaseResourceManager`` must keep: nothing leaks, a preparation that fails or is undone leaves
/// nothing behind, and who is not too large and alone gets to its end.
///
/// What is counted is the manager's ``BaseResourceManager/capacity``. A manager under which things are used up and not given
/// back, such as a limit of rates, says that nothing is held.
public struct ResourceManagerConformance<Manager: BaseResourceManager & SendableMetatype>: Sendable {
  private let make: @Sendable () -> Manager

  /// Creates a check of the managers that `make` returns; each is used by one thread, and starts with everything free.
  public init(_ make: @escaping @Sendable () -> Manager) { self.make = make }

  /// Runs all checks with random numbers from `seeds`, the simulations included.
  ///
  /// - Throws: ``ConformanceViolation`` for the first promise that is broken.
  public func check(seeds: Range<UInt64> = 0..<200) async throws(ConformanceViolation) {
    for seed in seeds {
      try live(seed)
      try alone(seed)
    }
    let make = make
    for policy in [GuaranteedNoEvictScheduler(), MaximumUtilizationScheduler()] as [any CapacityScheduler] {
      try await ExecutorSimulation(makeResources: { _ in [make()] }) { _ in Scheduler(capacity: policy) }
        .check(seeds: seeds)
    }
  }

  /// Random lives of a few requests, whose preparations fail, are undone, and end before they have begun.
  private func live(_ seed: UInt64) throws(ConformanceViolation) {
    var generator = SeededGenerator(seed: seed)
    let manager = make()
    let total = manager.capacity.total
    var running: [Int: ResourceRequest] = [:]
    func require(_ condition: Bool, _ reason: String) throws(ConformanceViolation) {
      if !condition { throw ConformanceViolation("seed \(seed): \(manager.name): \(reason): \(manager.capacity)") }
    }
    try require(manager.capacity.free == total, "not everything is free in the beginning")
    for number in 0..<120 {
      let slot = generator.number(0...5)
      var request = running[slot] ?? Self.request(UInt64(number), slot, &generator)
      request.tokenCount = generator.number(1...max(1, request.maximumTokenCount - request.processedTokenCount))
      guard manager.unitsToCompletion(of: request) <= total else { continue }
      let free = manager.capacity.free
      do {
        try manager.prepareResources(for: request)
      } catch {
        try require(manager.capacity.free == free, "a preparation that failed has kept something, \(free) were free")
        manager.freeResources(for: request)
        running[slot] = nil
        continue
      }
      if generator.number(0...7) == 0 {
        manager.undoPreparation(for: request)
        try require(manager.capacity.free == free, "what was undone has kept something, \(free) were free")
        manager.freeResources(for: request)
        running[slot] = nil
      } else {
        manager.updateResources(for: request)
        request.processedTokenCount += request.tokenCount
        request.tokenCount = 0
        let isOver = request.processedTokenCount >= request.maximumTokenCount || generator.number(0...5) == 0
        if isOver { manager.freeResources(for: request) }
        running[slot] = isOver ? nil : request
      }
      try require(manager.capacity.total == total, "there were \(total) in all")
      try require((0...total).contains(manager.capacity.free), "more is free or held than there is")
    }
    for request in running.values.sorted(by: { $0.slot < $1.slot }) { manager.freeResources(for: request) }
    try require(manager.capacity.free == total, "something is held by nobody")
  }

  /// A request that is alone.
  private func alone(_ seed: UInt64) throws(ConformanceViolation) {
    var generator = SeededGenerator(seed: seed)
    let manager = make()
    var request = Self.request(seed, 0, &generator)
    guard manager.unitsToCompletion(of: request) <= manager.capacity.total else { return }
    while request.processedTokenCount < request.maximumTokenCount {
      request.tokenCount = generator.number(1...request.maximumTokenCount - request.processedTokenCount)
      do {
        try manager.prepareResources(for: request)
      } catch {
        throw ConformanceViolation("seed \(seed): \(manager.name): \(request) is alone and fails: \(error)")
      }
      manager.updateResources(for: request)
      request.processedTokenCount += request.tokenCount
    }
    manager.freeResources(for: request)
  }

  private static func request(_ id: UInt64, _ slot: Int, _ generator: inout SeededGenerator) -> ResourceRequest {
    ResourceRequest(
      id: RequestID(id), slot: slot, processedTokenCount: 0, tokenCount: 0, maximumTokenCount: generator.number(1...60),
      tag: UInt64(generator.number(0...2)))
  }
}
