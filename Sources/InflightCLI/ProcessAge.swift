#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How old this process is, so that what a user waits for counts from when the command was started.
enum ProcessAge {
  /// Milliseconds since the process was created. Linux says so to 10 ms; elsewhere it counts from the first call.
  static var milliseconds: Double {
    #if os(Linux)
      if let created { return max(0, (seconds(CLOCK_BOOTTIME) - created) * 1000) }
    #endif
    return (seconds(CLOCK_MONOTONIC) - firstCall) * 1000
  }

  private static let firstCall = seconds(CLOCK_MONOTONIC)

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    // clock_gettime fills in the structure that it gets.
    unsafe clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  #if os(Linux)
    /// Seconds after boot when the process was created: field 22 of /proc/self/stat, in clock ticks.
    private static let created: Double? = {
      // The path is a literal.
      let descriptor = unsafe open("/proc/self/stat", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      var bytes = [UInt8](repeating: 0, count: 1024)
      // The buffer is valid for its count during the call.
      let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      // The second field is the command's name in parentheses and may contain spaces.
      guard count > 0, let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")) else { return nil }
      let fields = String(decoding: bytes[(end + 1)..<count], as: UTF8.self).split(separator: " ")
      guard fields.count > 19, let ticks = Double(fields[19]) else { return nil }
      return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }()
  #endif
}
