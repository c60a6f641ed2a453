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
        if edited.count != values.count { edited = Array(repeating: 0, count: values.count) }
        try Self.edit(values, controls, into: &edited, &scratch)
        token = try chooser.choose(edited: edited, scratch.changed, isRewritten: controls.isRewriting, row)
        // Here, so that the threads share the work: it makes the mask that the next step needs if nothing is forced.
        controls.lookAhead(past: TokenID(token))
      } else {
        token = chooser.choose(values, row)
      }
      guard row.params.logprobs != nil else { return TokenOutput(token: TokenID(token)) }
      return TokenOutput(token: TokenID(token), logprob: logSoftmax.logprob(ofLogit: values[token]), top: top)
    }
  }

  /// Makes `edited` what the controls make of `values`.
  private static func edit(
    _ values: Span<Float>, _ controls: SequenceControls, into edited: inout [Float],
    _ scratch: inout SequenceControls.Scratch
  ) throws(DecodingError) {
    var row = edited.mutableSpan
    for index in 0..<min(values.count, row.count) { row[index] = values[index] }
    try controls.apply(to: &row, &scratch)
  }
}

/// Chooses a token from a row whose maxima are known.
private struct TokenChooser: Sendable {
  var maxima = BlockMaxima()
  private var sampler = TokenSampler()

  /// Chooses from a row of which `changed` logits, or any if it is rewritten, are not those that the maxima are of.
  mutating func choose(
    edited: [Float], _ changed: [TokenID], isRewritten: Bool, _ row: borrowing DecodingRow
  ) throws(DecodingError) -> Int {
    if isRewritten {
      try maxima.fill(edited.span)
    } else {
      try maxima.refresh(changed, in: edited.span)
    }
    return choose(edited.span, row)
  }

  /// Chooses from the row that the maxima are of.
  mutating func choose(_ values: Span<Float>, _ row: borrowing DecodingRow) -> Int {
    guard row.params.temperature > 0 else { return maxima.scan(of: values).argmax }
    return sampler.sample(
      values, maxima, params: row.params,
      uniform: Philox.uniform(seed: row.seed, sampleIndex: row.sampleIndex, position: row.position))
  }
}
