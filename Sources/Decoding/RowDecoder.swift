internal import Requests
internal import Tensors

/// Decodes rows one after the other, with scratch memory of its own: what one thread of a decoder is.
struct RowDecoder: Sendable {
  private var row = EditedRow()
  private var sampler = TokenSampler()
  private var logSoftmax = LogSoftmax()
  private var scratch = SequenceControls.Scratch()

  /// Chooses a token for `wanted`.
  ///
  /// - Throws: ``DecodingError`` if no token can be chosen.
  mutating func decode(_ logits: Logits, _ wanted: borrowing DecodingRow) throws(DecodingError) -> TokenOutput {
    try row.fill(logits, row: wanted.logitsRow)
    return try logits.withRow(wanted.logitsRow) { (values) throws(DecodingError) in
      var top: [TokenLogprob] = []
      if let alternatives = wanted.params.logprobs {
        logSoftmax.prepare(values, scan: row.maxima.scan(of: values))
        top = logSoftmax.top(alternatives, of: values, row.maxima)
      }
      let token: Int
      if let controls = wanted.controls {
        token = try choose(values, controls, wanted)
      } else {
        token = choose(values, wanted)
      }
      guard wanted.params.logprobs != nil else { return TokenOutput(token: TokenID(token)) }
      return TokenOutput(token: TokenID(token), logprob: logSoftmax.logprob(ofLogit: values[token]), top: top)
    }
  }

  /// Chooses from what the controls make of `values`.
  private mutating func choose(
    _ values: Span<Float>, _ controls: SequenceControls, _ wanted: borrowing DecodingRow
  ) throws(DecodingError) -> Int {
    try controls.apply(values, to: &row, &scratch)
    var token = try chooseEdited(values, wanted)
    // Here, so that the threads share the work: it makes the mask that the next step needs if nothing is forced.
    if controls.lookAhead(past: TokenID(token)) { return token }
    if try controls.shorten(&row, of: values, &scratch) {
      // Another random number: what was drawn is none of those that are left, which the same number would choose unevenly.
      token = try chooseEdited(values, wanted, draw: 1)
    }
    _ = controls.lookAhead(past: TokenID(token), isFinal: true)
    return token
  }

  /// Chooses from `values`, whose maxima are those of the row.
  private mutating func choose(_ values: Span<Float>, _ wanted: borrowing DecodingRow) -> Int {
    guard wanted.params.temperature > 0 else { return row.maxima.scan(of: values).argmax }
    return sampler.sample(values, row.maxima, params: wanted.params, uniform: wanted.uniform())
  }

  /// Chooses from what the row has become, with the random number `draw` of its position.
  private mutating func chooseEdited(
    _ values: Span<Float>, _ wanted: borrowing DecodingRow, draw: UInt32 = 0
  ) throws(DecodingError) -> Int {
    guard wanted.params.temperature > 0 else {
      try row.settleBest(values)
      return row.maxima.scan(of: row.logits.span).argmax
    }
    return try sampler.sample(&row, of: values, params: wanted.params, uniform: wanted.uniform(draw: draw))
  }
}

extension DecodingRow {
  /// One of the random numbers of the row's position.
  fileprivate borrowing func uniform(draw: UInt32 = 0) -> Double {
    Philox.uniform(seed: seed, sampleIndex: sampleIndex, position: position, draw: draw)
  }
}
