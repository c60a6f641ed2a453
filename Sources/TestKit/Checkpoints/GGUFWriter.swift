package import Tensors

/// Writes GGUF files for tests. It checks nothing: a test of hostile files needs to write those, too.
package struct GGUFWriter {
  /// A metadata value.
  package enum Value {
    case uint8(UInt8)
    case uint16(UInt16)
    case uint32(UInt32)
    case uint64(UInt64)
    case int32(Int32)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    case string(String)
    case strings([String])
    case byteStrings([[UInt8]])
    case int32s([Int32])
    case float32s([Float])
    case bools([Bool])
    /// Any value: the number of its type and its bytes.
    case raw(type: UInt32, bytes: [UInt8])
  }

  /// A tensor and its bytes.
  package struct Tensor {
    package var name: String
    /// The number of the type in ggml.
    package var typeNumber: UInt32
    /// Outermost first.
    package var shape: [Int]
    package var bytes: [UInt8]

    package init(name: String, type: DType, shape: [Int], bytes: [UInt8]) {
      self.name = name
      self.shape = shape
      self.bytes = bytes
      typeNumber = GGUFWriter.number(of: type)
    }
  }

  /// The version that the header names.
  package var version: UInt32 = 3
  /// The alignment of the tensors; written as metadata if it is not 32.
  package var alignment = 32
  /// The metadata, in order.
  package var metadata: [(key: String, value: Value)]
  /// The tensors, in order.
  package var tensors: [Tensor]

  package init(metadata: [(key: String, value: Value)] = [], tensors: [Tensor] = []) {
    self.metadata = metadata
    self.tensors = tensors
  }

  /// Replaces the value of `key`, or appends it.
  package mutating func set(_ key: String, _ value: Value) {
    if let index = metadata.firstIndex(where: { $0.key == key }) {
      metadata[index].value = value
    } else {
      metadata.append((key, value))
    }
  }

  /// Removes the value of `key`.
  package mutating func remove(_ key: String) { metadata.removeAll { $0.key == key } }

  /// The header alone: everything before the padding that precedes the tensor data.
  package func header() -> [UInt8] {
    var bytes = Array("GGUF".utf8)
    bytes.appendLittleEndian(version)
    bytes.appendLittleEndian(UInt64(tensors.count))
    let values = alignment == 32 ? metadata : metadata + [("general.alignment", .uint32(UInt32(alignment)))]
    bytes.appendLittleEndian(UInt64(values.count))
    for (key, value) in values {
      bytes.appendGGUF(string: Array(key.utf8))
      bytes.append(value)
    }
    var offset = 0
    for tensor in tensors {
      bytes.appendGGUF(string: Array(tensor.name.utf8))
      bytes.appendLittleEndian(UInt32(tensor.shape.count))
      for extent in tensor.shape.reversed() { bytes.appendLittleEndian(UInt64(bitPattern: Int64(extent))) }
      bytes.appendLittleEndian(tensor.typeNumber)
      bytes.appendLittleEndian(UInt64(offset))
      offset += padded(tensor.bytes.count)
    }
    return bytes
  }

  /// The whole file.
  package func bytes() -> [UInt8] {
    var bytes = header()
    for tensor in tensors {
      bytes += [UInt8](repeating: 0, count: padded(bytes.count) - bytes.count)
      bytes += tensor.bytes
    }
    return bytes
  }

  private func padded(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }

  /// ggml's number of a type.
  package static func number(of type: DType) -> UInt32 {
    switch type {
    case .f32: 0
    case .f16: 1
    case .q4_0: 2
    case .q4_1: 3
    case .q5_0: 6
    case .q5_1: 7
    case .q8_0: 8
    case .q4_K: 12
    case .q5_K: 13
    case .q6_K: 14
    case .bf16: 30
    }
  }
}

extension [UInt8] {
  /// Appends the bytes of an integer, least significant first.
  package mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
    for shift in stride(from: 0, to: value.bitWidth, by: 8) { append(UInt8(truncatingIfNeeded: value >> shift)) }
  }

  fileprivate mutating func appendGGUF(string: [UInt8]) {
    appendLittleEndian(UInt64(string.count))
    self += string
  }

  fileprivate mutating func append(_ value: GGUFWriter.Value) {
    switch value {
    case .uint8(let value): append(type: 0, value)
    case .uint16(let value): append(type: 2, value)
    case .uint32(let value): append(type: 4, value)
    case .int32(let value): append(type: 5, value)
    case .float32(let value): append(type: 6, value.bitPattern)
    case .bool(let value): append(type: 7, UInt8(value ? 1 : 0))
    case .uint64(let value): append(type: 10, value)
    case .int64(let value): append(type: 11, value)
    case .float64(let value): append(type: 12, value.bitPattern)
    case .string(let value):
      appendLittleEndian(UInt32(8))
      appendGGUF(string: Array(value.utf8))
    case .strings(let values): append(.byteStrings(values.map { Array($0.utf8) }))
    case .byteStrings(let values):
      appendArrayHead(type: 8, count: values.count)
      for value in values { appendGGUF(string: value) }
    case .int32s(let values):
      appendArrayHead(type: 5, count: values.count)
      for value in values { appendLittleEndian(value) }
    case .float32s(let values):
      appendArrayHead(type: 6, count: values.count)
      for value in values { appendLittleEndian(value.bitPattern) }
    case .bools(let values):
      appendArrayHead(type: 7, count: values.count)
      self += values.map { $0 ? 1 : 0 }
    case .raw(let type, let bytes):
      appendLittleEndian(type)
      self += bytes
    }
  }

  private mutating func append(type: UInt32, _ value: some FixedWidthInteger) {
    appendLittleEndian(type)
    appendLittleEndian(value)
  }

  private mutating func appendArrayHead(type: UInt32, count: Int) {
    appendLittleEndian(UInt32(9))
    appendLittleEndian(type)
    appendLittleEndian(UInt64(count))
  }
}
