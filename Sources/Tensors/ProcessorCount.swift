internal import CKernels

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// How many threads this process may run at the same time: the processors that it is allowed to use, and no more than
/// the whole processors that its control group grants.
package func availableProcessorCount() -> Int {
  #if os(Linux)
    var count = Int(ik_allowed_processors())
    if let granted = controlGroupProcessors() { count = min(count, granted) }
    return max(1, count)
  #else
    return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
  #endif
}

#if os(Linux)
  /// The quota of the control group (version 2, then version 1) in whole processors, at least 1; nil without a quota.
  private func controlGroupProcessors() -> Int? {
    if let line = lines(of: "/sys/fs/cgroup/cpu.max").first {
      let fields = line.split(separator: " ")
      guard fields.count == 2, let quota = Int(fields[0]), let period = Int(fields[1]), period > 0 else { return nil }
      return max(1, quota / period)
    }
    guard let quota = lines(of: "/sys/fs/cgroup/cpu/cpu.cfs_quota_us").first.flatMap({ Int($0) }), quota > 0,
      let period = lines(of: "/sys/fs/cgroup/cpu/cpu.cfs_period_us").first.flatMap({ Int($0) }), period > 0
    else { return nil }
    return max(1, quota / period)
  }
#endif
