internal import Requests
internal import Resources
internal import Scheduling

/// Requests that have not started, by priority (highest first) and then in the order of their arrival.
struct WaitingQueue: Sendable {
  private(set) var requests: [Request] = []

  /// Adds a request behind all of its priority and above.
  mutating func insert(_ request: Request) {
    var (low, high) = (0, requests.count)
    while low < high {
      let middle = (low + high) / 2
      if requests[middle].input.priority >= request.input.priority { low = middle + 1 } else { high = middle }
    }
    requests.insert(request, at: low)
  }

  /// What a scheduler sees of the request at `place`.
  mutating func view(at place: Int, cache: any KVCacheManaging) -> SchedulableRequest {
    requests[place].waitingView(cache: cache)
  }

  /// The request at `place`, which starts now, or nil if it has started already; ``removeStarted()`` must follow.
  mutating func start(at place: Int) -> Request? {
    guard !requests[place].hasLeftQueue else { return nil }
    let request = requests[place]
    requests[place].hasLeftQueue = true
    return request
  }

  /// Removes the requests that have started.
  mutating func removeStarted() { requests.removeAll { $0.hasLeftQueue } }

  /// Removes the requests that `isRemoved` says yes to, and returns them; keeps the order of the others.
  mutating func removeAll(where isRemoved: (Request) -> Bool) -> [Request] {
    let removed = requests.filter(isRemoved)
    if !removed.isEmpty { requests.removeAll(where: isRemoved) }
    return removed
  }
}
