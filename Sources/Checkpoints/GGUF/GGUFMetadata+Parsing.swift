extension GGUFMetadata.Entry {
  /// How deeply arrays may be nested in arrays.
  private static let maximumNesting = 4

  /// Steps over one key and its value.
  init(_ bytes: RawSpan, _ cursor: inout GGUFCursor) throws(CheckpointError) {
    key = try cursor.text(bytes, of: "a metadata key")
    type = try Self.type(bytes, &cursor, key: key)
    guard type == .array else {
      offset = cursor.offset
      elementType = nil
      count = 0
      stringStarts = []
      try Self.skip(type, bytes, &cursor, key: key, nesting: 0)
      return
    }
    let (elementType, count) = try Self.arrayHead(bytes, &cursor, key: key)
    self.elementType = elementType
    self.count = count
    offset = cursor.offset
    if elementType == .string {
      stringStarts = try cursor.stringStarts(bytes, count: count, of: key)
    } else {
      stringStarts = []
      try Self.skip(elements: elementType, count: count, bytes, &cursor, key: key, nesting: 1)
    }
  }

  private static func type(
    _ bytes: RawSpan, _ cursor: inout GGUFCursor, key: String
  ) throws(CheckpointError) -> GGUFValueType {
    let offset = cursor.offset
    let number = try cursor.integer(bytes, as: UInt32.self, of: "the type of \(key)")
    guard let type = GGUFValueType(rawValue: number) else {
      throw .malformed(file: cursor.file, offset: offset, problem: "\(key) has the unknown value type \(number)")
    }
    return type
  }

  private static func arrayHead(
    _ bytes: RawSpan, _ cursor: inout GGUFCursor, key: String
  ) throws(CheckpointError) -> (GGUFValueType, Int) {
    let type = try type(bytes, &cursor, key: key)
    // A string has at least its length, an array its type and its length.
    let minimum = type.byteCount ?? (type == .string ? 8 : 12)
    return (type, try cursor.count(bytes, minimumBytes: minimum, of: "the number of elements of \(key)"))
  }

  private static func skip(
    _ type: GGUFValueType, _ bytes: RawSpan, _ cursor: inout GGUFCursor, key: String, nesting: Int
  ) throws(CheckpointError) {
    switch type {
    case .string:
      _ = try cursor.string(bytes, of: key)
    case .array:
      guard nesting < maximumNesting else {
        throw .malformed(
          file: cursor.file, offset: cursor.offset, problem: "\(key) nests arrays more than \(maximumNesting) deep")
      }
      let (elementType, count) = try arrayHead(bytes, &cursor, key: key)
      try skip(elements: elementType, count: count, bytes, &cursor, key: key, nesting: nesting + 1)
    default:
      try cursor.skip(bytes, byteCount: type.byteCount ?? 0, of: key)
    }
  }

  private static func skip(
    elements type: GGUFValueType, count: Int, _ bytes: RawSpan, _ cursor: inout GGUFCursor, key: String, nesting: Int
  ) throws(CheckpointError) {
    if let byteCount = type.byteCount {
      // The count was checked against what is left of the file.
      try cursor.skip(bytes, byteCount: count * byteCount, of: key)
    } else {
      for _ in 0..<count { try skip(type, bytes, &cursor, key: key, nesting: nesting) }
    }
  }
}
