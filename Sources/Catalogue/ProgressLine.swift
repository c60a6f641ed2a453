/// One line that says how far something is, as text: a function of what is known and how wide the terminal is.
///
/// `smollm2-135m-instruct  [=========>          ]  48%  44.6 / 92.9 MB  11.2 MB/s  ETA 0:04`
package struct ProgressLine: Sendable {
  /// What is being done to what.
  package var label: String
  /// The part that is done, 0...1; nil if it is not known.
  package var fraction: Double?
  /// Bytes done and, if known, bytes in all; nil for something that is not counted in bytes.
  package var bytes: (done: Int, total: Int?)?
  /// Bytes per second; nil if it is not known yet.
  package var speed: Double?

  package init(label: String, fraction: Double?, bytes: (done: Int, total: Int?)? = nil, speed: Double? = nil) {
    self.label = label
    self.fraction = fraction
    self.bytes = bytes
    self.speed = speed
  }

  /// The line for a download.
  package init(_ status: DownloadStatus, speed: Double?) {
    let verb =
      switch status.phase {
      case .waiting: "waiting for another process that fetches "
      case .downloading, .delegated: ""
      case .verifying: "verifying "
      case .unpacking: "unpacking "
      }
    label = verb + status.label
    bytes = status.phase == .waiting ? nil : (status.bytes, status.totalBytes)
    fraction = status.totalBytes.map { $0 > 0 ? Double(status.bytes) / Double($0) : 1 }
    self.speed = status.phase == .waiting ? nil : speed
    if status.phase == .waiting { fraction = nil }
  }

  /// The line, of at most `width - 1` characters, so that the cursor stays on it. What matters least is left out
  /// first: the bar, the speed, the bytes; the label is shortened last.
  package func text(width: Int) -> String {
    let room = max(0, width - 1)
    let shown = String(label.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "?" : Character($0) })
    let percent = fraction.map { Self.percent($0) }
    let details = [bytesText, speedText, remainingText].compactMap(\.self)
    for count in stride(from: details.count, through: 0, by: -1) {
      let fields = [percent].compactMap(\.self) + details[..<count]
      let tail = fields.map { "  " + $0 }.joined()
      let free = room - shown.count - tail.count
      if let fraction, free >= 14 { return shown + "  " + Self.bar(fraction, width: min(free - 2, 42)) + tail }
      if free >= 0 { return shown + tail }
    }
    let tail = percent.map { "  " + $0 } ?? ""
    guard room > tail.count + 1 else { return String(tail.drop { $0 == " " }.prefix(room)) }
    return shown.prefix(room - tail.count - 1) + "…" + tail
  }

  private var bytesText: String? {
    guard let bytes else { return nil }
    guard let total = bytes.total else { return ByteCount(bytes.done).description }
    let done = ByteCount(min(bytes.done, total)).description
    let whole = ByteCount(total).description
    let unit = whole.split(separator: " ").last ?? ""
    return (done.hasSuffix(" " + unit) ? String(done.dropLast(unit.count + 1)) : done) + " / " + whole
  }

  private var speedText: String? {
    speed.flatMap { $0.isFinite && $0 >= 1 ? ByteCount(Int(min($0, 1e15))).description + "/s" : nil }
  }

  private var remainingText: String? {
    guard let speed, let bytes, let total = bytes.total, speed.isFinite, speed >= 1, bytes.done < total else {
      return nil
    }
    return "ETA " + Self.duration(seconds: Double(total - bytes.done) / speed)
  }

  /// `fraction` in whole per cent, rounded down so that 100 % means done, right-aligned.
  private static func percent(_ fraction: Double) -> String {
    let value = Int(clamped(fraction) * 100)
    return (value < 10 ? "  " : value < 100 ? " " : "") + "\(value)%"
  }

  private static func bar(_ fraction: Double, width: Int) -> String {
    let cells = width - 2
    let filled = Int(clamped(fraction) * Double(cells))
    let head = filled > 0 && filled < cells ? ">" : ""
    let body = String(repeating: "=", count: filled - head.count) + head
    return "[" + body + String(repeating: " ", count: cells - filled) + "]"
  }

  private static func clamped(_ fraction: Double) -> Double {
    fraction.isNaN ? 0 : min(max(fraction, 0), 1)
  }

  /// Minutes and seconds, or hours, minutes and seconds; rounded up to a whole second.
  private static func duration(seconds: Double) -> String {
    guard seconds < 360_000 else { return "long" }
    let whole = Int(seconds.rounded(.up))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(whole % 60))" : "\(minutes):\(two(whole % 60))"
  }
}
