internal import Inflight
internal import JSON
internal import Synchronization

/// The newest events of the cache, for any number of readers.
final class CacheEventLog: Sendable {
  private struct Contents {
    var events: [NumberedCacheEvent] = []
    /// Events that were forgotten from the front of ``events`` but not removed yet.
    var forgottenCount = 0
  }

  /// The most events that are kept.
  private static let capacity = 65_536
  /// The most events that a reader is handed at a time.
  private static let batch = 1024
  private let contents = Mutex(Contents())

  /// Adds an event.
  func append(_ event: NumberedCacheEvent) {
    contents.withLock { contents in
      contents.events.append(event)
      if contents.events.count - contents.forgottenCount > Self.capacity { contents.forgottenCount += 1 }
      if contents.forgottenCount > Self.capacity {
        contents.events.removeFirst(contents.forgottenCount)
        contents.forgottenCount = 0
      }
    }
  }

  /// The number of the oldest event that is kept; 0 if there is none.
  var firstNumber: UInt64 {
    contents.withLock { $0.events.isEmpty ? 0 : $0.events[$0.forgottenCount].number }
  }

  /// The event that a reader who has seen number `seen` gets next: the oldest there is, if that number was never given, as
  /// after a new start.
  func number(after seen: UInt64) -> UInt64 {
    contents.withLock { contents in
      guard let last = contents.events.last, seen <= last.number else {
        return contents.events.isEmpty ? 0 : contents.events[contents.forgottenCount].number
      }
      return seen + 1
    }
  }

  /// Events from number `number` on, or from the oldest that is kept; at most some at a time.
  func events(from number: UInt64) -> [NumberedCacheEvent] {
    contents.withLock { contents in
      guard let last = contents.events.last, last.number >= number else { return [] }
      // Numbers have no gaps but where a reader of the engine was too slow.
      var index = contents.forgottenCount
      let first = contents.events[index].number
      if number > first { index = min(contents.events.count - 1, index + Int(clamping: number - first)) }
      while index > contents.forgottenCount, contents.events[index - 1].number >= number { index -= 1 }
      return Array(contents.events[index..<min(contents.events.count, index + Self.batch)])
    }
  }

  /// An event on the wire. Hashes are text, since JSON readers lose the last bits of large numbers.
  static func json(_ numbered: NumberedCacheEvent) -> JSONValue {
    func name(_ hash: UInt64) -> JSONValue { .string(String(hash, radix: 16)) }
    let members: [(String, JSONValue)] =
      switch numbered.event {
      case .stored(let block):
        [
          ("type", "stored"), ("hash", name(block.hash)), ("parent_hash", name(block.parentHash)),
          ("token_ids", .array(block.tokens.map { .integer(Int64($0)) })),
        ]
      case .offloaded(let hash): [("type", "offloaded"), ("hash", name(hash))]
      case .restored(let hash): [("type", "restored"), ("hash", name(hash))]
      case .removed(let hash): [("type", "removed"), ("hash", name(hash))]
      }
    return .object([("number", .integer(Int64(clamping: numbered.number)))] + members)
  }
}
