#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The time of day.
package enum Timestamp {
  /// Seconds since 1970 and the nanoseconds of the second.
  private static var clock: (seconds: Int64, nanoseconds: Int64) {
    var time = timespec()
    // The call fills in the structure that it gets.
    _ = unsafe clock_gettime(CLOCK_REALTIME, &time)
    return (Int64(time.tv_sec), Int64(time.tv_nsec))
  }

  /// Whole seconds since 1970.
  package static var seconds: Int64 { clock.seconds }

  /// The time in UTC as RFC 3339 writes it, to the millisecond.
  package static var now: String {
    let (seconds, nanoseconds) = clock
    return words(seconds: seconds, milliseconds: nanoseconds / 1_000_000)
  }

  /// A time in UTC as RFC 3339 writes it.
  package static func words(seconds: Int64, milliseconds: Int64) -> String {
    let days = (seconds >= 0 ? seconds : seconds - 86_399) / 86_400
    let rest = seconds - days * 86_400
    // Days to a civil date: years are counted from March, so that a leap day is the last of its year.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return
      "\(year)-\(padded(month))-\(padded(day))T\(padded(rest / 3600)):\(padded(rest / 60 % 60)):\(padded(rest % 60))"
      + ".\(milliseconds < 100 ? "0" : "")\(padded(milliseconds))Z"
  }

  private static func padded(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
