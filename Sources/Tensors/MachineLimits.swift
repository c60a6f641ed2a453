internal import CKernels
internal import Synchronization

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#endif

/// What this machine can do at most, measured now: the denominators of a benchmark.
///
/// Every figure is the median of many short rounds, not the best of them: on a machine that others share (a virtual
/// server, above all), a round in which the neighbours happened to be still says nothing about the minute in which the
/// model ran. Measure before and after a run, and join both with ``merging(_:)``; ``spread`` tells how steady it was.
package struct MachineLimits: Sendable, Equatable {
  /// Bytes that all threads together read from memory, in 10^9 per second: each round.
  package private(set) var readRounds: [Double]
  /// Multiplications and additions of bytes, in 10^9 per second: each round.
  package private(set) var int8Rounds: [Double]
  /// Multiplications and additions of bfloat16 (without such instructions: float32) numbers, in 10^9 per second: each
  /// round.
  package private(set) var bfloatRounds: [Double]

  /// Limits from the rounds of their measurements; none may be empty.
  package init(readRounds: [Double], int8Rounds: [Double], bfloatRounds: [Double]) {
    precondition(!readRounds.isEmpty && !int8Rounds.isEmpty && !bfloatRounds.isEmpty)
    self.readRounds = readRounds
    self.int8Rounds = int8Rounds
    self.bfloatRounds = bfloatRounds
  }

  /// Bytes that all threads together read from memory, in 10^9 per second.
  package var readGigabytesPerSecond: Double { Self.median(readRounds) }
  /// Multiplications and additions of bytes, in 10^9 per second.
  package var int8Gops: Double { Self.median(int8Rounds) }
  /// Multiplications and additions of bfloat16 (without such instructions: float32) numbers, in 10^9 per second.
  package var bfloatGflops: Double { Self.median(bfloatRounds) }

  /// The largest distance of a quartile from its median, as a share of the median, over the three figures: above about
  /// 0.1 the machine was not steady, and the shares of a benchmark are to be read with care.
  package var spread: Double {
    [readRounds, int8Rounds, bfloatRounds].map { rounds in
      let sorted = rounds.sorted()
      let median = Self.median(rounds)
      let (low, high) = (sorted[sorted.count / 4], sorted[(3 * sorted.count) / 4])
      return max(high - median, median - low) / median
    }.max() ?? 0
  }

  /// The rounds of both measurements together.
  package func merging(_ other: MachineLimits) -> MachineLimits {
    MachineLimits(
      readRounds: readRounds + other.readRounds, int8Rounds: int8Rounds + other.int8Rounds,
      bfloatRounds: bfloatRounds + other.bfloatRounds)
  }

  /// Measures on `threadCount` threads, for about a second.
  package static func measure(threadCount: Int) -> MachineLimits {
    let pool = WorkerPool(threadCount: threadCount)
    return MachineLimits(
      readRounds: readBandwidth(pool),
      int8Rounds: rounds { rate(pool) { _ in ik_limit_int8(20_000) } },
      bfloatRounds: rounds { rate(pool) { _ in ik_limit_bfloat(20_000) } })
  }

  /// Rounds of a measurement.
  private static let roundCount = 11

  private static func rounds(_ measure: () -> Double) -> [Double] { (0..<roundCount).map { _ in measure() } }

  /// What `chunk` does per nanosecond, called on all threads over and over for a round's time.
  private static func rate(_ pool: WorkerPool, _ chunk: @escaping @Sendable (Int) -> Int64) -> Double {
    TimedRound(threadCount: pool.threadCount, nanoseconds: 25_000_000).run(pool, chunk)
  }

  /// Reads memory that no cache can hold, each thread its own part.
  ///
  /// Every page has contents of its own: a system that shares equal pages (a host of virtual machines may) could
  /// otherwise serve all of them from a cache. A thread goes on where it stopped in the round before, so that what a
  /// round reads has long left the caches.
  private static func readBandwidth(_ pool: WorkerPool) -> [Double] {
    let total = max(512 << 20, min(8 * lastLevelCacheByteCount(), availableMemory() / 4))
    let chunk = 1 << 20
    let share = max(4 * chunk, total / pool.threadCount / chunk * chunk)
    let memory = AlignedBuffer(byteCount: share * pool.threadCount)
    #if os(Linux)
      // Large pages where the system has them: else it is the address translation that is measured. Only a wish.
      madvise(memory.base, memory.byteCount, MADV_HUGEPAGE)
    #endif
    let address = UInt(bitPattern: memory.base)
    pool.forEach(pool.threadCount) { part in
      guard let base = UnsafeMutablePointer<UInt64>(bitPattern: address + UInt(part * share)) else { return }
      var value = UInt64(part + 1)
      for index in 0..<share / 8 {
        value = value &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        base[index] = value
      }
    }
    let places = (0..<pool.threadCount).map { _ in SharedCount() }
    func read(asking: Bool) -> Double {
      rate(pool) { part in
        let place = Int(places[part].value.load(ordering: .relaxed))
        guard let base = UnsafePointer<UInt8>(bitPattern: address + UInt(part * share + place)) else { return 0 }
        let sum = ik_limit_read(base, chunk, asking)
        places[part].value.store(Int64((place + chunk) % share), ordering: .relaxed)
        blackHole.value.wrappingAdd(Int64(truncatingIfNeeded: sum), ordering: .relaxed)
        return Int64(chunk)
      }
    }
    // Some processors read faster if they are asked ahead, others if they are left alone.
    let both = (0..<roundCount).map { _ in (asking: read(asking: true), alone: read(asking: false)) }
    withExtendedLifetime(memory) {}
    let (asking, alone) = (both.map(\.asking), both.map(\.alone))
    return median(asking) > median(alone) ? asking : alone
  }

  /// Where results go that nobody needs, so that computing them cannot be left out.
  private static let blackHole = SharedCount()

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
