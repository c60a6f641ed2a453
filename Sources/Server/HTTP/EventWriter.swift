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
    try await writer.write(ByteBuffer(bytes: Self.frame(json, id: id)))
  }

  /// Sends one event with a name.
  mutating func send(named event: (name: String, json: JSONValue)) async throws {
    try await writer.write(ByteBuffer(bytes: Self.frame(event.json, name: event.name)))
  }

  /// Sends what ends a stream of OpenAI's.
  mutating func sendDone() async throws { try await writer.write(ByteBuffer(string: "data: [DONE]\n\n")) }

  /// Sends a comment, which keeps the connection alive and finds out whether the client is there.
  package mutating func sendComment() async throws { try await writer.write(ByteBuffer(string: ":\n\n")) }

  /// Ends the body.
  consuming func finish() async throws { try await writer.finish(nil) }

  /// An event as bytes. JSON as this package writes it has no line breaks, so that one line of data has it.
  package static func frame(_ json: JSONValue, id: UInt64? = nil, name: String? = nil) -> [UInt8] {
    var frame: [UInt8] = []
    if let id { frame += "id: \(id)\n".utf8 }
    if let name { frame += "event: \(name)\n".utf8 }
    frame += "data: ".utf8
    frame += json.serializedBytes()
    frame += "\n\n".utf8
    return frame
  }
}
