internal import CKernels

/// Asks the processor for memory that is used soon, so that it comes while something else is done.
///
/// A pass reads all weights, which drives everything else out of the caches. What a step keeps of each request lies here and
/// there, and to wait for one piece after the other takes longer than all that is done with them.
package enum Prefetch {
  /// Asks for the first `byteCount` bytes of an object.
  package static func object(_ object: AnyObject, byteCount: Int) {
    let address = UnsafeRawPointer(Unmanaged.passUnretained(object).toOpaque())
    for offset in stride(from: 0, to: byteCount, by: lineBytes) { ik_prefetch(address + offset) }
  }

  /// Asks for the place of element `index` of an array, which may be the next one after the last, and for its count.
  package static func element(_ index: Int, of array: [Int32]) {
    array.withUnsafeBufferPointer { elements in
      guard let base = elements.baseAddress else { return }
      ik_prefetch(UnsafeRawPointer(base) - headerBytes)
      ik_prefetch(UnsafeRawPointer(base) + index * MemoryLayout<Int32>.stride)
    }
  }

  private static let lineBytes = 64
  /// An array's count and capacity come before its elements.
  private static let headerBytes = 16
}
