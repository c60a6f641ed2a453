internal import JSON
internal import Tensors

/// The header of a safetensors file, checked against the file.
///
/// Format: the length of the header in 8 bytes, little-endian; the header, a JSON object from tensor names to type, shape
/// and the range of bytes after the header; then those bytes, without holes and overlaps.
enum SafetensorsFile {
  /// The limit of the reference implementation.
  private static let maximumHeaderLength = 100_000_000

  /// A tensor as the header describes it.
  private struct Entry {
    let name: String
    let type: String
    let shape: [Int]
    let range: Range<Int>
  }

  /// Every tensor but the rotary frequencies that old files carry along, which are computed instead.
  ///
  /// - Throws: ``CheckpointError/malformed(file:offset:problem:)`` or
  ///   ``CheckpointError/invalidTensor(name:file:problem:)``.
  static func tensors(in file: MappedFile) throws(CheckpointError) -> [TensorDescriptor] {
    let header = try header(of: file)
    let dataStart = 8 + header.length
    var entries: [Entry] = []
    entries.reserveCapacity(header.object.members.count)
    for member in header.object.members where !member.key.utf8.elementsEqual("__metadata__".utf8) {
      entries.append(try entry(member, file: file, dataLength: file.count - dataStart))
    }
    try checkCoverage(entries, file: file, dataStart: dataStart)

    var tensors: [TensorDescriptor] = []
    tensors.reserveCapacity(entries.count)
    for entry in entries where !isRotaryFrequencies(entry.name) {
      tensors.append(try descriptor(entry, file: file, dataStart: dataStart))
    }
    return tensors
  }

  /// Whether a tensor is a buffer of rotary frequencies, which is not read.
  static func isRotaryFrequencies(_ name: String) -> Bool {
    let suffix = ".rotary_emb.inv_freq".utf8
    return name.utf8.suffix(suffix.count).elementsEqual(suffix)
  }

  private static func header(of file: MappedFile) throws(CheckpointError) -> (object: JSONObject, length: Int) {
    func refuse(_ problem: String, _ offset: Int = 0) -> CheckpointError {
      .malformed(file: file.path, offset: offset, problem: problem)
    }
    guard file.count >= 8 else { throw refuse("a safetensors file has at least 8 bytes, and this one ends") }
    let length = file.withBytes(in: 0..<8) { $0.integer(0, as: UInt64.self) }
    guard length <= UInt64(min(maximumHeaderLength, file.count - 8)) else {
      throw refuse("the header's length is \(length), more than the file or the format can hold,")
    }
    let range = 8..<8 + Int(length)
    let value: JSONValue
    do {
      value = try file.withBytes(in: range) { (bytes) throws(JSONError) in
        try JSONValue(parsing: bytes, limits: JSONLimits(depth: 4))
      }
    } catch {
      throw refuse("the header is \(error.description),", 8 + error.offset)
    }
    guard file.withBytes(in: range, { $0.byte(0) }) == UInt8(ascii: "{"), case .object(let object) = value else {
      throw refuse("the header must be a JSON object that begins", 8)
    }
    return (object, Int(length))
  }

  private static func entry(
    _ member: JSONObject.Member, file: MappedFile, dataLength: Int
  ) throws(CheckpointError) -> Entry {
    func refuse(_ problem: String) -> CheckpointError {
      .invalidTensor(name: member.key, file: file.path, problem: problem)
    }
    guard let object = member.value.objectValue, object.members.count == 3, let type = object["dtype"]?.stringValue,
      let extents = object["shape"]?.arrayValue, let offsets = object["data_offsets"]?.arrayValue
    else { throw refuse("must have exactly a dtype, a shape and data_offsets") }
    var shape: [Int] = []
    for extent in extents {
      guard let extent = extent.intValue, extent >= 0 else {
        throw refuse("has an extent that is not a natural number")
      }
      shape.append(extent)
    }
    guard offsets.count == 2, let begin = offsets[0].intValue, let end = offsets[1].intValue, begin >= 0, begin <= end,
      end <= dataLength
    else { throw refuse("has data_offsets that do not lie within the file") }
    return Entry(name: member.key, type: type, shape: shape, range: begin..<end)
  }

  /// Checks that the tensors follow each other without holes and overlaps up to the end of the file.
  private static func checkCoverage(
    _ entries: [Entry], file: MappedFile, dataStart: Int
  ) throws(CheckpointError) {
    var end = 0
    for entry in entries.sorted(by: {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }) {
      guard entry.range.lowerBound == end else {
        let fault = entry.range.lowerBound > end ? "leaves a hole before it" : "overlaps another"
        throw .invalidTensor(name: entry.name, file: file.path, problem: "\(fault), which the format forbids")
      }
      end = entry.range.upperBound
    }
    guard dataStart + end == file.count else {
      throw .malformed(
        file: file.path, offset: dataStart + end, problem: "bytes that belong to no tensor follow the last one")
    }
  }

  private static func descriptor(
    _ entry: Entry, file: MappedFile, dataStart: Int
  ) throws(CheckpointError) -> TensorDescriptor {
    func refuse(_ problem: String) -> CheckpointError {
      .invalidTensor(name: entry.name, file: file.path, problem: problem)
    }
    let type: DType
    switch entry.type {
    case "F32": type = .f32
    case "F16": type = .f16
    case "BF16": type = .bf16
    default: throw refuse("has type \(entry.type), which is not supported, only F32, F16 and BF16")
    }
    guard TensorDescriptor.byteCount(type: type, shape: entry.shape) == entry.range.count else {
      throw refuse("of shape \(entry.shape) and type \(entry.type) cannot have \(entry.range.count) bytes")
    }
    return TensorDescriptor(
      name: entry.name, storedName: entry.name, type: type, shape: entry.shape, file: file,
      offset: dataStart + entry.range.lowerBound, byteCount: entry.range.count)
  }
}
