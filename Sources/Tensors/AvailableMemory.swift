internal import CKernels

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Bytes of memory that this process could use now: what the system has available, and no more than what the control
/// group's limit leaves.
package func availableMemory() -> Int {
  #if os(Linux)
    var available = Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE))) / 2
    if let line = lines(of: "/proc/meminfo").first(where: { $0.hasPrefix("MemAvailable:") }),
      let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
    {
      available = kilobytes * 1024
    }
    if let limit = lines(of: "/sys/fs/cgroup/memory.max").first.flatMap({ Int($0) }),
      let used = lines(of: "/sys/fs/cgroup/memory.current").first.flatMap({ Int($0) })
    {
      available = min(available, max(0, limit - used))
    }
    return available
  #else
    return Int(sysconf(Int32(_SC_PHYS_PAGES))) * Int(sysconf(Int32(_SC_PAGESIZE))) / 2
  #endif
}

/// The most memory that this process has held at any time, in bytes.
package func peakResidentBytes() -> Int { Int(ik_peak_resident_bytes()) }

/// Lets ``peakResidentBytes()`` begin anew from what is held now. Returns whether the system can do that.
package func resetPeakResidentBytes() -> Bool {
  #if os(Linux)
    let descriptor = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return write(descriptor, "5", 1) == 1
  #else
    return false
  #endif
}

/// The lines of a small text file of the system, or nothing.
func lines(of path: String) -> [Substring] {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { return [] }
  defer { close(descriptor) }
  var bytes = [UInt8](repeating: 0, count: 16_384)
  let count = read(descriptor, &bytes, bytes.count)
  guard count > 0 else { return [] }
  return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
}
