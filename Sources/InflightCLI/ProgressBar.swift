internal import Catalogue
internal import Inflight
internal import Synchronization

/// A line on standard error that says how far a download or the loading of a model is.
///
/// On a terminal it is drawn over itself at most ten times a second, fits the width of the terminal, and is wiped away by
/// ``finish()``. Everywhere else nothing is written at all.
final class ProgressBar: DownloadProgress {
  private struct State {
    var meter = SpeedMeter()
    var phase: DownloadStatus.Phase?
    var lastDrawn = -1.0
    var isDrawn = false
  }

  private static let interval = 0.1
  private let isShown: Bool
  private let state = Mutex(State())

  /// A bar that is shown if standard error is a terminal and `isQuiet` is false.
  init(isQuiet: Bool = false) { isShown = !isQuiet && Terminal.isInteractive }

  func update(_ status: DownloadStatus) {
    guard isShown else { return }
    let now = Terminal.seconds
    state.withLock { state in
      let isNewPhase = state.phase != status.phase
      if isNewPhase { state.meter = SpeedMeter() }
      state.phase = status.phase
      state.meter.add(status.bytes, at: now)
      if status.phase == .delegated {
        Self.wipe(&state)
      } else {
        Self.draw(ProgressLine(status, speed: state.meter.bytesPerSecond), at: now, isNewPhase, &state)
      }
    }
  }

  /// Shows that `fraction` (0...1) of what `label` says is done.
  func update(_ label: String, fraction: Double) {
    guard isShown else { return }
    let now = Terminal.seconds
    state.withLock { state in
      let isNewPhase = state.phase != nil
      state.phase = nil
      Self.draw(ProgressLine(label: label, fraction: fraction), at: now, isNewPhase, &state)
    }
  }

  /// Shows how far the loading of a model is.
  func update(_ progress: LoadingProgress) {
    switch progress {
    case .fetching(let label, let bytes, let total):
      update(DownloadStatus(label: label, phase: .downloading, bytes: bytes, totalBytes: total))
    case .loading(let fraction): update("loading", fraction: fraction)
    }
  }

  /// Wipes the line away, so that other output begins on a clean one. The next update draws it again.
  func finish() {
    guard isShown else { return }
    state.withLock { Self.wipe(&$0) }
  }

  private static func draw(_ line: ProgressLine, at now: Double, _ isNewPhase: Bool, _ state: inout State) {
    guard isNewPhase || state.lastDrawn < 0 || now - state.lastDrawn >= interval else { return }
    state.lastDrawn = now
    state.isDrawn = true
    Terminal.write("\r" + line.text(width: Terminal.width) + "\u{1b}[K")
  }

  private static func wipe(_ state: inout State) {
    if state.isDrawn { Terminal.write("\r\u{1b}[K") }
    state.isDrawn = false
    state.lastDrawn = -1
  }
}
