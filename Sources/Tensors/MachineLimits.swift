internal import CKernels
internal import Synchronization

/// What this machine can do at most, measured now: the denominators of a benchmark.
package struct MachineLimits: Sendable {
  /// Bytes that all threads together read from memory, in 10^9 per second.
  package var readGigabytesPerSecond: Double
  /// Multiplications and additions of bytes, in 10^9 per second.
  package var int8Gops: Double
  /// Multiplications and additions of bfloat16 (without such instructions: float32) numbers, in 10^9 per second.
  package var bfloatGflops: Double

  /// Measures on `threadCount` threads, for about a second; the best of several rounds counts.
  package static func measure(threadCount: Int) -> MachineLimits {
    let pool = WorkerPool(threadCount: threadCount)
    return MachineLimits(
      readGigabytesPerSecond: readBandwidth(pool),
      int8Gops: rate(pool) { ik_limit_int8($0) },
      bfloatGflops: rate(pool) { ik_limit_bfloat($0) })
  }

  /// Reads memory that no cache can hold, each thread its own part.
  private static func readBandwidth(_ pool: WorkerPool) -> Double {
    // Far more than any cache in all, in whole steps of the reading loop.
    let share = max(4 << 20, (512 << 20) / pool.threadCount) / 4096 * 4096
    let memory = AlignedBuffer(byteCount: share * pool.threadCount)
    let address = UInt(bitPattern: memory.base)
    // Writing gives every part pages of its own; untouched ones would all be the same page of zeros.
    pool.forEach(pool.threadCount) { part in
      guard let base = UnsafeMutableRawPointer(bitPattern: address + UInt(part * share)) else { return }
      base.initializeMemory(as: UInt8.self, repeating: 1, count: share)
    }
    var best = 0.0
    for _ in 0..<8 {
      let seconds = time {
        pool.forEach(pool.threadCount) { part in
          guard let base = UnsafeRawPointer(bitPattern: address + UInt(part * share)) else { return }
          let sum = ik_limit_read(base.assumingMemoryBound(to: UInt8.self), share)
          blackHole.value.wrappingAdd(Int64(truncatingIfNeeded: sum), ordering: .relaxed)
        }
      }
      best = max(best, Double(share * pool.threadCount) / seconds / 1e9)
    }
    withExtendedLifetime(memory) {}
    return best
  }

  private static func rate(_ pool: WorkerPool, _ loop: @Sendable @escaping (Int64) -> Int64) -> Double {
    var best = 0.0
    for _ in 0..<8 {
      let total = SharedCount()
      let seconds = time {
        pool.forEach(pool.threadCount) { _ in
          total.value.add(loop(2_000_000), ordering: .relaxed)
        }
      }
      best = max(best, Double(total.value.load(ordering: .relaxed)) / seconds / 1e9)
    }
    return best
  }

  private final class SharedCount: Sendable {
    let value = Atomic<Int64>(0)
  }

  /// Where results go that nobody needs, so that computing them cannot be left out.
  private static let blackHole = SharedCount()

  private static func time(_ body: () -> Void) -> Double {
    let duration = ContinuousClock().measure(body)
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }
}
