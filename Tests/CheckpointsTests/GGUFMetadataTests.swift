import Checkpoints
import TestKit
import Testing

@Suite struct GGUFMetadataTests {
  private func metadata(_ values: [(key: String, value: GGUFWriter.Value)]) throws -> GGUFMetadata {
    let tiny = try TinyCheckpoint(configJSON: TinyCheckpoint.config())
    let directory = try TemporaryDirectory()
    guard
      case .gguf(let metadata) = try Checkpoint.open(path: tiny.writeGGUF(to: directory, metadata: values)).tokenizer
    else { throw CheckpointError.missingTensor(name: "", file: "") }
    return metadata
  }

  @Test func readsEveryType() throws {
    let metadata = try metadata([
      ("u8", .uint8(200)), ("i8", .raw(type: 1, bytes: [0xfe])), ("u16", .uint16(60_000)),
      ("i16", .raw(type: 3, bytes: [0xfe, 0xff])), ("u32", .uint32(.max)), ("i32", .int32(-5)), ("f32", .float32(0.25)),
      ("yes", .bool(true)), ("no", .bool(false)), ("text", .string("é")), ("u64", .uint64(1 << 62)),
      ("i64", .int64(.min)), ("f64", .float64(-0.1)), ("strings", .strings(["a", "", "é"])),
      ("integers", .int32s([3, -4])), ("floats", .float32s([0.5, -2])), ("bools", .bools([true, false])),
      ("empty", .strings([])),
    ])
    #expect(try metadata.integer("u8") == 200)
    #expect(try metadata.integer("i8") == -2)
    #expect(try metadata.integer("u16") == 60_000)
    #expect(try metadata.integer("i16") == -2)
    #expect(try metadata.integer("u32") == 4_294_967_295)
    #expect(try metadata.integer("i32") == -5)
    #expect(try metadata.number("f32") == 0.25)
    #expect(try metadata.number("i32") == -5)
    #expect(try metadata.bool("yes") == true)
    #expect(try metadata.bool("no") == false)
    #expect(try metadata.string("text") == "é")
    #expect(try metadata.integer("u64") == 1 << 62)
    #expect(try metadata.integer("i64") == .min)
    #expect(try metadata.number("f64") == -0.1)
    #expect(try metadata.integers("integers") == [3, -4])
    #expect(try metadata.floats("floats") == [0.5, -2])
    #expect(try metadata.floats("integers") == [3, -4])
    #expect(try metadata.bools("bools") == [true, false])
    #expect(try metadata.strings("empty")?.count == 0)
    let strings = try #require(try metadata.strings("strings"))
    #expect(Array(strings) == ["a", "", "é"])
    #expect(strings.withBytes(of: 2) { $0.byteCount } == 2)
    #expect(strings.byteRange(of: 1).isEmpty)
    #expect(try metadata.string("absent") == nil)
    #expect(metadata.contains("text") && !metadata.contains("tex"))
    #expect(metadata.keys.contains("general.architecture"))
    #expect(metadata.version == 3)
  }

  @Test func refusesOtherTypesByKey() throws {
    let metadata = try metadata([
      ("text", .string("x")), ("integer", .uint32(1)), ("float", .float32(1)), ("big", .uint64(.max)),
      ("strings", .strings(["x"])), ("odd", .raw(type: 7, bytes: [2])),
      ("bytes", .raw(type: 8, bytes: [1, 0, 0, 0, 0, 0, 0, 0, 0xff])),
      (
        "nested",
        .raw(type: 9, bytes: [9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 8))
      ),
    ])
    expectRefusal("model.gguf", "text", "must be an integer", "a string") { try metadata.integer("text") }
    expectRefusal("model.gguf", "float", "must be an integer", "a float") { try metadata.integer("float") }
    expectRefusal("big", "2^63") { try metadata.integer("big") }
    expectRefusal("integer", "must be a string", "an integer") { try metadata.string("integer") }
    expectRefusal("bytes", "UTF-8") { try metadata.string("bytes") }
    expectRefusal("odd", "Boolean") { try metadata.bool("odd") }
    expectRefusal("text", "number") { try metadata.number("text") }
    expectRefusal("strings", "integers", "array") { try metadata.integers("strings") }
    expectRefusal("integer", "array of strings") { try metadata.strings("integer") }
    expectRefusal("nested", "array of numbers") { try metadata.floats("nested") }
    expectRefusal("strings", "Booleans") { try metadata.bools("strings") }
  }

  @Test func elementsNeedNotBeUTF8() throws {
    let metadata = try metadata([("tokens", .byteStrings([[0xff, 0xfe], [0x41]]))])
    let strings = try #require(try metadata.strings("tokens"))
    #expect(strings[0] == nil)
    #expect(strings[1] == "A")
    let first = strings.withBytes(of: 0) { bytes in
      (0..<bytes.byteCount).map { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
    #expect(first == [0xff, 0xfe])
  }
}
