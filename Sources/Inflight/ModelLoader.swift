internal import Catalogue
internal import Checkpoints
internal import Executor
internal import ModelEngines

/// Turns the name of a model into the parts of an ``LLM``.
enum ModelLoader {
  /// Finds the model, fetching it if it is not here, and opens it.
  static func open(
    _ reference: String?, progress: (@Sendable (LoadingProgress) -> Void)?
  ) async throws(InflightError) -> Checkpoint {
    do {
      let path = try await ModelCatalogue().resolve(reference, progress: progress.map(FetchObserver.init))
      return try Checkpoint.open(path: path)
    } catch {
      throw InflightError(error)
    }
  }

  /// What the engine will take of the memory.
  ///
  /// - Throws: ``InflightError`` if it is more than it may; the words say what would fit.
  static func ledger(_ checkpoint: Checkpoint, options: LLMOptions) throws(InflightError) -> MemoryLedger {
    do {
      return try MemoryLedger(
        checkpoint, options: options.engine, secondTierByteCount: options.executor.secondTier.memoryByteCount)
    } catch {
      throw InflightError(error)
    }
  }

  /// Packs the weights for this machine.
  static func engine(
    _ checkpoint: Checkpoint, options: EngineOptions, progress: (@Sendable (LoadingProgress) -> Void)?
  ) throws(InflightError) -> sending CPUModelEngine {
    let total = max(1, checkpoint.tensorByteCount)
    var done = 0
    do {
      let backend = try CPUBackend(configuration: checkpoint.configuration, options: options) { bytes in
        done += bytes
        progress?(.loading(fraction: min(1, Double(done) / Double(total))))
      }
      return try CPUModelEngine(checkpoint: checkpoint, options: options, backend: backend)
    } catch {
      throw InflightError(error)
    }
  }

  private struct FetchObserver: DownloadProgress {
    let report: @Sendable (LoadingProgress) -> Void

    init(_ report: @escaping @Sendable (LoadingProgress) -> Void) { self.report = report }

    func update(_ status: DownloadStatus) {
      report(.fetching(label: status.label, bytes: status.bytes, total: status.totalBytes))
    }
  }
}
