internal import Requests

/// Saving and restoring the tree of prefixes.
///
/// The format, numbers little-endian: a header (`INFLTKV1`, block size, bytes per block, number of records, length and
/// bytes of the model's hash, checksum of all that), then records of blocks, parents first: the number of the parent's
/// record or -1, flags, priority, count of uses, tokens; for a first block its namespace; the contents, if it has any; the
/// checksum of the record, seeded with its number and chained to that of the header.
extension BlockCache {
  private static let magic: [UInt8] = Array("INFLTKV1".utf8)
  private static let hasContents: UInt8 = 1
  private static let isFirst: UInt8 = 2
  private static let hasSalt: UInt8 = 4
  /// Longer salts are not restored: they would take memory that nobody asked for.
  private static let maximumSaltBytes = 1 << 16

  /// Hands the file to `write`, piece by piece.
  mutating func writeSnapshot(
    modelHash: [UInt8], write: (_ bytes: [UInt8]) throws(CacheFileError) -> Void
  ) throws(CacheFileError) {
    guard let store else { throw .noStore }
    // Shallow blocks first: the others need them, also where there is no room for all.
    let order = tree.nodes.indices.filter { tree.nodes[$0].parent >= 0 }.sorted {
      (tree.nodes[$0].depth, tree.nodes[$1].lastUse) < (tree.nodes[$1].depth, tree.nodes[$0].lastUse)
    }
    var records = [Int64](repeating: -1, count: tree.nodes.count)
    for (record, node) in order.enumerated() { records[node] = Int64(record) }
    var header = ByteWriter()
    header.bytes = Self.magic
    header.append(UInt32(blockSize))
    header.append(UInt64(store.bytesPerBlock))
    header.append(UInt64(order.count))
    header.append(UInt32(modelHash.count))
    header.bytes += modelHash
    let seed = Checksum.of(header.bytes)
    header.append(seed)
    try write(header.bytes)
    var contents: [UInt8] = []
    for (number, index) in order.enumerated() {
      let node = tree.nodes[index]
      var record = ByteWriter()
      let namespace = tree.namespaces[node.parent]
      var isReadable = node.block >= 0
      if node.block >= 0 {
        store.readBlock(node.block, into: &contents)
      } else if node.tierPlace >= 0, let tier {
        isReadable = tier.load(node.tierPlace, into: &contents) && contents.count == store.bytesPerBlock
      }
      record.append(namespace == nil ? records[Int(node.parent)] : -1)
      record.append(
        (isReadable ? Self.hasContents : 0) | (namespace != nil ? Self.isFirst : 0)
          | (namespace?.salt != nil ? Self.hasSalt : 0))
      record.append(node.priority)
      record.append(node.lastUse)
      for token in tree.tokens(of: Int32(index)) { record.append(UInt32(bitPattern: token)) }
      if let namespace {
        record.append(namespace.adapterID)
        record.append(UInt32(namespace.salt?.count ?? 0))
        record.bytes += namespace.salt ?? []
      }
      if isReadable { record.bytes += contents }
      record.append(Checksum.of(record.bytes, seed: seed &+ UInt64(number)))
      try write(record.bytes)
    }
  }

  /// Puts the blocks of a file of `byteCount` bytes into free blocks; returns their number.
  ///
  /// Sizes come from the cache's own geometry or are compared with the file's size before memory is taken for them. What
  /// is there already stays as it is.
  mutating func readSnapshot(
    path: String, byteCount: Int, modelHash: [UInt8],
    read: (_ range: Range<Int>, _ bytes: inout [UInt8]) throws(CacheFileError) -> Void
  ) throws(CacheFileError) -> Int {
    guard let store else { throw .noStore }
    var reader = ByteReader(path: path, byteCount: byteCount)
    let (seed, count) = try readHeader(&reader, modelHash: modelHash, bytesPerBlock: store.bytesPerBlock, read: read)
    guard isReusing else { return 0 }
    // The node of every record; -1 where there was no room.
    var nodes: [Int32] = []
    // Those that were not there before, each once: a file may name a block twice.
    var added: [Int32] = []
    var restored = 0
    defer {
      for node in added { settle(node) }
    }
    while nodes.count < count {
      let record = try readRecord(
        &reader, number: nodes.count, seed: seed, bytesPerBlock: store.bytesPerBlock, read: read)
      let parent: Int32
      if let namespace = record.namespace {
        parent = tree.makeRoot(of: namespace)
      } else {
        guard let number = Int(exactly: record.parent), nodes.indices.contains(number) else {
          throw .damaged(path: path, reason: "block \(nodes.count) comes before its parent, block \(record.parent)")
        }
        parent = nodes[number]
      }
      guard parent >= 0 else {
        nodes.append(-1)
        continue
      }
      let tokens = record.tokens[...]
      let hash = PrefixHash.block(tokens, after: tree.nodes[Int(parent)].hash)
      let existing = tree.child(of: parent, hash: hash, tokens: tokens)
      var node = existing ?? -1
      if existing == nil, record.contents == nil || pool.freeBlockCount > 0 {
        node = tree.insert(after: parent, hash: hash, tokens: tokens)
        tree.nodes[Int(node)].priority = record.priority
        tree.nodes[Int(node)].lastUse = min(record.lastUse, 1 << 44)
        useCount = max(useCount, tree.nodes[Int(node)].lastUse)
        // Held until all of the file is read, so that it has its place in no queue yet.
        if let contents = record.contents, let block = pool.allocate() {
          store.writeBlock(block, from: contents)
          setBlock(block, of: node)
          unheldCount += 1
          restored += 1
          report(
            .stored(
              CacheEvent.CachedBlock(hash: hash, parentHash: tree.nodes[Int(parent)].hash, tokens: record.tokens)))
        }
      }
      // Nothing without contents leads to other blocks, but with a window.
      if node >= 0, window == nil, !tree.nodes[Int(node)].hasContents {
        tree.removeIfUnneeded(node)
        node = -1
      } else if node < 0, record.namespace != nil {
        tree.removeIfUnneeded(parent)
      }
      if node >= 0, existing == nil { added.append(node) }
      nodes.append(node)
    }
    guard reader.offset == byteCount else {
      throw .damaged(path: path, reason: "\(byteCount - reader.offset) bytes follow its end")
    }
    return restored
  }

  /// Puts a restored node into its queue, or removes it if nothing came behind it.
  private mutating func settle(_ node: Int32) {
    if tree.nodes[Int(node)].hasContents { enqueue(node) } else { tree.removeIfUnneeded(node) }
  }

  private func readHeader(
    _ reader: inout ByteReader, modelHash: [UInt8], bytesPerBlock: Int,
    read: (_ range: Range<Int>, _ bytes: inout [UInt8]) throws(CacheFileError) -> Void
  ) throws(CacheFileError) -> (seed: UInt64, count: Int) {
    // Less than all of the beginning may be what is left of ours; anything else is somebody else's.
    let beginning = Self.magic.prefix(reader.byteCount)
    try reader.fill(beginning.count, read)
    guard reader.take(beginning.count).elementsEqual(beginning) else { throw .foreign(path: reader.path) }
    try reader.fill(Self.magic.count - beginning.count + 24, read)
    let (blockSize, blockBytes) = (reader.integer(UInt32.self), reader.integer(UInt64.self))
    let (count, hashCount) = (reader.integer(UInt64.self), reader.integer(UInt32.self))
    guard hashCount <= 1 << 16 else { throw reader.damage("its model's hash has \(hashCount) bytes") }
    try reader.fill(Int(hashCount) + 8, read)
    let hash = reader.take(Int(hashCount))
    let seed = Checksum.of(reader.taken)
    guard reader.integer(UInt64.self) == seed else { throw reader.damage("the checksum of its header is wrong") }
    guard hash == modelHash else { throw .otherModel(path: reader.path) }
    guard blockSize == self.blockSize, blockBytes == bytesPerBlock else {
      throw .otherGeometry(
        path: reader.path,
        reason: "its blocks have \(blockSize) tokens in \(blockBytes) bytes, the engine's \(self.blockSize) in "
          + "\(bytesPerBlock)")
    }
    // Every record takes more bytes than this.
    guard count <= UInt64(reader.byteCount) / UInt64(4 * self.blockSize) else {
      throw reader.damage("it says that it has \(count) blocks, which cannot be")
    }
    return (seed, Int(count))
  }

  private struct Record {
    var parent: Int64
    var priority: UInt8
    var lastUse: UInt64
    var tokens: [TokenID]
    var namespace: CacheNamespace?
    var contents: [UInt8]?
  }

  private func readRecord(
    _ reader: inout ByteReader, number: Int, seed: UInt64, bytesPerBlock: Int,
    read: (_ range: Range<Int>, _ bytes: inout [UInt8]) throws(CacheFileError) -> Void
  ) throws(CacheFileError) -> Record {
    reader.beginRecord()
    try reader.fill(18 + 4 * blockSize, read)
    let parent = reader.integer(Int64.self)
    let flags = reader.integer(UInt8.self)
    let priority = reader.integer(UInt8.self)
    let lastUse = reader.integer(UInt64.self)
    let tokens = (0..<blockSize).map { _ in TokenID(bitPattern: reader.integer(UInt32.self)) }
    var namespace: CacheNamespace?
    if flags & Self.isFirst != 0 {
      try reader.fill(12, read)
      let adapterID = reader.integer(UInt64.self)
      let saltCount = reader.integer(UInt32.self)
      guard saltCount <= Self.maximumSaltBytes else { throw reader.damage("a salt has \(saltCount) bytes") }
      try reader.fill(Int(saltCount), read)
      let salt = reader.take(Int(saltCount))
      namespace = CacheNamespace(adapterID: adapterID, salt: flags & Self.hasSalt != 0 ? salt : nil)
    }
    var contents: [UInt8]?
    if flags & Self.hasContents != 0 {
      try reader.fill(bytesPerBlock, read)
      contents = reader.take(bytesPerBlock)
    }
    let sum = Checksum.of(reader.taken, seed: seed &+ UInt64(number))
    try reader.fill(8, read)
    guard reader.integer(UInt64.self) == sum else { throw reader.damage("the checksum of block \(number) is wrong") }
    guard priority <= 100, flags < 8 else { throw reader.damage("block \(number) has a priority of \(priority)") }
    return Record(
      parent: parent, priority: priority, lastUse: lastUse, tokens: tokens, namespace: namespace, contents: contents)
  }
}
