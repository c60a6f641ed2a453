#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Where `strftime_now` takes the time from; tests and reproducible servers put a fixed one in.
package struct TemplateClock: Sendable {
  /// A moment, taken apart by a calendar.
  package struct Moment: Sendable {
    /// In the Gregorian calendar.
    package var year: Int
    /// From 1 to 12.
    package var month: Int
    /// From 1 to 31.
    package var day: Int
    /// From 0 to 23.
    package var hour: Int
    /// From 0 to 59.
    package var minute: Int
    /// From 0 to 60.
    package var second: Int

    /// A moment of these parts.
    package init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
      self.year = year
      self.month = month
      self.day = day
      self.hour = hour
      self.minute = minute
      self.second = second
    }
  }

  /// The present moment.
  package let now: @Sendable () -> Moment

  /// A clock that reads `now`.
  package init(now: @escaping @Sendable () -> Moment) { self.now = now }

  /// The system's clock in its local time zone.
  package static let system = TemplateClock {
    var seconds = time_t()
    var parts = unsafe tm()
    unsafe time(&seconds)
    unsafe localtime_r(&seconds, &parts)
    return unsafe Moment(
      year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
      hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec))
  }
}

/// A directive of `strftime` that is not supported.
struct DateFormatError: Error, CustomStringConvertible {
  /// The directive with its percent sign.
  let directive: String

  var description: String { "the directive '\(directive)' of 'strftime_now' is not supported" }
}

extension TemplateClock.Moment {
  private static let months = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
  ]
  private static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

  /// Days since 1 January 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
  private func dayNumber(year: Int, month: Int, day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = (shifted >= 0 ? shifted : shifted - 399) / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// From 0 for Sunday.
  private var weekday: Int { ((dayNumber(year: year, month: month, day: day) + 4) % 7 + 7) % 7 }

  /// From 1.
  private var dayOfYear: Int {
    dayNumber(year: year, month: month, day: day) - dayNumber(year: year, month: 1, day: 1) + 1
  }

  /// The moment as `strftime` writes it in the C locale.
  func formatted(_ format: String) throws(DateFormatError) -> String {
    var result = ""
    var scalars = format.unicodeScalars.makeIterator()
    while let scalar = scalars.next() {
      guard scalar == "%" else {
        result.unicodeScalars.append(scalar)
        continue
      }
      guard var directive = scalars.next() else { throw DateFormatError(directive: "%") }
      let isUnpadded = directive == "-"
      if isUnpadded {
        guard let next = scalars.next() else { throw DateFormatError(directive: "%-") }
        directive = next
      }
      guard let text = text(of: directive, padding: isUnpadded ? "" : "0") else {
        throw DateFormatError(directive: "%\(isUnpadded ? "-" : "")\(directive)")
      }
      result += text
    }
    return result
  }

  private func text(of directive: Unicode.Scalar, padding: String) -> String? {
    func padded(_ value: Int, _ width: Int = 2, _ fill: String? = nil) -> String {
      let digits = String(value)
      guard !padding.isEmpty else { return digits }
      return String(repeating: fill ?? padding, count: max(0, width - digits.utf8.count)) + digits
    }
    let twelve = hour % 12 == 0 ? 12 : hour % 12
    let monthName = Self.months[min(max(month - 1, 0), 11)]
    switch directive {
    case "a": return String(Self.weekdays[weekday].prefix(3))
    case "A": return Self.weekdays[weekday]
    case "b", "h": return String(monthName.prefix(3))
    case "B": return monthName
    case "c":
      return "\(Self.weekdays[weekday].prefix(3)) \(monthName.prefix(3)) \(padded(day, 2, " ")) "
        + "\(padded(hour)):\(padded(minute)):\(padded(second)) \(year)"
    case "C": return padded(year / 100)
    case "d": return padded(day)
    case "D", "x": return "\(padded(month))/\(padded(day))/\(padded(year % 100))"
    case "e": return padded(day, 2, " ")
    case "F": return "\(year)-\(padded(month))-\(padded(day))"
    case "H": return padded(hour)
    case "I": return padded(twelve)
    case "j": return padded(dayOfYear, 3)
    case "k": return padded(hour, 2, " ")
    case "l": return padded(twelve, 2, " ")
    case "m": return padded(month)
    case "M": return padded(minute)
    case "n": return "\n"
    case "p": return hour < 12 ? "AM" : "PM"
    case "P": return hour < 12 ? "am" : "pm"
    case "r": return "\(padded(twelve)):\(padded(minute)):\(padded(second)) \(hour < 12 ? "AM" : "PM")"
    case "R": return "\(padded(hour)):\(padded(minute))"
    case "S": return padded(second)
    case "t": return "\t"
    case "T", "X": return "\(padded(hour)):\(padded(minute)):\(padded(second))"
    case "u": return String(weekday == 0 ? 7 : weekday)
    case "w": return String(weekday)
    case "y": return padded(year % 100)
    case "Y": return String(year)
    case "%": return "%"
    default: return nil
    }
  }
}
