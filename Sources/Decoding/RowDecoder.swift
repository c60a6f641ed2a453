internal import Requests
internal import Tensors

/// Decodes rows one after the other, with scratch memory of its own: what one thread of a decoder is.
struct RowDecoder: Sendable {
  private var chooser = TokenChooser()
  private var logSoftmax = LogSoftmax()
  private var edited: [Float] = []
  private var scratch = SequenceControls.Scratch()

  /// Chooses a token for `row`.
  ///
  /// - Throws: ``DecodingError`` if no token can be chosen.
  mutating func decode(_ logits: Logits, _ row: borrowing DecodingRow) throws(DecodingError) -> TokenOutput {
    try chooser.maxima.fill(logits, row: row.logitsRow)
    return try logits.withRow(row.logitsRow) { (values) throws(DecodingError) in
      var top: [TokenLogprob] = []
      if let alternatives = row.params.logprobs {
        logSoftmax.prepare(values, scan: chooser.maxima.scan(of: values))
        top = logSoftmax.top(alternatives, of: values, chooser.maxima)
      }
      let token: Int
      if let controls = row.controls {
        token = try choose(values, controls, row)
      } else {
        token = chooser.choose(values, row)
      }
      guard row.params.logprobs != nil else { return TokenOutput(token: TokenID(token)) }
      return TokenOutput(token: TokenID(token), logprob: logSoftmax.logprob(ofLogit: values[token]), top: top)
    }
  }

  /// Chooses from what the controls make of `values`.
  private mutating func choose(
    _ values: Span<Float>, _ controls: SequenceControls, _ row: borrowing DecodingRow
  ) throws(DecodingError) -> Int {
    if edited.count != values.count { edited = Array(repeating: 0, count: values.count) }
    try Self.edit(values, controls, into: &edited, &chooser.maxima, &scratch)
    var token = chooser.choose(edited: edited, row)
    // Here, so that the threads share the work: it makes the mask that the next step needs if nothing is forced.
    if controls.lookAhead(past: TokenID(token)) { return token }
    if try Self.shorten(&edited, controls, &scratch) {
      // Another random number: what was drawn is none of those that are left, which the same number would choose unevenly.
      token = try chooser.chooseAgain(edited: edited, row)
    }
    _ = controls.lookAhead(past: TokenID(token), isFinal: true)
    return token
  }

  private static func shorten(
    _ edited: inout [Float], _ controls: SequenceControls, _ scratch: inout SequenceControls.Scratch
  ) throws(DecodingError) -> Bool {
    var row = edited.mutableSpan
    return try controls.shorten(&row, &scratch)
  }

  /// Makes `edited` what the controls make of `values`, and the maxima its.
  private static func edit(
    _ values: Span<Float>, _ controls: SequenceControls, into edited: inout [Float], _ maxima: inout BlockMaxima,
    _ scratch: inout SequenceControls.Scratch
  ) throws(DecodingError) {
    var row = edited.mutableSpan
    try controls.apply(values, to: &row, &maxima, &scratch)
  }
}

/// Chooses a token from a row whose maxima are known.
private struct TokenChooser: Sendable {
  var maxima = BlockMaxima()
  private var sampler = TokenSampler()

  /// Chooses from a row of an array that the maxima are of.
  mutating func choose(edited: [Float], _ row: borrowing DecodingRow) -> Int { choose(edited.span, row) }

  /// Chooses from a row that the maxima are not of, with the second random number of its position.
  mutating func chooseAgain(edited: [Float], _ row: borrowing DecodingRow) throws(DecodingError) -> Int {
    try maxima.fill(edited.span)
    return choose(edited.span, row, draw: 1)
  }

  /// Chooses from the row that the maxima are of, with the random number `draw` of its position.
  mutating func choose(_ values: Span<Float>, _ row: borrowing DecodingRow, draw: UInt32 = 0) -> Int {
    guard row.params.temperature > 0 else { return maxima.scan(of: values).argmax }
    return sampler.sample(
      values, maxima, params: row.params,
      uniform: Philox.uniform(seed: row.seed, sampleIndex: row.sampleIndex, position: row.position, draw: draw))
  }
}
