extension CPUOperations {
  /// The rows `rows` of `x`, one after the other, each divided by the root of its mean square and multiplied by `weight`.
  ///
  /// For what leaves the engine. A row's sum runs in the order of its columns and in double precision, so that it depends on
  /// nothing but the row.
  package func normalizedRows(_ rows: [Int], of x: Matrix, weight: AlignedBuffer, epsilon: Float) -> [Float] {
    precondition(weight.byteCount == x.columns * MemoryLayout<Float>.stride, "a weight for every column")
    let weights: UnsafeMutablePointer<Float> = weight.pointer()
    var values: [Float] = []
    values.reserveCapacity(rows.count * x.columns)
    for index in rows {
      let row = x.row(index)
      let square = row.reduce(0.0) { $0 + Double($1) * Double($1) }
      let inverse = 1 / (square / Double(row.count) + Double(epsilon)).squareRoot()
      for (column, value) in row.enumerated() {
        values.append(Float(Double(value) * inverse * Double(weights[column])))
      }
    }
    return values
  }
}
