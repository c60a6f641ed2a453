internal import Tensors

extension GGUFMetadata {
  /// The string at `key`.
  ///
  /// - Throws: ``CheckpointError/invalidConfiguration(file:key:problem:)`` if it is no string or not UTF-8, as all
  ///   accessors do for other types.
  package func string(_ key: String) throws(CheckpointError) -> String? {
    guard let entry = entry(key) else { return nil }
    guard entry.type == .string else { throw wrongType(entry, expected: "a string") }
    let text = file.withBytes { bytes in
      let start = entry.offset + 8
      return bytes.text(start..<start + bytes.integer(entry.offset, as: Int.self))
    }
    guard let text else {
      throw .invalidConfiguration(file: file.path, key: key, problem: "is not UTF-8")
    }
    return text
  }

  /// The integer of any width at `key`, if it fits an `Int`.
  package func integer(_ key: String) throws(CheckpointError) -> Int? {
    guard let entry = entry(key) else { return nil }
    guard let value = file.withBytes({ Self.integer($0, entry.offset, entry.type) }) else {
      throw wrongType(entry, expected: "an integer below 2^63")
    }
    return value
  }

  /// The float or integer of any width at `key`.
  package func number(_ key: String) throws(CheckpointError) -> Double? {
    guard let entry = entry(key) else { return nil }
    guard let value = file.withBytes({ Self.number($0, entry.offset, entry.type) }) else {
      throw wrongType(entry, expected: "a number")
    }
    return value
  }

  /// The Boolean at `key`.
  package func bool(_ key: String) throws(CheckpointError) -> Bool? {
    guard let entry = entry(key) else { return nil }
    guard let value = file.withBytes({ Self.bool($0, entry.offset, entry.type) }) else {
      throw wrongType(entry, expected: "a Boolean, 0 or 1")
    }
    return value
  }

  /// The array of strings at `key`, in place; nothing is made per element.
  package func strings(_ key: String) throws(CheckpointError) -> GGUFStringArray? {
    guard let entry = entry(key) else { return nil }
    guard entry.elementType == .string else { throw wrongType(entry, expected: "an array of strings") }
    return GGUFStringArray(file: file, starts: entry.stringStarts)
  }

  /// The array of integers of any width at `key`.
  package func integers(_ key: String) throws(CheckpointError) -> [Int]? {
    try array(key, expected: "an array of integers", Self.integer)
  }

  /// The array of floats of either width, or of integers, at `key`, as float32.
  package func floats(_ key: String) throws(CheckpointError) -> [Float]? {
    try array(key, expected: "an array of numbers") { bytes, offset, type in
      Self.number(bytes, offset, type).map { Float($0) }
    }
  }

  /// The array of Booleans at `key`.
  package func bools(_ key: String) throws(CheckpointError) -> [Bool]? {
    try array(key, expected: "an array of Booleans", Self.bool)
  }

  private func array<Element>(
    _ key: String, expected: String, _ element: (RawSpan, Int, GGUFValueType) -> Element?
  ) throws(CheckpointError) -> [Element]? {
    guard let entry = entry(key) else { return nil }
    guard let type = entry.elementType, let size = type.byteCount else { throw wrongType(entry, expected: expected) }
    let elements = file.withBytes { bytes -> [Element]? in
      var elements: [Element] = []
      elements.reserveCapacity(entry.count)
      for index in 0..<entry.count {
        guard let value = element(bytes, entry.offset + index * size, type) else { return nil }
        elements.append(value)
      }
      return elements
    }
    guard let elements else { throw wrongType(entry, expected: expected) }
    return elements
  }

  private static func integer(_ bytes: RawSpan, _ offset: Int, _ type: GGUFValueType) -> Int? {
    switch type {
    case .uint8: Int(bytes.byte(offset))
    case .int8: Int(Int8(bitPattern: bytes.byte(offset)))
    case .uint16: Int(bytes.integer(offset, as: UInt16.self))
    case .int16: Int(bytes.integer(offset, as: Int16.self))
    case .uint32: Int(bytes.integer(offset, as: UInt32.self))
    case .int32: Int(bytes.integer(offset, as: Int32.self))
    case .uint64: Int(exactly: bytes.integer(offset, as: UInt64.self))
    case .int64: Int(bytes.integer(offset, as: Int64.self))
    case .float32, .float64, .bool, .string, .array: nil
    }
  }

  private static func number(_ bytes: RawSpan, _ offset: Int, _ type: GGUFValueType) -> Double? {
    switch type {
    case .float32: Double(Float(bitPattern: bytes.integer(offset, as: UInt32.self)))
    case .float64: Double(bitPattern: bytes.integer(offset, as: UInt64.self))
    default: integer(bytes, offset, type).map { Double($0) }
    }
  }

  private static func bool(_ bytes: RawSpan, _ offset: Int, _ type: GGUFValueType) -> Bool? {
    guard type == .bool, bytes.byte(offset) < 2 else { return nil }
    return bytes.byte(offset) == 1
  }
}
