#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Standard error, as far as a progress line needs it.
enum Terminal {
  /// Whether standard error is a terminal that can draw over a line.
  static let isInteractive: Bool = {
    guard isatty(STDERR_FILENO) == 1 else { return false }
    guard let kind = unsafe getenv("TERM") else { return true }
    return unsafe strcmp(kind, "dumb") != 0
  }()

  /// The columns of the terminal; 80 if it does not say.
  static var width: Int {
    var size = winsize()
    // TIOCGWINSZ fills in the structure that it gets.
    guard unsafe ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes `text` to standard error, unbuffered; a failure is ignored, for there is nobody to tell.
  static func write(_ text: String) { _ = writeAll(text, to: STDERR_FILENO) }

  /// The seconds of a clock that never goes back.
  static var seconds: Double {
    let time = ContinuousClock.now - origin
    return Double(time.components.seconds) + Double(time.components.attoseconds) * 1e-18
  }

  private static let origin = ContinuousClock.now
}

/// Writes all of `text` to a file descriptor, unbuffered. Returns whether it could.
func writeAll(_ text: String, to descriptor: Int32) -> Bool {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    // The buffer is valid for its count during the call.
    let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
    if count < 0, errno != EINTR { return false }
    bytes = bytes.dropFirst(max(0, count))
  }
  return true
}
