import Foundation
import InflightTestKit
import Requests
import Resources
import Testing

/// Random lives of sequences with shared prefixes, forks, windows and second tiers. After every act the books add up, and
/// what every sequence would read is what an engine would have written for it alone.
@Suite struct CacheSimulationTests {
  static let scenarioCount = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1" ? 20_000 : 300

  @Test func nobodyEverReadsAnythingElse() throws {
    for seed in 0..<UInt64(Self.scenarioCount) {
      do {
        try run(seed)
      } catch {
        Issue.record("scenario \(seed): \(error)")
        return
      }
    }
  }

  private func run(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    func random(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    let window = random(0...3) == 0 ? random(1...20) : nil
    let slotCount = random(1...6)
    let blockCount = random(4...30)
    let bench = CacheBench(
      blockSize: [1, 2, 4, 8][random(0...3)], blockCount: blockCount, slotCount: slotCount, window: window,
      isReusing: random(0...9) > 0, tier: random(0...1) == 0 ? HostCacheTier(blockCount: random(0...12)) : nil)
    let names: [CacheNamespace?] = [CacheNamespace(), CacheNamespace(), CacheNamespace(adapterID: 1), nil]
    var time = 0.0
    for _ in 0..<120 {
      let slot = random(0...slotCount - 1)
      if random(0...20) == 0 {
        time += Double(random(0...5))
        bench.manager.advanceTime(to: time)
      }
      if let sequence = bench.running[slot] {
        switch random(0...9) {
        case 0...1: bench.free(slot)
        case 2:
          if let target = (0..<slotCount).first(where: { bench.running[$0] == nil }) {
            bench.manager.forkSequence(slot: slot, into: target)
            bench.running[target] = sequence
          }
        default:
          if sequence.processed == sequence.tokens.count {
            // Few different tokens, so that sequences meet again.
            bench.running[slot]?.tokens += (0..<random(1...6)).map { _ in TokenID(random(0...1)) }
          }
          let left = (bench.running[slot]?.tokens.count ?? 0) - sequence.processed
          let isPossible = (try? bench.process(slot, random(1...left))) != nil
          if !isPossible { bench.free(slot) }
        }
      } else {
        var prompt = tokens(random(0...30), UInt64(random(0...2)))
        prompt += (0..<random(1...8)).map { _ in TokenID(random(0...1)) }
        var retention = CacheRetention()
        if random(0...3) == 0 {
          retention.ranges.append(
            .init(
              start: random(0...10), priority: random(0...100),
              seconds: random(0...1) == 0 ? nil : Double(random(1...9))))
        }
        let name = names[random(0...3)]
        let expected = bench.find(prompt, namespace: name)
        let found = bench.begin(slot, prompt, namespace: name, retention: retention)
        // With a second tier there may be no room to bring back what is there.
        if bench.manager.statistics.offloadCount == 0 { #expect(found >= expected.tokenCount) }
      }
      try bench.check()
    }
    for slot in bench.running.keys { bench.free(slot) }
    try bench.check()
    #expect(bench.manager.capacity.free == blockCount)
  }
}
