/// Memory for weights, handed out piece by piece from large mappings that ask the system for large pages.
///
/// A decoding step reads all weights once. In large pages that costs no page walks and lets the processor's prefetcher run
/// on from one matrix to the next; and the system clears a large page faster than 512 small ones.
package final class WeightArena {
  /// A piece of an arena, which stays mapped as long as a slice of it lives.
  struct Slice {
    fileprivate let mapping: AlignedBuffer
    fileprivate let offset: Int
    let byteCount: Int

    /// First byte; a multiple of 64.
    func pointer<Element: BitwiseCopyable>(to type: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
      (mapping.base + offset).assumingMemoryBound(to: Element.self)
    }
  }

  /// Bytes of a mapping; what is larger gets one of its own.
  private static let mappingBytes = 64 << 20

  private var current: AlignedBuffer?
  private var used = 0

  package init() {}

  /// Gives out `byteCount` bytes of zeros, aligned to 64.
  func allocate(byteCount: Int) -> Slice {
    precondition(byteCount >= 0)
    let rounded = (byteCount + 63) / 64 * 64
    let mapping: AlignedBuffer
    if let current, used + rounded <= current.byteCount {
      mapping = current
    } else {
      mapping = AlignedBuffer(byteCount: max(rounded, Self.mappingBytes), largePages: true)
      current = mapping
      used = 0
    }
    let slice = Slice(mapping: mapping, offset: used, byteCount: byteCount)
    used += rounded
    return slice
  }
}
