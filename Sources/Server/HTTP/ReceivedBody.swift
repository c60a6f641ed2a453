internal import JSON
internal import Synchronization

/// The bytes of all bodies that are being received or worked on, together.
package final class BodyBudget: Sendable {
  /// The most bytes.
  package let limit: Int
  private let used = Atomic<Int>(0)

  /// The first bytes of a body, which are not counted: when large bodies fill the budget, small ones still get through.
  package static let freeByteCount = 1 << 14

  /// Creates a budget of which nothing is used.
  package init(limit: Int) { self.limit = limit }

  /// The bytes that are used.
  package var usedByteCount: Int { used.load(ordering: .relaxed) }

  /// Takes `count` bytes; false if there are not as many left.
  fileprivate func take(_ count: Int) -> Bool {
    guard used.add(count, ordering: .relaxed).newValue > limit else { return true }
    give(count)
    return false
  }

  fileprivate func give(_ count: Int) { used.subtract(count, ordering: .relaxed) }
}

/// The body of a request, which counts against the budget of all bodies until it goes away.
package final class ReceivedBody: Sendable {
  private struct Contents {
    var bytes: [UInt8] = []
    var takenByteCount = 0
  }

  private let budget: BodyBudget
  private let limit: Int
  private let contents = Mutex(Contents())

  /// Begins a body that may have `limit` bytes.
  package init(_ budget: BodyBudget, limit: Int) {
    self.budget = budget
    self.limit = limit
  }

  deinit { release() }

  /// The number of bytes so far.
  package var byteCount: Int { contents.withLock { $0.bytes.count } }

  /// Adds what has come.
  ///
  /// - Throws: ``APIError`` if the body is too large (413), or all bodies together are (503).
  package func append(_ piece: some Collection<UInt8>) throws(APIError) {
    let error: APIError? = contents.withLock { contents in
      let count = contents.bytes.count + piece.count
      guard count <= limit else { return .bodyTooLarge(limit: limit) }
      let needed = max(0, count - BodyBudget.freeByteCount) - contents.takenByteCount
      guard needed <= 0 || budget.take(needed) else {
        return .unavailable("too many large bodies are on their way; try again later", retryAfter: 1)
      }
      contents.takenByteCount += max(0, needed)
      contents.bytes.append(contentsOf: piece)
      return nil
    }
    if let error { throw error }
  }

  /// The JSON object that the body is, whose bytes are forgotten.
  ///
  /// - Throws: ``APIError``.
  func takeObject(depth: Int) throws(APIError) -> JSONObject {
    let bytes = contents.withLock { contents in
      defer { contents.bytes = [] }
      return contents.bytes
    }
    let json: JSONValue
    do {
      json = try JSONValue(parsing: bytes, limits: JSONLimits(depth: depth, byteCount: limit))
    } catch {
      throw APIError(400, "\(error)", code: "invalid_json")
    }
    guard let object = json.objectValue else {
      throw APIError(400, "the body must be a JSON object", code: "invalid_json")
    }
    return object
  }

  /// What was made of the body is small, or is gone: it counts no longer.
  func release() {
    let count = contents.withLock { contents in
      defer { contents = Contents() }
      return contents.takenByteCount
    }
    budget.give(count)
  }
}

extension APIError {
  /// A body has more bytes than are read.
  static func bodyTooLarge(limit: Int) -> APIError {
    APIError(413, "the body has more than \(limit) bytes", code: "body_too_large")
  }
}
