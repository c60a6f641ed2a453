#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Zeroed memory, aligned for the vector units, freed with the object.
package final class AlignedBuffer {
  /// First byte; a multiple of 64.
  let base: UnsafeMutableRawPointer
  /// Number of bytes.
  package let byteCount: Int

  private let mappedCount: Int

  /// Maps `byteCount` bytes of zeros and, behind them, at least 64 bytes that a vector load may touch.
  ///
  /// The system gives the pages when they are first written, so a large buffer costs only what is used of it.
  package init(byteCount: Int) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    mappedCount = byteCount + 64
    let address = mmap(nil, mappedCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | anonymousMapping, -1, 0)
    guard let address, address != MAP_FAILED else {
      preconditionFailure("the system refused \(byteCount) bytes of memory")
    }
    base = address
  }

  deinit { munmap(base, mappedCount) }

  /// The buffer as elements of a trivial type.
  func pointer<Element: BitwiseCopyable>(to type: Element.Type = Element.self) -> UnsafeMutablePointer<Element> {
    base.assumingMemoryBound(to: Element.self)
  }

  /// A buffer that holds `values`.
  package convenience init(_ values: [Float]) {
    self.init(byteCount: values.count * 4)
    let target: UnsafeMutablePointer<Float> = pointer()
    for (index, value) in values.enumerated() { target[index] = value }
  }
}

#if canImport(Darwin)
  private let anonymousMapping = MAP_ANON
#else
  private let anonymousMapping = Int32(MAP_ANONYMOUS)
#endif
