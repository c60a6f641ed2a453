import Checkpoints
import Tensors
import TestKit
import Testing

/// The hash of a model: the same for the same, another for anything else.
@Suite struct ContentHashTests {
  private func hash(_ config: String, threads: Int = 1, change: Int? = nil, gguf: Bool = false) throws -> [UInt8] {
    let directory = try TemporaryDirectory()
    let tiny = try TinyCheckpoint(configJSON: config)
    var path = directory.path
    if gguf {
      path = try directory.write(tiny.gguf().bytes(), to: "model.gguf")
    } else {
      try tiny.writeHuggingFace(to: directory)
    }
    let checkpoint = try Checkpoint.open(path: path)
    guard let change else { return checkpoint.contentHash(pool: WorkerPool(threadCount: threads)) }
    let tensor = checkpoint.tensors[change % checkpoint.tensors.count]
    var bytes = tensor.file.withBytes { span in
      (0..<span.byteCount).map { span.littleEndian(at: $0, as: UInt8.self) ?? 0 }
    }
    bytes[tensor.offset + change % tensor.byteCount] ^= 1
    let copy = try directory.write(bytes, to: "model.safetensors")
    return try Checkpoint.open(path: gguf ? copy : path).contentHash(pool: WorkerPool(threadCount: threads))
  }

  @Test func itIsTheSameOnAnyNumberOfThreads() throws {
    let config = TinyCheckpoint.config()
    let expected = try hash(config)
    #expect(expected.count == 32)
    for threads in 1...3 { #expect(try hash(config, threads: threads) == expected) }
  }

  @Test func anyBitOfAnyTensorCounts() throws {
    let config = TinyCheckpoint.config()
    var seen: Set<[UInt8]> = [try hash(config)]
    for change in [0, 1, 5, 77, 1234, 99_991] { #expect(seen.insert(try hash(config, change: change)).inserted) }
  }

  @Test func theConfigurationAndTheFormatCount() throws {
    var seen: Set<[UInt8]> = [try hash(TinyCheckpoint.config())]
    for change in [
      "10000.0": "20000.0", "1e-05": "1e-06", "\"max_position_embeddings\": 128": "\"max_position_embeddings\": 64",
    ] {
      let config = TinyCheckpoint.config().replacing(change.key, with: change.value)
      #expect(seen.insert(try hash(config)).inserted, "\(change)")
    }
    // The rows of some tensors are stored in another order there.
    #expect(seen.insert(try hash(TinyCheckpoint.config(), gguf: true)).inserted)
  }

  @Test func everyPlaceOfAPieceCounts() {
    var generator = SplitMix64(seed: 3)
    for count in [0, 1, 7, 8, 31, 32, 33, 100] {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      func digest(_ bytes: [UInt8]) -> [UInt8] {
        var hash = ContentHash()
        hash.add(bytes)
        return hash.digest()
      }
      var seen: Set<[UInt8]> = [digest(bytes), digest(bytes + [0])]
      #expect(seen.count == 2)
      for place in bytes.indices {
        for bit in 0..<8 {
          var other = bytes
          other[place] ^= 1 << UInt8(bit)
          #expect(seen.insert(digest(other)).inserted, "bit \(bit) of byte \(place) of \(count)")
        }
      }
    }
  }

  @Test func whereAPieceEndsCounts() {
    var (one, two) = (ContentHash(), ContentHash())
    one.add([1, 2, 3])
    two.add([1, 2])
    two.add([3])
    #expect(one.digest() != two.digest())
  }
}
