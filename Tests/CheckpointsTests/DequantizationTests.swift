import Checkpoints
import Foundation
import JSON
import Tensors
import TestKit
import Testing

/// Against the `gguf` Python package, bit for bit; made by scripts/goldens/dequantization.py.
@Suite struct DequantizationTests {
  @Test func everyTypeEqualsTheReference() throws {
    let url = try #require(Bundle.module.url(forResource: "Goldens/dequantization", withExtension: "json"))
    let goldens = try #require(try JSONValue(parsing: Array(Data(contentsOf: url))).arrayValue)
    var types: Set<DType> = []
    let directory = try TemporaryDirectory()
    for golden in goldens {
      let type = try #require(golden["type"]?.stringValue.flatMap { DType(rawValue: $0) })
      let blocks = try #require(golden["blocks"]?.stringValue.flatMap(bytes(hexadecimal:)))
      let values = try #require(golden["values"]?.stringValue.flatMap(bytes(hexadecimal:)))
      let count = blocks.count / type.blockBytes * type.blockElements
      #expect(values.count == 4 * count)
      // The tensor does not begin at the start of its file, as in life.
      let file = try MappedFile(path: try directory.write([1, 2, 3] + blocks, to: "blocks"))
      let tensor = TensorDescriptor(
        name: "t", storedName: "t", type: type, shape: [count], file: file, offset: 3, byteCount: blocks.count)
      let expected = stride(from: 0, to: values.count, by: 4).map { index in
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(values[index + $1]) << (8 * UInt32($1)) }
      }
      #expect(try tensor.floats().map(\.bitPattern) == expected, "\(type)")
      types.insert(type)
    }
    #expect(types == Set(DType.allCases))
  }

  #if !(os(macOS) && arch(x86_64))
    @Test func everyHalfPatternEqualsFloat16() throws {
      let patterns = UInt16.min...UInt16.max
      let directory = try TemporaryDirectory()
      var bytes: [UInt8] = []
      for pattern in patterns { bytes.appendLittleEndian(pattern) }
      let file = try MappedFile(path: try directory.write(bytes, to: "halves"))
      let tensor = TensorDescriptor(
        name: "t", storedName: "t", type: .f16, shape: [patterns.count], file: file, offset: 0, byteCount: bytes.count)
      let values = try tensor.floats()
      for (pattern, value) in zip(patterns, values) {
        let expected = Float(Float16(bitPattern: pattern))
        #expect(expected.isNaN ? value.isNaN : value.bitPattern == expected.bitPattern, "\(pattern)")
        if !expected.isNaN { #expect(TinyWeights.halfPattern(expected) == pattern) }
      }
    }

    @Test func halvesAreRoundedAsFloat16() {
      var generator = SplitMix64(seed: 4)
      for _ in 0..<20_000 {
        let value = Float(bitPattern: UInt32(truncatingIfNeeded: generator.next()))
        guard value.isFinite else { continue }
        #expect(TinyWeights.halfPattern(value) == Float16(value).bitPattern, "\(value)")
      }
    }
  #endif

  @Test func randomBlocksAreModest() throws {
    let directory = try TemporaryDirectory()
    for type in DType.allCases {
      let count = 64
      let bytes = type.randomBlocks(count: count, seed: 5)
      #expect(bytes == type.randomBlocks(count: count, seed: 5))
      #expect(bytes != type.randomBlocks(count: count, seed: 6))
      let file = try MappedFile(path: try directory.write(bytes, to: "blocks"))
      let tensor = TensorDescriptor(
        name: "t", storedName: "t", type: type, shape: [count, type.blockElements], file: file, offset: 0,
        byteCount: bytes.count)
      let values = try tensor.floats()
      #expect(values.allSatisfy { $0.magnitude < 32 })
      #expect(values.contains { $0 < 0 } && values.contains { $0 > 0 })
    }
  }

  private func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = Array(text.utf8).map { Character(Unicode.Scalar($0)).hexDigitValue }
    guard digits.count % 2 == 0 else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8((digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0)) }
  }
}
