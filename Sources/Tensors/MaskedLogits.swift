internal import CKernels

/// What a mask leaves of a row of logits.
package enum MaskedLogits {
  /// Writes to `row` the logits of block `block` of `values` whose bits are 1, bit `i % 64` of word `i / 64`, and negative infinity
  /// for the others.
  ///
  /// - Parameter keys: for every block of ``Logits/tileColumns`` the ordered key of its largest logit; that of the block is of
  ///   `values` on entry, and of `row` on return.
  package static func apply(
    _ mask: [UInt64], to values: Span<Float>, block: Int, into row: inout MutableSpan<Float>, keys: inout [Int32]
  ) {
    let count = min(values.count, row.count)
    precondition(
      mask.count * 64 >= count && keys.count * Logits.tileColumns >= count, "there are bits and keys for all logits")
    precondition(block >= 0 && block * Logits.tileColumns < count, "there is block \(block)")
    values.withUnsafeBufferPointer { values in
      row.withUnsafeMutableBufferPointer { row in
        keys.withUnsafeMutableBufferPointer { keys in
          mask.withUnsafeBufferPointer { mask in
            guard let values = values.baseAddress, let row = row.baseAddress, let keys = keys.baseAddress,
              let mask = mask.baseAddress
            else { return }
            ik_mask_logits(mask, values, row, keys, Int32(count), Int32(block))
          }
        }
      }
    }
  }
}
