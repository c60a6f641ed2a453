package import Tensors

/// An engine whose threads have nothing to do between passes, and may be lent to whoever works then.
package protocol WorkerPoolOwner {
  /// The threads; nil if there are none.
  var workerPool: WorkerPool? { get }
}

extension BackendModelEngine: WorkerPoolOwner {
  /// The threads of the backend, if it has any.
  package var workerPool: WorkerPool? { (backend as? any WorkerPoolOwner)?.workerPool }
}

extension ProfilingBackend: WorkerPoolOwner {
  /// The threads of the backend that computes, if it has any.
  package var workerPool: WorkerPool? { (base as? any WorkerPoolOwner)?.workerPool }
}

extension CPUBackend: WorkerPoolOwner {
  /// The threads of the kernels.
  package var workerPool: WorkerPool? { operations.pool }
}
