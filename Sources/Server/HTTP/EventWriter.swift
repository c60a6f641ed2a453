internal import Hummingbird
package import JSON
internal import NIOCore

/// Server-sent events on the wire: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
///
/// Events that are added one after another go out together, with the next flush or the end of the body.
package struct EventWriter {
  private var writer: any ResponseBodyWriter
  private var buffer = ByteBuffer()

  /// Writes to the body of an answer.
  init(_ writer: any ResponseBodyWriter) { self.writer = writer }

  /// Adds an event whose JSON is written already, in pieces. Sends what was added if that is much.
  mutating func add(_ pieces: [UInt8]...) async throws {
    buffer.writeStaticString("data: ")
    for piece in pieces { buffer.writeBytes(piece) }
    buffer.writeStaticString("\n\n")
    if buffer.readableBytes > Self.maximumBytes { try await flush() }
  }

  /// The most bytes that wait for what comes with them.
  private static let maximumBytes = 1 << 15

  /// Adds an event, with a number and a name if there are any. Sends what was added if that is much.
  mutating func add(_ json: JSONValue, id: UInt64? = nil, name: String? = nil) async throws {
    buffer.writeBytes(Self.frame(json, id: id, name: name))
    if buffer.readableBytes > Self.maximumBytes { try await flush() }
  }

  /// Adds an event with a name.
  mutating func add(named event: (name: String, json: JSONValue)) async throws {
    try await add(event.json, name: event.name)
  }

  /// Adds what ends a stream of OpenAI's.
  mutating func addDone() { buffer.writeStaticString("data: [DONE]\n\n") }

  /// Sends what was added. Waits while the client does not read.
  package mutating func flush() async throws {
    guard buffer.readableBytes > 0 else { return }
    try await writer.write(buffer)
    buffer.clear(minimumCapacity: 512)
  }

  /// Sends a comment, which keeps the connection alive and finds out whether the client is there.
  package mutating func sendComment() async throws { try await writer.write(ByteBuffer(string: ":\n\n")) }

  /// Ends the body.
  consuming func finish() async throws {
    try await flush()
    try await writer.finish(nil)
  }

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
