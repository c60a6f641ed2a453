internal import Tensors

/// A tensor as the header of a GGUF file describes it.
struct GGUFTensorInfo {
  /// The name in the file.
  let name: String
  /// Outermost extent first.
  let shape: [Int]
  /// The number of the type in ggml.
  let typeNumber: UInt32
  /// Offset of the first byte, counted from the start of the tensor data.
  let dataOffset: UInt64
}

/// The header of a GGUF file: metadata and the list of tensors, checked against the size of the file.
struct GGUFContents {
  /// The metadata.
  let metadata: GGUFMetadata
  /// The tensors, in file order.
  let tensors: [GGUFTensorInfo]
  /// Offset in the file of the tensor data.
  let dataStart: Int
  /// The alignment of tensors in the data.
  let alignment: Int

  /// The most extents a tensor may have.
  private static let maximumRank: UInt32 = 4

  /// Reads the header in one pass.
  ///
  /// - Throws: ``CheckpointError/malformed(file:offset:problem:)`` or
  ///   ``CheckpointError/unsupported(file:feature:)``.
  init(file: MappedFile) throws(CheckpointError) {
    self = try file.withBytes { (bytes) throws(CheckpointError) in try GGUFContents(bytes, file: file) }
  }

  private init(_ bytes: RawSpan, file: MappedFile) throws(CheckpointError) {
    var cursor = GGUFCursor(file: file.path)
    let version = try Self.version(bytes, &cursor)
    let tensorCount = try cursor.count(bytes, minimumBytes: 24, of: "the number of tensors")
    let valueCount = try cursor.count(bytes, minimumBytes: 13, of: "the number of metadata values")

    var entries: [GGUFMetadata.Entry] = []
    entries.reserveCapacity(valueCount)
    for _ in 0..<valueCount { entries.append(try GGUFMetadata.Entry(bytes, &cursor)) }
    metadata = try GGUFMetadata(file: file, version: version, entries: entries)

    var tensors: [GGUFTensorInfo] = []
    tensors.reserveCapacity(tensorCount)
    for _ in 0..<tensorCount { tensors.append(try Self.tensorInfo(bytes, &cursor)) }
    self.tensors = tensors

    alignment = try metadata.integer("general.alignment") ?? 32
    guard alignment > 0, alignment <= 1 << 20, alignment.nonzeroBitCount == 1 else {
      throw .invalidConfiguration(
        file: file.path, key: "general.alignment", problem: "is \(alignment), not a power of two up to 1048576")
    }
    dataStart = (cursor.offset + alignment - 1) / alignment * alignment
  }

  private static func version(_ bytes: RawSpan, _ cursor: inout GGUFCursor) throws(CheckpointError) -> Int {
    // The letters "GGUF" in this order.
    guard bytes.byteCount >= 4, bytes.integer(0, as: UInt32.self) == 0x4655_4747 else {
      throw .unsupported(
        file: cursor.file,
        feature: "not a GGUF file; give a .gguf file or a directory with config.json and safetensors files")
    }
    try cursor.skip(bytes, byteCount: 4, of: "the magic number")
    let version = try cursor.integer(bytes, as: UInt32.self, of: "the version")
    switch version {
    case 2, 3: return Int(version)
    case _ where version != 0 && version & 0xffff == 0:
      throw .unsupported(
        file: cursor.file, feature: "big-endian GGUF files are not supported; convert it to little-endian")
    default:
      throw .unsupported(
        file: cursor.file, feature: "GGUF version \(version) is not supported, only 2 and 3; convert it")
    }
  }

  private static func tensorInfo(
    _ bytes: RawSpan, _ cursor: inout GGUFCursor
  ) throws(CheckpointError) -> GGUFTensorInfo {
    let name = try cursor.text(bytes, of: "a tensor's name")
    let rank = try cursor.integer(bytes, as: UInt32.self, of: "the description of tensor \(name)")
    guard rank >= 1, rank <= maximumRank else {
      throw .invalidTensor(name: name, file: cursor.file, problem: "has \(rank) extents, not 1 to \(maximumRank)")
    }
    var shape: [Int] = []
    for _ in 0..<rank {
      let extent = try cursor.integer(bytes, as: UInt64.self, of: "the description of tensor \(name)")
      guard extent > 0, let extent = Int(exactly: extent) else {
        throw .invalidTensor(name: name, file: cursor.file, problem: "has an extent of \(extent)")
      }
      shape.append(extent)
    }
    return GGUFTensorInfo(
      name: name, shape: shape.reversed(),
      typeNumber: try cursor.integer(bytes, as: UInt32.self, of: "the description of tensor \(name)"),
      dataOffset: try cursor.integer(bytes, as: UInt64.self, of: "the description of tensor \(name)"))
  }
}
