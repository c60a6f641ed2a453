internal import Synchronization

/// A question to the engine that several clients ask at a time, and to which there may be no answer: an engine that is stuck
/// answers nobody. However many ask meanwhile, and however often, one question is under way.
package final class SharedInquiry<Value: Sendable>: Sendable {
  private struct Contents {
    var isUnderWay = false
    var nextName = 0
    var waiters: [Int: (continuation: CheckedContinuation<Value?, Never>, timer: Task<Void, Never>)] = [:]
  }

  private let contents = Mutex(Contents())

  /// Creates one that nobody asks.
  package init() {}

  /// The answer that `ask` gives, or that it gave to who asked before and has not been answered; nil if there is none within
  /// `seconds`.
  package func value(within seconds: Double, ask: @escaping @Sendable () async -> Value) async -> Value? {
    await withCheckedContinuation { waiter in
      let isFirst = contents.withLock { contents in
        let name = contents.nextName
        let timer = Task { [weak self] in
          try? await Task.sleep(for: .seconds(seconds))
          self?.giveUp(name)
        }
        contents.waiters[name] = (waiter, timer)
        contents.nextName += 1
        defer { contents.isUnderWay = true }
        return !contents.isUnderWay
      }
      guard isFirst else { return }
      Task { [weak self] in
        let value = await ask()
        self?.answer(value)
      }
    }
  }

  private func answer(_ value: Value) {
    let waiters = contents.withLock { contents in
      defer { (contents.isUnderWay, contents.waiters) = (false, [:]) }
      return contents.waiters.values
    }
    for waiter in waiters {
      waiter.timer.cancel()
      waiter.continuation.resume(returning: value)
    }
  }

  private func giveUp(_ name: Int) {
    contents.withLock { $0.waiters.removeValue(forKey: name) }?.continuation.resume(returning: nil)
  }
}
