import Foundation
import Testing

import Catalogue

@Suite("ZIP archives and DEFLATE")
struct ZipArchiveTests {
  /// Unpacks `m.bin` of an archive; fails the test if more than the announced size comes out.
  func unpack(_ archive: [UInt8], in scratch: ScratchDirectory) throws -> [UInt8] {
    let path = scratch.write(archive, to: "archive.zip")
    let zip = try ZipArchive(OpenFile(path, .read))
    let member = try zip.member(named: "m.bin")
    let result = Box<[UInt8]>([])
    try zip.extract(member) { bytes in
      bytes.withUnsafeBytes { result.value.append(contentsOf: $0) }
      #expect(result.value.count <= member.size)
    }
    return result.value
  }

  @Test("unpacks what Python packs", arguments: ZipFixtures.good.map(\.name))
  func unpacksGoldens(name: String) throws {
    let scratch = try ScratchDirectory()
    let fixture = try #require(ZipFixtures.good.first { $0.name == name })
    let archive = try #require(Data(base64Encoded: fixture.archive))
    let content = try unpack(Array(archive), in: scratch)
    #expect(content.count == fixture.size)
    #expect(sha256(content) == fixture.sha256)
  }

  @Test(
    "refuses what is wrong, in words",
    arguments: [
      ("bomb", "more data than the 100 bytes"), ("wrongSum", "CRC-32"), ("encrypted", "encrypted"),
      ("unknownMethod", "method 12"), ("zip64", "Zip64"), ("trailing", "unpacks to"),
      ("noDistanceYet", "before the beginning"),
    ])
  func refusesBroken(name: String, words: String) throws {
    let scratch = try ScratchDirectory()
    let fixture = try #require(ZipFixtures.broken.first { $0.name == name })
    let archive = try #require(Data(base64Encoded: fixture.archive))
    let failure = #expect(throws: ZipFailure.self) { try unpack(Array(archive), in: scratch) }
    #expect(failure?.reason.contains(words) == true, "\(failure?.reason ?? "")")
  }

  @Test("an archive that ends anywhere is an error", arguments: ["stored", "fixedCodes", "runs", "empty"])
  func truncated(name: String) throws {
    let scratch = try ScratchDirectory()
    let fixture = try #require(ZipFixtures.good.first { $0.name == name })
    let archive = Array(try #require(Data(base64Encoded: fixture.archive)))
    for count in 0..<archive.count {
      #expect(throws: ZipFailure.self, "cut at \(count)") { try unpack(Array(archive[..<count]), in: scratch) }
    }
  }

  @Test("a stream that ends anywhere is an error")
  func truncatedStream() throws {
    for name in ["dynamicCodes", "fixedCodes", "storedBlocks", "longCodes"] {
      let fixture = try #require(ZipFixtures.good.first { $0.name == name })
      let archive = Array(try #require(Data(base64Encoded: fixture.archive)))
      let stream = try rawStream(archive)
      #expect(try inflate(stream[...], limit: fixture.size) == fixture.size)
      for count in 0..<stream.count {
        #expect(throws: Inflater.Failure.self, "\(name) cut at \(count)") {
          try inflate(stream[..<count], limit: fixture.size)
        }
      }
    }
  }

  @Test("changed bits give an error or nothing worse", arguments: ZipFixtures.good.map(\.name))
  func flippedBits(name: String) throws {
    let scratch = try ScratchDirectory()
    let fixture = try #require(ZipFixtures.good.first { $0.name == name })
    let archive = Array(try #require(Data(base64Encoded: fixture.archive)))
    var random = SeededGenerator(seed: 42)
    for _ in 0..<(longTests ? 50_000 : 300) {
      var changed = archive
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        changed[Int.random(in: 0..<changed.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      }
      // A flip in a field that nobody reads changes nothing; CRC-32 sees the rest.
      if let content = try? unpack(changed, in: scratch) { #expect(sha256(content) == fixture.sha256) }
    }
  }

  @Test("random streams never trap and never give more than the limit")
  func randomStreams() {
    var random = SeededGenerator(seed: 9)
    for _ in 0..<(longTests ? 200_000 : 1500) {
      var bytes = (0..<Int.random(in: 0..<300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      // Half of them claim to be a last block with codes of its own, which random bytes seldom do.
      if !bytes.isEmpty, Bool.random(using: &random) { bytes[0] = bytes[0] & 0xf8 | 0x05 }
      let stream = bytes
      var position = 0
      var total = 0
      var inflater = Inflater(
        outputLimit: 10_000,
        source: { buffer, _ in
          buffer += stream[position...]
          position = stream.count
        }, sink: { total += $0.count })
      _ = try? inflater.run()
      #expect(total <= 10_000)
    }
  }

  @Test("the size of the pieces that arrive makes no difference", arguments: [1, 2, 7, 16, 17, 1000])
  func smallPieces(size: Int) throws {
    for fixture in ZipFixtures.good where fixture.name != "stored" {
      let stream = try rawStream(Array(try #require(Data(base64Encoded: fixture.archive))))
      #expect(try inflate(stream[...], limit: fixture.size, pieces: size) == fixture.size)
    }
  }

  /// The compressed data of `m.bin`.
  func rawStream(_ archive: [UInt8]) throws -> [UInt8] {
    let scratch = try ScratchDirectory()
    let zip = try ZipArchive(OpenFile(scratch.write(archive, to: "a.zip"), .read))
    let member = try zip.member(named: "m.bin")
    let header = member.headerOffset
    let start = header + 30 + Int(archive[header + 26]) + Int(archive[header + 28])
    return Array(archive[start..<start + member.compressedSize])
  }

  func inflate(_ stream: ArraySlice<UInt8>, limit: Int, pieces: Int = .max) throws -> Int {
    let rest = Box(stream)
    let total = Box(0)
    var inflater = Inflater(
      outputLimit: limit,
      source: { buffer, count in
        let piece = rest.value.prefix(min(pieces, count))
        buffer += piece
        rest.value = rest.value.dropFirst(piece.count)
      },
      sink: {
        total.value += $0.count
        #expect(total.value <= limit)
      })
    let (consumed, produced) = try inflater.run()
    #expect(consumed == stream.count && produced == total.value)
    return produced
  }
}

@Suite("Checksums")
struct CRC32Tests {
  @Test("the check value of the standard, in any pieces")
  func checkValue() {
    let bytes = Array("123456789".utf8)
    for cut in 0...bytes.count {
      var sum = CRC32()
      sum.update(bytes.span.extracting(0..<cut))
      sum.update(bytes.span.extracting(cut..<bytes.count))
      #expect(sum.value == 0xcbf4_3926)
    }
  }
}
