import Decoding
import Foundation
import Requests
import Testing

@Suite struct LogSoftmaxTests {
  private func reference(_ row: [Float]) -> [Double] {
    let largest = Double(row.max() ?? 0)
    let sum = row.reduce(0.0) { $0 + exp(Double($1) - largest) }
    return row.map { Double($0) - largest - log(sum) }
  }

  @Test func agreesWithDoublePrecision() throws {
    var generator = SeededGenerator(seed: 2)
    for count in [1, 5, 97, 3000] {
      var row = randomRow(count, using: &generator)
      if count > 2 { row[1] = -.infinity }
      var softmax = LogSoftmax()
      softmax.prepare(row.span, scan: try LogitsScan(row.span))
      let expected = reference(row)
      for token in row.indices where row[token] > -.infinity {
        #expect(abs(Double(softmax.logprob(ofLogit: row[token])) - expected[token]) < 2e-6)
      }
      #expect(softmax.logprob(ofLogit: -.infinity) == -.infinity)
    }
  }

  @Test func alternativesAreTheBestInOrder() throws {
    var generator = SeededGenerator(seed: 3)
    for count in [1, 3, 20, 500] {
      // Few distinct values, so that there are ties.
      let row = (0..<count).map { _ in Float(Int.random(in: 0...30, using: &generator)) / 8 }
      var softmax = LogSoftmax()
      softmax.prepare(row.span, scan: try LogitsScan(row.span))
      let sorted = row.indices.sorted { row[$0] != row[$1] ? row[$0] > row[$1] : $0 < $1 }
      for wanted in [0, 1, 2, 5, 256] {
        let top = softmax.top(wanted, of: row.span)
        #expect(top.map(\.token) == sorted.prefix(wanted).map { TokenID($0) })
        #expect(top.allSatisfy { $0.logprob == softmax.logprob(ofLogit: row[Int($0.token)]) })
      }
    }
  }
}
