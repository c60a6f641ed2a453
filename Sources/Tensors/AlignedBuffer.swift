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

  private let mapping: UnsafeMutableRawPointer
  private let mappedCount: Int

  /// Maps `byteCount` bytes of zeros and, behind them, at least 64 bytes that a vector load may touch.
  ///
  /// The system gives the pages when they are first written, so a large buffer costs only what is used of it.
  ///
  /// - Parameter largePages: ask the system for large pages, and start at the border of one. They are given as a whole.
  package init(byteCount: Int, largePages: Bool = false) {
    precondition(byteCount >= 0)
    self.byteCount = byteCount
    mappedCount = byteCount + 64 + (largePages ? Self.largePageBytes : 0)
    let address = mmap(nil, mappedCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | anonymousMapping, -1, 0)
    guard let address, address != MAP_FAILED else {
      // Said in release builds too: a limit on address space (ulimit -v) is what the budget of the program does not know.
      fatalError("the system refused \(byteCount) bytes of memory; is there a limit on address space (ulimit -v)?")
    }
    mapping = address
    guard largePages else {
      base = address
      return
    }
    base =
      UnsafeMutableRawPointer(bitPattern: (UInt(bitPattern: address) | UInt(Self.largePageBytes - 1)) &+ 1) ?? address
    #if os(Linux)
      // Refused where the system has no large pages: then they are small.
      madvise(base, byteCount, MADV_HUGEPAGE)
    #endif
  }

  /// The usual size of a large page. Another one costs speed and nothing else.
  static let largePageBytes = 2 << 20

  deinit { munmap(mapping, mappedCount) }

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
