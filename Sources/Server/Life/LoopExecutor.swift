internal import NIOCore

/// Runs tasks on event loops instead of the pool of threads that all tasks share: on those of a group in turns, or on one.
final class LoopExecutor: TaskExecutor {
  private let group: any EventLoopGroup

  /// Runs tasks on the loops of `group`; a loop is a group of its own.
  init(_ group: any EventLoopGroup) { self.group = group }

  func enqueue(_ job: consuming ExecutorJob) {
    // The job is run exactly once, which is what the executor promises in exchange for the unowned reference.
    let job = UnownedJob(job)
    group.next().execute { unsafe job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
