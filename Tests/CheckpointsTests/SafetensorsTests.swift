import Checkpoints
import TestKit
import Testing

@Suite struct SafetensorsTests {
  private let embedding = #""model.embed_tokens.weight":{"dtype":"BF16","shape":[96,64],"data_offsets":[0,12288]}"#

  /// Opens a directory whose weights are a header and `extraBytes` after the embedding table.
  private func open(_ header: String, extraBytes: Int = 0) throws -> Checkpoint {
    try open(SafetensorsWriter.file(header: header, data: [UInt8](repeating: 0, count: 12_288 + extraBytes)))
  }

  private func open(_ bytes: [UInt8]) throws -> Checkpoint {
    let directory = try TemporaryDirectory()
    try directory.write(TinyCheckpoint.config(), to: "config.json")
    try directory.write(bytes, to: "model.safetensors")
    return try Checkpoint.open(path: directory.path)
  }

  @Test func acceptsWhatTheFormatAllows() throws {
    #expect(try open("{\(embedding)}").tensors.count == 1)
    #expect(try open(#"{"__metadata__":{"format":"pt"},\#(embedding)}"#).tensors.count == 1)
    // No extents, and no elements.
    let small = #""s":{"dtype":"F32","shape":[],"data_offsets":[12288,12292]}"#
    let empty = #""e":{"dtype":"F16","shape":[0,7],"data_offsets":[12292,12292]}"#
    let checkpoint = try open("{\(small),\(empty),\(embedding)}", extraBytes: 4)
    #expect(try checkpoint.tensor(named: "s")?.floats() == [0])
    #expect(try checkpoint.tensor(named: "e")?.floats() == [])
    #expect(checkpoint.tensor(named: "e")?.rowByteCount == 0)
  }

  @Test func leavesRotaryFrequenciesOut() throws {
    let buffer =
      #""model.layers.0.self_attn.rotary_emb.inv_freq":{"dtype":"F64","shape":[1],"data_offsets":[12288,12296]}"#
    #expect(try open("{\(embedding),\(buffer)}", extraBytes: 8).tensors.count == 1)
  }

  @Test(arguments: [
    (#"{"x":{"dtype":"I64","shape":[1],"data_offsets":[12288,12296]},E}"#, 8, ["x", "I64", "F32, F16 and BF16"]),
    (#"{"x":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[12288,12296]},E}"#, 8, ["x", "F8_E4M3"]),
    (#"{"x":{"dtype":"F32","shape":[3],"data_offsets":[12288,12296]},E}"#, 8, ["x", "[3]", "8 bytes"]),
    (#"{"x":{"dtype":"F32","shape":[-2],"data_offsets":[12288,12296]},E}"#, 8, ["x", "natural number"]),
    (#"{"x":{"dtype":"F32","shape":[2.0],"data_offsets":[12288,12296]},E}"#, 8, ["x", "natural number"]),
    (
      #"{"x":{"dtype":"F32","shape":[4611686018427387904,4611686018427387904,0],"data_offsets":[12288,12288]},E}"#, 0,
      ["x", "cannot have"]
    ),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[12292,12300]},E}"#, 12, ["x", "hole"]),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[12284,12292]},E}"#, 4, ["x", "overlaps"]),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[12288,12296]},E}"#, 9, ["no tensor", "byte"]),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[12288,12296]},E}"#, 7, ["x", "within the file"]),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[12296,12288]},E}"#, 8, ["x", "within the file"]),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]},E}"#, 0, ["x", "within the file"]),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[12288]},E}"#, 8, ["x", "within the file"]),
    (#"{"x":{"dtype":"F32","data_offsets":[12288,12296]},E}"#, 8, ["x", "exactly"]),
    (#"{"x":{"dtype":"F32","shape":[2],"data_offsets":[12288,12296],"more":1},E}"#, 8, ["x", "exactly"]),
    (#"{"x":1,E}"#, 0, ["x", "exactly"]), (#"{E,E}"#, 0, ["model.embed_tokens.weight"]), (#"[1]"#, 0, ["JSON object"]),
    (#" {E}"#, 0, ["JSON object"]), (#"{E"#, 0, ["header", "byte"]),
    (#"{}"#, -12_288, ["model.embed_tokens.weight", "missing"]),
  ])
  func refusesWhatTheFormatForbids(header: String, extraBytes: Int, parts: [String]) throws {
    let error = #expect(throws: CheckpointError.self) {
      try open(
        header.replacing("E}", with: "\(embedding)}").replacing("{E", with: "{\(embedding)"), extraBytes: extraBytes)
    }
    for part in parts + [parts == ["model.embed_tokens.weight", "missing"] ? "" : "model.safetensors"]
    where !part.isEmpty {
      #expect(error?.description.contains(part) == true, "\(part): \(error?.description ?? "")")
    }
  }

  @Test func refusesLengthsThatLie() throws {
    for bytes in [[], [1, 2, 3], [255, 255, 255, 255, 255, 255, 255, 255, 0], [2, 0, 0, 0, 0, 0, 0, 0, 123]]
      as [[UInt8]]
    {
      expectRefusal("model.safetensors", "byte") { try open(bytes) }
    }
    expectRefusal("model.safetensors", "JSON") { try open([0, 0, 0, 0, 0, 0, 0, 0]) }
  }
}
