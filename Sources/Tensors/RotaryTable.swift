internal import CKernels

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Cosines and sines of the rotary embedding for the tokens of a batch, `[tokens, frequencies]`.
package final class RotaryTable {
  /// Angle per position of each rotated pair.
  package let inverseFrequencies: [Double]
  let cosines: AlignedBuffer
  let sines: AlignedBuffer
  private let capacity: Int

  /// Bytes of a table with room for `capacity` tokens.
  package static func byteCount(frequencyCount: Int, capacity: Int) -> Int { 2 * capacity * frequencyCount * 4 }

  /// Bytes of the room.
  package var byteCount: Int { cosines.byteCount + sines.byteCount }

  /// Makes room for `capacity` tokens.
  package init(inverseFrequencies: [Double], capacity: Int) {
    self.inverseFrequencies = inverseFrequencies
    self.capacity = capacity
    cosines = AlignedBuffer(byteCount: capacity * inverseFrequencies.count * 4)
    sines = AlignedBuffer(byteCount: capacity * inverseFrequencies.count * 4)
  }

  /// Fills the table for the tokens of `layout`.
  package func prepare(_ layout: RaggedLayout) {
    precondition(layout.tokenCount <= capacity)
    let cosine: UnsafeMutablePointer<Float> = cosines.pointer()
    let sine: UnsafeMutablePointer<Float> = sines.pointer()
    var index = 0
    for token in layout.tokens {
      for frequency in inverseFrequencies {
        let angle = Double(token.position) * frequency
        cosine[index] = Float(cos(angle))
        sine[index] = Float(sin(angle))
        index += 1
      }
    }
  }
}
