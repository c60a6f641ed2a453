#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Now, as "2026-01-31 09:05 UTC".
func currentDate() -> String {
  var seconds = time_t()
  var parts = unsafe tm()
  // Both functions fill in the values that they get.
  unsafe time(&seconds)
  guard unsafe gmtime_r(&seconds, &parts) != nil else { return "" }
  func two(_ value: Int32) -> String { (value < 10 ? "0" : "") + "\(value)" }
  return unsafe "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) \(two(parts.tm_hour)):"
    + "\(two(parts.tm_min)) UTC"
}
