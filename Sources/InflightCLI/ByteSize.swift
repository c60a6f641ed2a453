internal import ArgumentParser
internal import Catalogue
internal import Inflight

/// A number of bytes as people write it: `1073741824`, `512MiB`, `1.5GB`, `2G`.
struct ByteSize: ExpressibleByArgument, Equatable {
  /// The bytes.
  let count: Int

  init?(argument: String) {
    guard let count = ByteCount(parsing: argument) else { return nil }
    self.count = count.bytes
  }
}

/// A limit to memory: a ``ByteSize``, or a share such as `80%`.
struct MemoryArgument: ExpressibleByArgument, Equatable {
  /// The limit.
  let limit: MemoryLimit

  init?(argument: String) {
    if argument.utf8.last == UInt8(ascii: "%") {
      guard let percent = Double(argument.dropLast()), percent > 0, percent <= 100 else { return nil }
      limit = .share(percent / 100)
    } else {
      guard let size = ByteSize(argument: argument) else { return nil }
      limit = .bytes(size.count)
    }
  }
}

/// A directory and the bytes that may be used there: `/var/tmp:20GiB`.
struct DiskTierArgument: ExpressibleByArgument, Equatable {
  let directory: String
  let size: ByteSize

  init?(argument: String) {
    // The last colon: there may be others in the name.
    guard let colon = argument.utf8.lastIndex(of: UInt8(ascii: ":")), colon > argument.startIndex,
      let size = ByteSize(argument: String(argument[argument.utf8.index(after: colon)...]))
    else { return nil }
    directory = String(argument[..<colon])
    self.size = size
  }
}
