internal import Hummingbird
package import JSON
internal import NIOCore

/// Server-sent events on the wire: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
package struct EventWriter {
  private var writer: any ResponseBodyWriter

  /// Writes to the body of an answer.
  init(_ writer: any ResponseBodyWriter) { self.writer = writer }

  /// Sends one event. Waits while the client does not read.
  package mutating func send(_ json: JSONValue, id: UInt64? = nil) async throws {
    try await send(text: json.serialized(), id: id)
  }

  /// Sends one event of one line of text.
  package mutating func send(text: String, id: UInt64? = nil) async throws {
    try await writer.write(ByteBuffer(string: Self.frame(text, id: id)))
  }

  /// Sends one event with a name.
  mutating func send(named event: (name: String, json: JSONValue)) async throws {
    try await writer.write(ByteBuffer(string: "event: \(event.name)\n" + Self.frame(event.json.serialized())))
  }

  /// Sends a comment, which keeps the connection alive and finds out whether the client is there.
  package mutating func sendComment() async throws { try await writer.write(ByteBuffer(string: ":\n\n")) }

  /// Ends the body.
  consuming func finish() async throws { try await writer.finish(nil) }

  /// An event as text. JSON as this package writes it has no line breaks; those of other texts make more data lines.
  package static func frame(_ text: String, id: UInt64? = nil) -> String {
    var frame = id.map { "id: \($0)\n" } ?? ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) { frame += "data: \(line)\n" }
    return frame + "\n"
  }
}
