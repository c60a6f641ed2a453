import Executor
import Requests
import Synchronization
import TestKit
import Testing

/// The stream of a request, as its reader sees it.
@Suite struct RequestOutputsTests {
  /// An executor whose passes wait at `gate`.
  private func makeExecutor(_ gate: FakeModelEngine.Gate? = nil) throws -> Executor {
    var script = FakeModelEngine.Script()
    script.gate = gate
    return try Executor(engine: FakeModelEngine(script: script))
  }

  private func request(_ maxTokens: Int, seed: UInt64 = 1) -> GenerationRequest {
    GenerationRequest(promptTokens: prompt(5, seed: seed), params: SamplingParams(maxTokens: maxTokens, seed: seed))
  }

  @Test func eventsThatCameBeforeTheFirstReadAreThere() async throws {
    let executor = try makeExecutor()
    let outputs = try executor.submit(request(7)).outputs
    await executor.shutdown(.finishing)
    let output = await outputs.collect()
    #expect(output.tokenIDs == FakeModelEngine.greedyContinuation(of: prompt(5, seed: 1), count: 7))
    #expect(output.reason == .length)
    // The end stays the end.
    #expect(await outputs.collect() == Collected())
  }

  @Test func aSlowReaderGetsEverythingInOrder() async throws {
    let executor = try makeExecutor()
    var collected = Collected()
    for await output in try executor.submit(request(200)).outputs {
      if collected.tokens.count % 9 == 0 { try await Task.sleep(for: .microseconds(500)) }
      collected.add(output)
    }
    #expect(collected.tokenIDs == FakeModelEngine.greedyContinuation(of: prompt(5, seed: 1), count: 200))
    #expect(collected.reason == .length)
  }

  @Test func manyReadersGetWhatIsTheirs() async throws {
    let executor = try makeExecutor()
    let collected = try await withThrowingTaskGroup(of: (UInt64, Collected).self) { group in
      for seed in 0..<UInt64(200) {
        let outputs = try executor.submit(request(20 + Int(seed % 10), seed: seed)).outputs
        group.addTask { (seed, await outputs.collect()) }
      }
      return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for seed in 0..<UInt64(200) {
      let tokens = FakeModelEngine.greedyContinuation(of: prompt(5, seed: seed), count: 20 + Int(seed % 10))
      #expect(collected[seed]?.tokenIDs == tokens && collected[seed]?.reason == .length)
    }
  }

  @Test func aReaderThatIsCancelledWhileItWaitsGoesOnAtOnce() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 1)
    let executor = try makeExecutor(gate)
    let outputs = try executor.submit(request(50)).outputs
    let tokenCount = Mutex(0)
    let task = Task {
      for await _ in outputs { tokenCount.withLock { $0 += 1 } }
    }
    try await waitUntil { tokenCount.withLock { $0 } == 1 }
    task.cancel()
    // The engine thread stands at the gate: nothing but the cancellation can have ended the reader.
    await task.value
    gate.open()
    let statistics = try await executor.wait { $0.activeRequestCount == 0 }
    #expect(statistics.cancelledRequestCount == 1 && statistics.usedBlockCount == 0)
    #expect(await outputs.collect() == Collected())
  }

  @Test func aCancelledTaskReadsNothing() async throws {
    let executor = try makeExecutor()
    let outputs = try executor.submit(request(3)).outputs
    _ = try await executor.wait { $0.lengthRequestCount == 1 }
    let collected = await Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return await outputs.collect()
    }.value
    #expect(collected == Collected())
  }

  @Test func aDroppedStreamCancelsItsRequest() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 2)
    let executor = try makeExecutor(gate)
    // Not read at all.
    _ = try executor.submit(request(100))
    // Left in the middle.
    for await _ in try executor.submit(request(100, seed: 2)).outputs { break }
    gate.open()
    let statistics = try await executor.wait { $0.activeRequestCount == 0 && $0.waitingRequestCount == 0 }
    #expect(statistics.cancelledRequestCount == 2 && statistics.usedBlockCount == 0)
  }

  @Test func aStreamThatWasReadToItsEndCancelsNothing() async throws {
    let abandonments = Mutex(0)
    do {
      let executor = try makeExecutor()
      #expect(try await executor.run(request(4)).reason == .length)
      await executor.shutdown()
      #expect(executor.statistics().cancelledRequestCount == 0)
    }
    do {
      let queue = OutputQueue()
      _ = RequestOutputs(queue, onAbandonment: { abandonments.withLock { $0 += 1 } })
    }
    #expect(abandonments.withLock { $0 } == 1)
  }

  @Test func ofTwoReadersTheLaterOneReads() async throws {
    let gate = FakeModelEngine.Gate(fromPass: 0)
    let executor = try makeExecutor(gate)
    let outputs = try executor.submit(request(5)).outputs
    // Either of the two may come first; one of them ends without an event, and the other gets all.
    async let first = outputs.collect()
    async let second = outputs.collect()
    try await Task.sleep(for: .milliseconds(20))
    gate.open()
    let collected = await [first, second]
    #expect(collected.map(\.tokens.count).reduce(0, +) == 5)
    #expect(collected.compactMap(\.summary).count == 1)
  }

  /// Readers that come and go at random beside a running engine: every one ends, and no request is left behind.
  @Test func cancellationsRaceWithEventsAndNothingHangs() async throws {
    let executor = try makeExecutor()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for seed in 0..<UInt64(300) {
        let outputs = try executor.submit(request(40, seed: seed)).outputs
        group.addTask {
          let reader = Task { await outputs.collect() }
          if seed % 3 != 0 {
            try? await Task.sleep(for: .microseconds(Int(seed * 7919 % 3000)))
            reader.cancel()
          }
          let collected = await reader.value
          let tokens = FakeModelEngine.greedyContinuation(of: prompt(5, seed: seed), count: 40)
          #expect(tokens.starts(with: collected.tokenIDs))
          if seed % 3 == 0 { #expect(collected.tokenIDs == tokens) }
        }
      }
      try await group.waitForAll()
    }
    let statistics = try await executor.wait { $0.activeRequestCount == 0 && $0.waitingRequestCount == 0 }
    #expect(statistics.usedBlockCount == 0)
    #expect(statistics.cancelledRequestCount + statistics.lengthRequestCount == 300)
  }
}
