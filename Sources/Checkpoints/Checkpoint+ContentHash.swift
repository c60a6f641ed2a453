internal import Synchronization
package import Tensors

extension Checkpoint {
  /// A hash of everything about the model that its keys, values and logits depend on: its configuration, and of every tensor
  /// the name, the type, the shape and all bytes.
  ///
  /// All bytes, since a single changed weight changes answers: what was computed with the old ones must not be found again.
  /// That reads the whole file, as loading does, on all threads of `pool`; so it is done only for what needs it.
  ///
  /// - Returns: 32 bytes, the same on every machine and with any number of threads.
  package func contentHash(pool: WorkerPool) -> [UInt8] {
    let pieces = tensors.flatMap { tensor in
      stride(from: tensor.offset, to: tensor.offset + tensor.byteCount, by: Self.hashPieceBytes).map { start in
        (tensor.file, start..<min(start + Self.hashPieceBytes, tensor.offset + tensor.byteCount))
      }
    }
    let digests = Mutex([[UInt8]](repeating: [], count: pieces.count))
    pool.forEach(pieces.count) { index in
      let (file, range) = pieces[index]
      var hash = ContentHash()
      file.withBytes(in: range) { hash.add($0) }
      let digest = hash.digest()
      digests.withLock { $0[index] = digest }
      file.releasePages(in: range)
    }
    var hash = ContentHash()
    // Every value of the configuration, whatever values later versions add to it.
    hash.add("\(configuration)")
    for tensor in tensors { hash.add("\(tensor.name) \(tensor.type.rawValue) \(tensor.shape) \(tensor.rowOrder)") }
    for digest in digests.withLock({ $0 }) { hash.add(digest) }
    return hash.digest()
  }

  private static let hashPieceBytes = 4 << 20
}
