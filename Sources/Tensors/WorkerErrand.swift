internal import Synchronization

/// Something short that a thread of a ``WorkerPool`` does on its own between tasks, while the caller goes on.
package final class WorkerErrand: Sendable {
  fileprivate let body: @Sendable () -> Void

  /// An errand that is to call `body`, on any thread of the pool.
  package init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// The place where an errand lies until a thread takes it; there is room for one.
///
/// The unsafe code keeps one reference count in the slot: whoever puts an errand in adds it, and whoever takes it out, in one
/// atomic exchange, removes it.
struct ErrandSlot: ~Copyable, Sendable {
  private let errand = Atomic<UInt>(0)

  deinit { _ = take() }

  /// Whether nothing is in the slot.
  var isEmpty: Bool { errand.load(ordering: .relaxed) == 0 }

  /// Puts `new` in if nothing else is there.
  ///
  /// - Returns: whether `new` is in the slot now, and will be taken out later by whoever takes it: what happened before
  ///   this call has then happened for that thread too.
  func put(_ new: WorkerErrand) -> Bool {
    let bits = UInt(bitPattern: Unmanaged.passUnretained(new).toOpaque())
    var current: UInt = 0
    while true {
      if current == 0 { _ = Unmanaged.passRetained(new) }
      let (exchanged, original) = errand.compareExchange(
        expected: current, desired: bits, ordering: .acquiringAndReleasing)
      if exchanged { return true }
      if current == 0 { Unmanaged.passUnretained(new).release() }
      guard original == 0 || original == bits else { return false }
      current = original
    }
  }

  /// Takes out what is in the slot.
  func take() -> WorkerErrand? {
    guard let pointer = UnsafeRawPointer(bitPattern: errand.exchange(0, ordering: .acquiringAndReleasing)) else {
      return nil
    }
    return Unmanaged<WorkerErrand>.fromOpaque(pointer).takeRetainedValue()
  }

  /// Does what is in the slot, if anything is.
  func run() { take()?.body() }
}
