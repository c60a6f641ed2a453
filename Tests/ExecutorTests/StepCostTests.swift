import AllocationCounter
import Decoding
import Executor
import ModelEngines
import Requests
import Resources
import Scheduling
import Tensors
import TestKit
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What a step costs besides the model's pass. Allocations are counted and asserted; times are printed only.
@Suite struct StepCostTests {
  /// The counter counts what it is there for; otherwise the other tests would prove nothing.
  @Test(.enabled(if: allocation_count_is_available()))
  func theCounterCounts() {
    let before = allocation_count()
    var numbers: [Int] = []
    for number in 0..<1000 { numbers.append(number) }
    let count = allocation_count() - before
    #expect(count > 0 && numbers.count == 1000)
  }

  @Test(.enabled(if: allocation_count_is_available()), arguments: [1, 32])
  func aWarmStepAllocatesNothing(requestCount: Int) async throws {
    var bench = try StepBench(requestCount: requestCount, vocabularySize: 97, generatedCount: 600)
    try bench.warmUp()
    let before = allocation_count()
    for _ in 0..<500 { bench.loop.step() }
    let count = allocation_count() - before
    #expect(count == 0)
    #expect(bench.statistics.snapshot().activeRequestCount == requestCount)
  }

  /// Neither do penalties and all that restricts a draw, whose state grows with every token.
  @Test(.enabled(if: allocation_count_is_available()), arguments: [(0, 0), (40, 0), (0, 0.001), (40, 0.001)])
  func aWarmStepWithEveryControlAllocatesNothing(topK: Int, minP: Float) async throws {
    var params = SamplingParams(temperature: 0.9, topK: topK, topP: 0.95, seed: 3, stopTokenIDs: [96])
    params.minP = minP
    params.typicalP = 0.99
    params.repetitionPenalty = 1.1
    params.presencePenalty = 0.1
    params.frequencyPenalty = 0.01
    params.noRepeatNGramSize = 3
    params.minTokens = 600
    params.logitBias = [5: 1]
    var bench = try StepBench(requestCount: 4, vocabularySize: 1000, generatedCount: 600, params: params)
    try bench.warmUp()
    let before = allocation_count()
    for _ in 0..<500 { bench.loop.step() }
    let count = allocation_count() - before
    #expect(count == 0)
    #expect(bench.statistics.snapshot().activeRequestCount == 4)
  }

  @Test(.enabled(if: allocation_count_is_available()))
  func aWarmReaderAllocatesNothing() async throws {
    var bench = try StepBench(requestCount: 1, vocabularySize: 97, generatedCount: 600)
    try bench.warmUp()
    var reader = bench.outputs[0].makeAsyncIterator()
    // Every event is there when it is asked for, so that the task stays on one thread.
    _ = await reader.next()
    let before = allocation_count()
    for _ in 0..<500 {
      bench.loop.step()
      _ = await reader.next()
    }
    let count = allocation_count() - before
    #expect(count == 0)
  }

  /// Prints microseconds per step with readers that wait for every token, as they do in real life.
  @Test(arguments: [1, 32], [97, 49_152])
  func timesOfAStep(requestCount: Int, vocabularySize: Int) async throws {
    let steps = StepLog()
    let executor = try Executor(
      engine: ConstantEngine(vocabularySize: vocabularySize, microsecondsPerPass: 300), onStep: { steps.append($0) })
    try await withThrowingTaskGroup(of: Int.self) { group in
      for index in 0..<requestCount {
        let outputs = try executor.submit(
          GenerationRequest(promptTokens: [TokenID(index)], params: SamplingParams(maxTokens: 300))
        ).outputs
        group.addTask { await outputs.collect().tokens.count }
      }
      for try await count in group { #expect(count == 300) }
    }
    await executor.shutdown()
    let full = steps.all.filter { $0.batchRequestCount == requestCount }.dropFirst(50)
    func median(_ part: (StepStatistics) -> UInt64) -> Double {
      let sorted = full.map(part).sorted()
      return sorted.isEmpty ? 0 : Double(sorted[sorted.count / 2]) / 1000
    }
    print(
      "step with \(requestCount) requests, \(vocabularySize) logits: median \(median(\.overheadNanoseconds)) µs "
        + "(fetch \(median(\.fetchNanoseconds)), schedule \(median(\.scheduleNanoseconds)), "
        + "prepare \(median(\.prepareNanoseconds)), decode \(median(\.decodeNanoseconds)), "
        + "respond \(median(\.respondNanoseconds)))")
  }
}

/// A loop whose steps a test makes itself, with requests under way.
private struct StepBench {
  var loop: StepLoop
  var outputs: [RequestOutputs] = []
  let statistics = StatisticsBox()
  private let mailbox = Mailbox(maximumQueuedRequests: 100)
  private let requestCount: Int
  private let generatedCount: Int
  private var params: SamplingParams
  private var nextID: UInt64 = 0

  init(
    requestCount: Int, vocabularySize: Int, generatedCount: Int,
    params: SamplingParams = SamplingParams(stopTokenIDs: [96])
  ) throws {
    (self.requestCount, self.generatedCount) = (requestCount, generatedCount)
    self.params = params
    self.params.maxTokens = generatedCount
    let engine = ConstantEngine(vocabularySize: vocabularySize)
    let geometry = engine.cacheGeometry
    loop = StepLoop(
      engine: engine, decoder: SamplingDecoder(), scheduler: Scheduler(),
      resources: ResourceManager(
        cache: KVCacheManager(
          blockSize: geometry.blockSize, blockCount: geometry.blockCount, slotCount: requestCount)),
      limits: BatchLimits(
        maximumTokenCount: 1024, maximumRequestCount: requestCount, maximumLogitsRowCount: 64,
        blockSize: geometry.blockSize), mailbox: mailbox, statistics: statistics)
    try submit()
  }

  /// Runs the first requests to their end and begins others, which find everything in place.
  mutating func warmUp() throws {
    loop.step()
    while loop.hasRequests { loop.step() }
    try submit()
    for _ in 0..<2 { loop.step() }
  }

  /// Lets go of the old requests' streams and submits as many new requests.
  mutating func submit() throws {
    outputs.removeAll()
    for index in 0..<requestCount {
      // Room for all events, since nobody reads in between.
      let queue = OutputQueue(capacity: generatedCount + 1)
      let input = GenerationRequest(
        promptTokens: [TokenID(index), 1, 2], params: params,
        endOfSequenceTokenIDs: [95])
      try mailbox.submit(
        Request(
          id: RequestID(nextID), input: input, seed: 0, maximumTokenCount: 3 + generatedCount, outputs: queue))
      outputs.append(RequestOutputs(queue))
      nextID += 1
    }
  }
}

/// An engine whose logits are always the same, and which itself costs next to nothing. It notes maxima as the CPU engine
/// does.
private final class ConstantEngine: ModelEngine {
  let limits: ModelEngineLimits
  let cacheGeometry = KVCacheGeometry(blockSize: 32, blockCount: 4096, bytesPerBlock: 1)
  private let logits: Logits
  private let microsecondsPerPass: UInt32

  init(vocabularySize: Int, microsecondsPerPass: UInt32 = 0) {
    limits = ModelEngineLimits(
      vocabularySize: vocabularySize, maximumSequenceLength: 4096, maximumBatchTokens: 1024, maximumLogitsRows: 64)
    logits = Logits(vocabularySize: vocabularySize)
    self.microsecondsPerPass = microsecondsPerPass
  }

  func forward(_ batch: ForwardBatch) throws -> Logits {
    let rowCount = batch.logitsRowCount
    if rowCount != logits.rowCount { fill(rowCount) }
    if microsecondsPerPass > 0 { usleep(microsecondsPerPass) }
    return logits
  }

  private func fill(_ rowCount: Int) {
    func logit(_ token: Int) -> Float { Float(token &* 7919 % 89) }
    logits.resize(rowCount: rowCount)
    for row in 0..<rowCount {
      logits.withMutableRow(row) { values in
        for token in values.indices { values[token] = logit(token) }
      }
    }
    logits.noteLargest()
  }
}
