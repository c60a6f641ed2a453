internal import JSON
package import Logging

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Writes every message as one line on standard error: as words, or as one JSON object.
package struct LineLogHandler: LogHandler {
  /// How lines look.
  package enum Format: String, Sendable, CaseIterable {
    /// `TIME LEVEL message key=value ...`
    case text
    /// `{"time", "level", "message", ...}`
    case json
  }

  /// The least level that is written.
  package var logLevel: Logger.Level = .info
  /// Members of every line.
  package var metadata: Logger.Metadata = [:]
  private let format: Format

  /// Creates a handler.
  package init(format: Format) { self.format = format }

  /// A member of every line.
  package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  /// Writes a line.
  package func log(event: LogEvent) {
    let all = metadata.merging(event.metadata ?? [:]) { $1 }
    let pairs = all.sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    Self.write(Self.line(format, level: event.level, message: "\(event.message)", pairs: pairs, time: Timestamp.now))
  }

  /// One line, its end included.
  package static func line(
    _ format: Format, level: Logger.Level, message: String, pairs: [(String, String)], time: String
  ) -> String {
    switch format {
    case .json:
      let members: [(String, JSONValue)] = [
        ("time", .string(time)), ("level", .string(level.rawValue)), ("message", .string(message)),
      ]
      return JSONValue.object(members + pairs.map { ($0, Self.value($0, $1)) }).serialized() + "\n"
    case .text:
      let words = pairs.map { " \($0)=\(Self.quoted($1))" }.joined()
      return "\(time) \(level.rawValue) \(Self.quoted(message, allowsSpaces: true))\(words)\n"
    }
  }

  /// The members that are numbers. What others hold, which clients may have chosen, is text whatever it looks like.
  private static let numbers: Set = [
    "status", "ms", "prompt_tokens", "completion_tokens", "cached_tokens", "requests", "limit", "seconds",
    "memory_bytes", "memory_limit_bytes", "weight_bytes", "cache_bytes", "cache_tokens",
  ]

  private static func value(_ key: String, _ text: String) -> JSONValue {
    if numbers.contains(key), let number = Int64(text) { return .integer(number) }
    return .string(text)
  }

  /// The text, in quotes and escaped if it could be taken for something else: nobody can write a line of their own.
  private static func quoted(_ text: String, allowsSpaces: Bool = false) -> String {
    let isPlain = text.utf8.allSatisfy { byte in
      byte > 0x20 && byte != 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
        || byte == 0x20 && allowsSpaces
    }
    return isPlain && !text.isEmpty ? text : JSONValue.string(text).serialized()
  }

  private static func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      // The buffer is valid for its count during the call.
      let count = unsafe bytes.withUnsafeBytes { unsafe Self.systemWrite(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0, errno != EINTR { return }
      bytes = bytes.dropFirst(max(0, count))
    }
  }

  private static func systemWrite(_ descriptor: Int32, _ base: UnsafeRawPointer?, _ count: Int) -> Int {
    #if canImport(Glibc)
      unsafe Glibc.write(descriptor, base, count)
    #elseif canImport(Musl)
      unsafe Musl.write(descriptor, base, count)
    #else
      unsafe Darwin.write(descriptor, base, count)
    #endif
  }
}
