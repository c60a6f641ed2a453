import Foundation
import InflightTestKit
import Requests
import Resources
import TestKit
import Testing

@Suite struct SnapshotTests {
  private let hash: [UInt8] = [1, 2, 3]

  private func filled() throws -> CacheBench<KVCacheManager> {
    let bench = CacheBench(blockCount: 16, tier: HostCacheTier(blockCount: 8))
    for seed in 1...6 { try bench.run(tokens(13, UInt64(seed))) }
    try bench.run(tokens(9, 7), namespace: CacheNamespace(adapterID: 5, salt: [1, 2]))
    return bench
  }

  @Test func whatWasSavedIsFoundAgain() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("", to: "cache")
    let old = try filled()
    try old.manager.save(to: path, modelHash: hash)
    let new = CacheBench(blockCount: 32)
    #expect(try new.manager.restore(from: path, modelHash: hash) == 20)
    try new.check()
    for seed in 1...6 {
      #expect(new.begin(0, tokens(13, UInt64(seed))) == 12)
      try new.check()
      new.free(0)
    }
    #expect(new.begin(0, tokens(9, 7), namespace: CacheNamespace(adapterID: 5, salt: [1, 2])) == 8)
    try new.check()
    // Restoring again changes nothing.
    #expect(try new.manager.restore(from: path, modelHash: hash) == 0)
    try new.check()
  }

  @Test func aSmallerCacheTakesWhatItHasRoomFor() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("", to: "cache")
    try filled().manager.save(to: path, modelHash: hash)
    let new = CacheBench(blockCount: 7)
    #expect(try new.manager.restore(from: path, modelHash: hash) == 7)
    try new.check()
    #expect(new.manager.capacity.free == 7)
    try new.run(tokens(25, 99))
    try new.check()
  }

  @Test func aWindowedCacheIsSavedWithItsGaps() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("", to: "cache")
    let old = CacheBench(blockCount: 8, window: 6)
    old.begin(0, tokens(40))
    while old.running[0]?.processed ?? 40 < 40 { try old.process(0, 1) }
    old.free(0)
    try old.manager.save(to: path, modelHash: hash)
    let new = CacheBench(blockCount: 8, window: 6)
    #expect(try new.manager.restore(from: path, modelHash: hash) == 8)
    try new.check()
    #expect(new.begin(0, tokens(40) + [1]) == 40)
    try new.check()
  }

  /// A file whose checksums are right and that names a block without contents twice.
  @Test func blocksThatAreNamedTwiceAreRestoredOnce() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("", to: "cache")
    var bytes: [UInt8] = Array("INFLTKV1".utf8)
    func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
      for shift in stride(from: 0, to: type(of: value).bitWidth, by: 8) {
        bytes.append(UInt8(truncatingIfNeeded: value >> shift))
      }
    }
    append(UInt32(4), to: &bytes)
    append(UInt64(32), to: &bytes)
    append(UInt64(3), to: &bytes)
    append(UInt32(hash.count), to: &bytes)
    bytes += hash
    let seed = Self.checksum(bytes)
    append(seed, to: &bytes)
    for number in 0..<3 as Range<UInt64> {
      var record: [UInt8] = []
      append(Int64(-1), to: &record)
      // A first block, with neither salt nor contents.
      record += [2, 35]
      append(UInt64(1), to: &record)
      for token in 1...4 as ClosedRange<UInt32> { append(token, to: &record) }
      append(UInt64(0), to: &record)
      append(UInt32(0), to: &record)
      append(Self.checksum(record, seed: seed &+ number), to: &record)
      bytes += record
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    for window in [6, nil] {
      let bench = CacheBench(blockCount: 8, window: window)
      #expect(try bench.manager.restore(from: path, modelHash: hash) == 0)
      try bench.check()
      for seed in 1...4 {
        try bench.run(tokens(9, UInt64(seed)))
        try bench.check()
      }
    }
  }

  /// What the format's checksum is.
  private static func checksum(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
    func fold(_ sum: UInt64, _ word: UInt64) -> UInt64 {
      let product = (sum ^ 0xE703_7ED1_A0B4_28DB).multipliedFullWidth(by: word ^ 0x8EBC_6AF0_9C88_C6E3)
      return (product.high ^ product.low) &+ (sum << 1 | sum >> 63)
    }
    var sum = fold(UInt64(bytes.count), seed ^ 0xA076_1D64_78BD_642F)
    let wholeCount = bytes.count / 8 * 8
    for start in stride(from: 0, to: wholeCount, by: 8) {
      sum = fold(sum, (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) })
    }
    return fold(sum, bytes[wholeCount...].reduce(0) { $0 << 8 | UInt64($1) })
  }

  @Test func whatDoesNotFitIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("", to: "cache")
    try filled().manager.save(to: path, modelHash: hash)
    let new = CacheBench()
    #expect(throws: CacheFileError.otherModel(path: path)) {
      try new.manager.restore(from: path, modelHash: [1, 2, 4])
    }
    #expect(throws: CacheFileError.self) {
      try CacheBench(blockSize: 8).manager.restore(from: path, modelHash: hash)
    }
    #expect(throws: CacheFileError.noStore) {
      try KVCacheManager(blockSize: 4, blockCount: 4, slotCount: 1).restore(from: path, modelHash: hash)
    }
    #expect(throws: CacheFileError.noStore) {
      try KVCacheManager(blockSize: 4, blockCount: 4, slotCount: 1).save(to: path, modelHash: hash)
    }
    #expect(throws: CacheFileError.self) { try new.manager.restore(from: "/nowhere/at/all", modelHash: hash) }
    #expect(throws: CacheFileError.self) { try new.manager.save(to: "/nowhere/at/all", modelHash: hash) }
    #expect(
      CacheFileError.otherModel(path: "x").description == "x: the saved cache belongs to another model; "
        + "delete it or save a new one")
  }

  @Test(.timeLimit(.minutes(1))) func whatIsNoFileOfOursIsSaidToBe() throws {
    let directory = try TemporaryDirectory()
    let pipe = directory.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    defer { unlink(pipe) }
    let letters = [try directory.write("a letter", to: "letter"), try directory.write("x", to: "x")]
    for path in letters + [directory.path, pipe] {
      #expect(throws: CacheFileError.foreign(path: path)) {
        try CacheBench().manager.restore(from: path, modelHash: hash)
      }
    }
    // The beginning of ours, and a file that somebody has made for us.
    for text in ["INFLTK", "", "INFLTKV1"] {
      let path = try directory.write(text, to: "cut")
      #expect(
        throws: CacheFileError.damaged(path: path, reason: "it ends in the middle, at byte \(text.utf8.count)")
      ) {
        try CacheBench().manager.restore(from: path, modelHash: hash)
      }
    }
  }

  /// Every damage is noticed, and what is in the cache afterwards is right.
  @Test func damagedFilesAreNoticed() throws {
    let directory = try TemporaryDirectory()
    let path = try directory.write("", to: "cache")
    try filled().manager.save(to: path, modelHash: hash)
    let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"
    var generator = SeededGenerator(seed: 1)
    for round in 0..<(isLong ? 20_000 : 400) {
      var bytes = good
      switch round % 4 {
      case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
      case 1: bytes[Int.random(in: 0..<bytes.count, using: &generator)] ^= UInt8.random(in: 1...255, using: &generator)
      case 2:
        let start = Int.random(in: 0..<bytes.count - 8, using: &generator)
        for offset in 0..<8 { bytes[start + offset] = Bool.random(using: &generator) ? 0xFF : 0 }
      default: bytes += [UInt8](repeating: 7, count: Int.random(in: 1...200, using: &generator))
      }
      guard bytes != good else { continue }
      let damaged = try directory.write(bytes, to: "damaged")
      let bench = CacheBench(blockCount: 32)
      #expect(throws: CacheFileError.self) { try bench.manager.restore(from: damaged, modelHash: hash) }
      try bench.manager.checkIntegrity()
      #expect(bench.manager.capacity.free == 32)
      guard round % 16 == 0 else { continue }
      for seed in 1...6 {
        bench.begin(0, tokens(13, UInt64(seed)))
        try bench.check()
        bench.free(0)
      }
    }
  }
}
