package import Decoding
package import ModelEngines
internal import Requests
package import Resources
package import Scheduling
internal import Tensors

/// The engine thread's side of an executor: everything that a step touches, and the step.
///
/// A struct, so that the compiler proves exclusive access to its parts and a step need not check it at run time. It
/// never blocks but in ``run()``, so that tests can make single steps.
package struct StepLoop {
  let engine: any ModelEngine
  var decoder: any Decoder
  let scheduler: Scheduler
  /// Whether the policies of ``scheduler`` need not be asked while nothing but generation goes on.
  let isSteady: Bool
  let resources: ResourceManager
  let limits: BatchLimits
  let mailbox: Mailbox
  let statistics: StatisticsBox
  /// Lets readers go on, or nil to do that on this thread.
  let waker: ReaderWaker?
  /// The engine's threads, if it has any to lend.
  let workers: WorkerPool?
  /// Where those who watch see the batch.
  let board: BatchBoard
  /// How much of prompts a step may process while requests generate, if there is a latency to keep.
  var prefillBudget: AdaptivePrefillBudget?
  /// Whether the blocks of a table are looked at before the engine gets them: not those of our own manager.
  let checksBlocks: Bool
  /// Who is told what happens, if anybody is.
  package var recorder: (any ExecutionRecorder)?

  /// Requests that have started, in the order in which they did. Paused ones keep their place but hold no slot.
  var active: [Request] = []
  /// Requests that have not started.
  var waiting = WaitingQueue()
  /// The requests that have more than one sample and whose samples have begun.
  var sampleGroups: [RequestID: SampleGroup] = [:]
  /// The beam searches of the active requests.
  var beamGroups: [RequestID: BeamGroup] = [:]
  /// Places for running requests that are free.
  var freeSlots: [Int]
  /// How to stop, once somebody said so.
  var shutdown: ShutdownMode?

  // What one step hands from line to line; emptied and reused by every step.
  var mail = Mail()
  var round = SchedulingRound()
  /// The active requests that policies are shown, by their places in ``active``.
  var shown: [Int] = []
  /// The slots of the running requests among them, and what the cache holds for each. Later those of the batch.
  var slots: [Int] = []
  var holdings: [BlockHoldings] = []
  var batch = StepBatch()
  var readers: [ReadyReader] = []
  var logSoftmax = LogSoftmax()
  var stopwatch = Stopwatch()
  var current = StepStatistics()
  /// Number of the step, empty ones included; from 1.
  var roundNumber = 0
  /// Whether the last step had nothing to run although requests wait.
  var isStalled = false

  /// Creates a loop that serves `mailbox` and resumes the readers of its requests on the thread that makes the steps.
  package init(
    engine: any ModelEngine, decoder: any Decoder, scheduler: Scheduler, resources: ResourceManager,
    limits: BatchLimits, mailbox: Mailbox, statistics: StatisticsBox, prefillBudget: AdaptivePrefillBudget? = nil
  ) {
    self.init(
      engine: engine, decoder: decoder, scheduler: scheduler, resources: resources, limits: limits, mailbox: mailbox,
      statistics: statistics, waker: nil, board: BatchBoard(), prefillBudget: prefillBudget)
  }

  /// Creates a loop that serves `mailbox` and hands the readers of its requests to `waker`.
  init(
    engine: any ModelEngine, decoder: any Decoder, scheduler: Scheduler, resources: ResourceManager,
    limits: BatchLimits, mailbox: Mailbox, statistics: StatisticsBox, waker: ReaderWaker?, board: BatchBoard,
    prefillBudget: AdaptivePrefillBudget?
  ) {
    self.engine = engine
    self.decoder = decoder
    self.scheduler = scheduler
    isSteady = scheduler.isSteady
    self.resources = resources
    self.limits = limits
    self.mailbox = mailbox
    self.statistics = statistics
    self.waker = waker
    self.board = board
    self.prefillBudget = prefillBudget
    checksBlocks = !(resources.cache is KVCacheManager)
    workers = (engine as? any WorkerPoolOwner)?.workerPool
    if let workers, var sampling = decoder as? SamplingDecoder {
      sampling.use(workers)
      self.decoder = sampling
    }
    freeSlots = (0..<limits.maximumRequestCount).reversed()
    active.reserveCapacity(limits.maximumRequestCount)
    stopwatch.start()
  }

  /// Whether any request is not finished. Mutating, though it changes nothing: the compiler copies the whole loop, with all of
  /// its references, for a getter that only reads.
  package var hasRequests: Bool {
    mutating get { !active.isEmpty || !waiting.requests.isEmpty }
  }

  /// Makes steps until the mailbox says to stop; sleeps while there is nothing to do.
  package mutating func run() {
    while shutdown == nil || hasRequests {
      if !hasRequests {
        statistics.becameIdle()
        mailbox.wait()
        statistics.wokeUp()
        stopwatch.start()
      } else if isStalled {
        // Nothing can run although requests wait. Only a policy of the user's can do that; ask it again soon.
        mailbox.wait(milliseconds: 1)
        stopwatch.start()
      }
      step()
    }
    // What is written to files at the end takes its time, and is no step that does not end.
    statistics.becameIdle()
    recorder?.close()
    mailbox.retire(into: &mail)
    for caller in mail.inquiries { caller.resume(returning: []) }
    for caller in mail.blockInquiries { caller.resume(returning: []) }
  }

  /// The step: in-flight batching in ten lines.
  package mutating func step() {
    begin()
    fetch()  // 1. Take new requests and cancellations out of the mailbox.
    schedule()  // 2. Who holds memory, and how many tokens does each process now?
    prepare()  // 3. Blocks for these tokens, and the batch.
    let logits = forward()  // 4. One pass of the model.
    decode(logits)  // 5. Logits to tokens, and log-probabilities of prompts.
    append()  // 6. Add the tokens to their sequences and send them; who has reached an end?
    update()  // 7. The tokens are processed: tell the resource managers, and begin further samples.
    respond()  // 8. Send the ends, and let the readers go on.
    free()  // 9. Give back what finished requests held.
    record()
  }
}
