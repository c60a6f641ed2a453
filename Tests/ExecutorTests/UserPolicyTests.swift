import Executor
import Requests
import Scheduling
import Synchronization
import TestKit
import Testing

/// Admits one request at a time, the shortest first.
private struct ShortestFirst: CapacityScheduler {
  func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    let running = requests.indices.filter { requests[$0].isRunning }
    let shortest = requests.indices.min { requests[$0].maximumTokenCount < requests[$1].maximumTokenCount }
    decision.fitting = running.isEmpty ? shortest.map { [$0] } ?? [] : running
  }
}

/// Admits by need of the moment and pauses requests now and then, as a policy that overcommits memory does.
final class PausingScheduler: CapacityScheduler {
  private let generator: Mutex<SeededGenerator>

  init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }

  func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {
    var free = budget.freeBlockCount
    for index in requests.indices where requests[index].isRunning {
      if generator.withLock({ Int.random(in: 0..<16, using: &$0) }) == 0 {
        decision.paused.append(index)
        continue
      }
      // What the next tokens can need at most.
      let needed = max(
        0, budget.blockCount(forTokens: requests[index].knownTokenCount) - requests[index].allocatedBlockCount)
      if needed <= free {
        free -= needed
        decision.fitting.append(index)
      } else {
        decision.paused.append(index)
      }
    }
    for index in requests.indices where !requests[index].isRunning {
      let needed = budget.blockCount(forTokens: requests[index].knownTokenCount)
      guard needed <= free else { break }
      free -= needed
      decision.fitting.append(index)
    }
  }
}

@Suite struct UserPolicyTests {
  @Test func aUsersSchedulerDecides() async throws {
    let executor = try Executor(engine: FakeModelEngine(), scheduler: Scheduler(capacity: ShortestFirst()))
    #expect(try await BatchInvarianceTests.together(executor) == BatchInvarianceTests.alone())
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func pausedRequestsGiveTheSameAnswer(seed: UInt64) async throws {
    let executor = try Executor(
      engine: FakeModelEngine(blockCount: 60), scheduler: Scheduler(capacity: PausingScheduler(seed: seed)))
    let outputs = try await BatchInvarianceTests.together(executor)
    #expect(executor.statistics().pauseCount > 0)
    #expect(try await outputs == BatchInvarianceTests.alone())
  }

  @Test func impossiblePlansFailTheRequestsThatTheyName() async throws {
    /// Does to the request with a prompt of n tokens what n stands for.
    struct Saboteur: MicroBatchScheduler {
      func schedule(
        _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
      ) {
        for index in fitting {
          let pending = requests[index].pendingTokenCount
          let counts: [Int] =
            switch pending {
            case 2: [0]
            case 3: [4]
            case 4: [2, 2]
            case 5: [-1]
            default: [pending]
            }
          for count in counts { plan.entries.append(MicroBatchPlan.Entry(requestIndex: index, tokenCount: count)) }
        }
      }
    }
    let executor = try Executor(engine: FakeModelEngine(), scheduler: Scheduler(microBatch: Saboteur()))
    let submissions = try (1...6).map {
      try executor.submit(
        GenerationRequest(promptTokens: prompt($0, seed: UInt64($0)), params: SamplingParams(maxTokens: 7)))
    }
    var messages: [String] = []
    for submission in submissions {
      let reason = await submission.outputs.collect().reason
      if case .failed(let failure) = reason {
        messages.append(failure.description)
      } else {
        messages.append(reason?.name ?? "")
      }
    }
    #expect(
      messages == [
        "length", "scheduling failed: the plan processes 0 tokens, but 2 are pending",
        "scheduling failed: the plan processes 4 tokens, but 3 are pending",
        "scheduling failed: the plan names the request twice",
        "scheduling failed: the plan processes -1 tokens, but 5 are pending", "length",
      ])
    #expect(try await executor.wait { $0.activeRequestCount == 0 }.usedBlockCount == 0)
  }

  @Test func plansBeyondTheBudgetsFailWhatIsTooMuch() async throws {
    struct Greedy: MicroBatchScheduler {
      func schedule(
        _ requests: [SchedulableRequest], fitting: [Int], limits: BatchLimits, into plan: inout MicroBatchPlan
      ) {
        for index in fitting {
          plan.entries.append(
            MicroBatchPlan.Entry(requestIndex: index, tokenCount: requests[index].pendingTokenCount))
        }
      }
    }
    let executor = try Executor(
      engine: FakeModelEngine(maximumBatchTokens: 10), scheduler: Scheduler(microBatch: Greedy()))
    let large = try await executor.run(GenerationRequest(promptTokens: prompt(11, seed: 1)))
    #expect(large.reason == .failed(.scheduling("the plan has 11 tokens or more, the limit is 10")))
    #expect(
      try await executor.run(GenerationRequest(promptTokens: [1], params: SamplingParams(maxTokens: 3))).reason
        == .length)
  }

  @Test func aPolicyThatRunsNobodyIsAStateToExplain() async throws {
    struct Nobody: CapacityScheduler {
      func schedule(_ requests: [SchedulableRequest], budget: CacheBudget, into decision: inout CapacityDecision) {}
    }
    let executor = try Executor(engine: FakeModelEngine(), scheduler: Scheduler(capacity: Nobody()))
    let submission = try executor.submit(GenerationRequest(promptTokens: [1]))
    let statistics = try await executor.wait { $0.emptyStepCount > 3 }
    #expect(statistics.waitingRequestCount == 1 && statistics.stepCount == 0)
    #expect(
      await executor.explainWaiting() == [SchedulingExplanation(id: submission.id, cause: .policy)])
    #expect(executor.statistics().secondsSinceProgress > 0)
    executor.cancel(submission.id)
    #expect(await submission.outputs.collect().reason == .cancelled)
    await executor.shutdown()
  }
}
