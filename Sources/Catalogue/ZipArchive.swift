/// One file inside a ZIP archive.
package struct ZipMember: Sendable {
  /// The name, with `/` between directories.
  package let name: String
  /// How the bytes are kept: 0 as they are, 8 with DEFLATE.
  package let method: Int
  /// Bytes in the archive.
  package let compressedSize: Int
  /// Bytes when unpacked.
  package let size: Int
  /// The CRC-32 of the unpacked bytes.
  package let checksum: UInt32
  /// Where the member's own header is in the archive.
  package let headerOffset: Int
}

/// An archive that is not a valid ZIP file, or uses what is not supported.
package struct ZipFailure: Error {
  /// What is wrong, with the place.
  package let reason: String
}

/// A ZIP archive on disk (PKWARE APPNOTE 6.3), as Python wheels are: one disk, no encryption, no Zip64.
package struct ZipArchive {
  private static let maximumDirectorySize = 1 << 26
  private let file: OpenFile
  private let directoryOffset: Int
  /// The members in the order of the directory.
  package let members: [ZipMember]

  /// Reads the directory of `file`. Throws ``ZipFailure`` or ``SystemFailure``.
  package init(_ file: OpenFile) throws {
    self.file = file
    let size = try file.size()
    let tailSize = min(size, 22 + 0xffff)
    let tail = try Self.bytes(file, size - tailSize, tailSize)
    guard let end = Self.endRecord(tail) else {
      throw ZipFailure(reason: "it has no directory: it is no archive, or cut off")
    }
    let count = tail.integer(at: end + 10, 2)
    let directorySize = tail.integer(at: end + 12, 4)
    directoryOffset = tail.integer(at: end + 16, 4)
    if count == 0xffff || directorySize == 0xffff_ffff || directoryOffset == 0xffff_ffff {
      throw ZipFailure(reason: "it is a Zip64 archive, which is not supported")
    }
    guard tail.integer(at: end + 4, 4) == 0, tail.integer(at: end + 8, 2) == count else {
      throw ZipFailure(reason: "it is one part of several")
    }
    guard directorySize <= Self.maximumDirectorySize, directoryOffset + directorySize <= size - tailSize + end else {
      throw ZipFailure(reason: "its directory lies outside of the file")
    }
    members = try Self.readDirectory(Self.bytes(file, directoryOffset, directorySize), count: count)
  }

  /// The only member called `name`. Throws ``ZipFailure`` if there is none, or more than one.
  package func member(named name: String) throws -> ZipMember {
    let matches = members.filter { $0.name.utf8.elementsEqual(name.utf8) }
    guard let match = matches.first else { throw ZipFailure(reason: "it has no member \(name)") }
    guard matches.count == 1 else { throw ZipFailure(reason: "it has \(matches.count) members \(name)") }
    return match
  }

  /// Unpacks `member` into `sink`, piece by piece, and checks size and CRC-32; never more than `member.size` bytes.
  /// Throws ``ZipFailure``, ``SystemFailure``, and what the sink throws.
  package func extract(_ member: ZipMember, to sink: @escaping Inflater.Sink) throws {
    let header = try Self.bytes(file, member.headerOffset, 30)
    guard header.integer(at: 0, 4) == 0x0403_4b50, header.integer(at: 8, 2) == member.method else {
      throw ZipFailure(reason: "the header of \(member.name) at byte \(member.headerOffset) is damaged")
    }
    let dataOffset = member.headerOffset + 30 + header.integer(at: 26, 2) + header.integer(at: 28, 2)
    guard dataOffset + member.compressedSize <= directoryOffset else {
      throw ZipFailure(reason: "the data of \(member.name) lies outside of the file")
    }
    let file = self.file
    var position = dataOffset
    let end = dataOffset + member.compressedSize
    let source: Inflater.Source = { buffer, limit in
      let count = min(limit, end - position)
      let start = buffer.count
      buffer.append(contentsOf: repeatElement(0, count: count))
      guard try file.read(into: &buffer, start..<start + count, at: position) == count else {
        throw ZipFailure(reason: "the file is cut off at byte \(position)")
      }
      position += count
    }
    var checksum = CRC32()
    let checkedSink: Inflater.Sink = { bytes in
      checksum.update(bytes)
      try sink(bytes)
    }
    let (consumed, produced) = try unpack(member, source, checkedSink)
    guard consumed == member.compressedSize, produced == member.size else {
      throw ZipFailure(reason: "\(member.name) unpacks to \(produced) bytes instead of \(member.size)")
    }
    guard checksum.value == member.checksum else { throw ZipFailure(reason: "the CRC-32 of \(member.name) is wrong") }
  }

  private func unpack(
    _ member: ZipMember, _ source: @escaping Inflater.Source, _ sink: @escaping Inflater.Sink
  ) throws -> (Int, Int) {
    switch member.method {
    case 0:
      guard member.size == member.compressedSize else { throw ZipFailure(reason: "the sizes of \(member.name) differ") }
      var copied = 0
      while true {
        var buffer: [UInt8] = []
        try source(&buffer, 1 << 17)
        if buffer.isEmpty { return (copied, copied) }
        copied += buffer.count
        try sink(buffer.span)
      }
    case 8:
      var inflater = Inflater(outputLimit: member.size, source: source, sink: sink)
      do { return try inflater.run() } catch let failure as Inflater.Failure {
        throw ZipFailure(reason: "\(member.name) at compressed byte \(failure.offset): \(failure.reason)")
      }
    default: throw ZipFailure(reason: "\(member.name) is packed with method \(member.method), which is not supported")
    }
  }

  // MARK: Reading the directory

  private static func bytes(_ file: OpenFile, _ offset: Int, _ count: Int) throws -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: count)
    guard offset >= 0, try file.read(into: &buffer, 0..<count, at: offset) == count else {
      throw ZipFailure(reason: "the file is cut off at byte \(offset)")
    }
    return buffer
  }

  /// Where in `tail` the last record is whose comment reaches exactly to the end of the file.
  private static func endRecord(_ tail: [UInt8]) -> Int? {
    var position = tail.count - 22
    while position >= 0 {
      if tail.integer(at: position, 4) == 0x0605_4b50,
        position + 22 + tail.integer(at: position + 20, 2) == tail.count
      {
        return position
      }
      position -= 1
    }
    return nil
  }

  private static func readDirectory(_ bytes: [UInt8], count: Int) throws -> [ZipMember] {
    var members: [ZipMember] = []
    var position = 0
    for _ in 0..<count {
      guard position + 46 <= bytes.count, bytes.integer(at: position, 4) == 0x0201_4b50 else {
        throw ZipFailure(reason: "its directory is damaged at entry \(members.count)")
      }
      let nameEnd = position + 46 + bytes.integer(at: position + 28, 2)
      let next = nameEnd + bytes.integer(at: position + 30, 2) + bytes.integer(at: position + 32, 2)
      guard next <= bytes.count, let name = String(validating: bytes[position + 46..<nameEnd], as: UTF8.self) else {
        throw ZipFailure(reason: "its directory is damaged at entry \(members.count)")
      }
      let member = ZipMember(
        name: name, method: bytes.integer(at: position + 10, 2),
        compressedSize: bytes.integer(at: position + 20, 4), size: bytes.integer(at: position + 24, 4),
        checksum: UInt32(bytes.integer(at: position + 16, 4)), headerOffset: bytes.integer(at: position + 42, 4))
      guard bytes.integer(at: position + 8, 2) & 1 == 0 else { throw ZipFailure(reason: "\(name) is encrypted") }
      if [member.compressedSize, member.size, member.headerOffset].contains(0xffff_ffff) {
        throw ZipFailure(reason: "it is a Zip64 archive, which is not supported")
      }
      members.append(member)
      position = next
    }
    return members
  }
}

extension [UInt8] {
  /// The little-endian number of `size` bytes (at most four) at `offset`, which must lie inside the array.
  fileprivate func integer(at offset: Int, _ size: Int) -> Int {
    var value = 0
    for index in 0..<size { value |= Int(self[offset + index]) << (8 * index) }
    return value
  }
}
