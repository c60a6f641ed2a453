import Decoding
import Requests
import Tensors
import Testing

/// Allows the texts of a list, token by token, and then token `end`.
struct ChoiceConstraint: TokenConstraint {
  var choices: [[TokenID]]
  let end: TokenID
  var generated: [TokenID] = []

  mutating func fillMask(_ words: inout [UInt64]) {
    for place in words.indices { words[place] = 0 }
    for choice in choices where choice.starts(with: generated) {
      let token = Int(choice.count == generated.count ? end : choice[generated.count])
      words[token / 64] |= 1 << UInt64(token % 64)
    }
  }

  mutating func accept(_ token: TokenID) throws(DecodingError) {
    guard token == end || choices.contains(where: { $0.starts(with: generated + [token]) }) else {
      throw .tokenNotAllowed(token)
    }
    generated.append(token)
  }

  var isFinished: Bool { choices.filter { $0.starts(with: generated) } == [generated] }
}

/// Adds a number to the logit of one token, or throws at a length.
struct Nudge: LogitsProcessor {
  var token: Int
  var amount: Float
  var failingCount = Int.max

  mutating func process(_ logits: inout MutableSpan<Float>, tokens: Span<TokenID>, promptTokenCount: Int) throws {
    if tokens.count - promptTokenCount >= failingCount { throw NudgeError() }
    logits[token] += amount
  }

  struct NudgeError: Error {}
}

@Suite struct SequenceControlsTests {
  private func controls(
    _ params: SamplingParams, prompt: [TokenID] = [1, 2], output: [TokenID] = [], ends: [TokenID] = [0],
    banned: [[TokenID]] = [], _ controls: TokenControls = TokenControls()
  ) throws -> SequenceControls {
    var request = GenerationRequest(promptTokens: prompt, params: params, endOfSequenceTokenIDs: ends)
    request.bannedSequences = banned
    let made = try #require(SequenceControls(request, controls: controls))
    for token in output { try made.accept(token) }
    return made
  }

  private func applied(_ controls: SequenceControls, _ row: [Float]) throws -> [Float] {
    var copy = row
    var span = copy.mutableSpan
    try controls.apply(to: &span)
    return copy
  }

  @Test func defaultsNeedNone() {
    #expect(SequenceControls(GenerationRequest(promptTokens: [1], params: SamplingParams(temperature: 1))) == nil)
  }

  @Test func repetitionCountsThePromptAndTheOthersDoNot() throws {
    var params = SamplingParams()
    params.repetitionPenalty = 2
    #expect(try applied(controls(params, output: [3, 3]), [8, 8, -8, 8, 8]) == [8, 4, -16, 4, 8])
    params.repetitionPenalty = 1
    params.presencePenalty = 0.5
    params.frequencyPenalty = 0.25
    #expect(try applied(controls(params, output: [3, 3, 1]), [8, 8, -8, 8, 8]) == [8, 7.25, -8, 7, 8])
  }

  @Test func biasIsAdded() throws {
    var params = SamplingParams()
    params.logitBias = [1: 5, 3: -100]
    #expect(try applied(controls(params), [0, 1, 2, 3]) == [0, 6, 2, -97])
  }

  @Test func fewestTokensForbidTheEnds() throws {
    var params = SamplingParams(stopTokenIDs: [3])
    params.minTokens = 2
    let made = try controls(params)
    #expect(try applied(made, [0, 1, 2, 3]) == [-.infinity, 1, 2, -.infinity])
    try made.accept(1)
    #expect(try applied(made, [0, 1, 2, 3]) == [-.infinity, 1, 2, -.infinity])
    try made.accept(1)
    #expect(try applied(made, [0, 1, 2, 3]) == [0, 1, 2, 3])
    params.ignoreEndOfSequence = true
    #expect(try applied(controls(params), [0, 1, 2, 3]) == [0, 1, 2, -.infinity])
  }

  @Test func badWordsLookAtTheOutputOnly() throws {
    let banned: [[TokenID]] = [[4], [2, 1], [3, 3, 0]]
    func forbidden(_ output: [TokenID]) throws -> [Int] {
      let row = try applied(
        controls(SamplingParams(), prompt: [3, 2], output: output, banned: banned), [0, 0, 0, 0, 0])
      return row.indices.filter { row[$0] == -.infinity }
    }
    #expect(try forbidden([]) == [4])
    #expect(try forbidden([2]) == [1, 4])
    #expect(try forbidden([3]) == [4])
    #expect(try forbidden([3, 3]) == [0, 4])
    #expect(try forbidden([3, 3, 2]) == [1, 4])
  }

  @Test func repeatedRunsAreThoseOfAPlainSearch() throws {
    var generator = SeededGenerator(seed: 12)
    for size in [1, 2, 3, 5] {
      var params = SamplingParams()
      params.noRepeatNGramSize = size
      var tokens = (0..<10).map { _ in TokenID.random(in: 0..<6, using: &generator) }
      let made = try controls(params, prompt: tokens)
      for _ in 0..<60 {
        let row = try applied(made, [Float](repeating: 0, count: 6))
        var expected: Set<TokenID> = []
        for start in 0..<max(0, tokens.count - size + 1)
        where tokens[start..<start + size - 1] == tokens.suffix(size - 1) {
          expected.insert(tokens[start + size - 1])
        }
        #expect(Set(row.indices.filter { row[$0] == -.infinity }.map { TokenID($0) }) == expected)
        let next = TokenID.random(in: 0..<6, using: &generator)
        try made.accept(next)
        tokens.append(next)
      }
    }
  }

  @Test func aConstraintDecidesAndEnds() throws {
    let choice = ChoiceConstraint(choices: [[1, 2], [1, 3, 3]], end: 0)
    let made = try controls(SamplingParams(), TokenControls(constraint: choice))
    #expect(try applied(made, [9, 1, 2, 3]) == [-.infinity, 1, -.infinity, -.infinity])
    try made.accept(1)
    #expect(try applied(made, [9, 1, 2, 3]) == [-.infinity, -.infinity, 2, 3])
    let other = made.copy()
    try made.accept(2)
    #expect(made.isFinished)
    #expect(!other.isFinished)
    #expect(try applied(other, [9, 1, 2, 3]) == [-.infinity, -.infinity, 2, 3])
    #expect(throws: DecodingError.tokenNotAllowed(1)) { try other.accept(1) }
    let impossible = try controls(SamplingParams(), TokenControls(constraint: ChoiceConstraint(choices: [], end: 0)))
    #expect(throws: DecodingError.nothingAllowed) { try applied(impossible, [9, 1, 2, 3]) }
  }

  @Test func processorsEditInOrderAndCannotAllowWhatTheConstraintForbids() throws {
    let processors: [any LogitsProcessor] = [Nudge(token: 1, amount: 2), Nudge(token: 0, amount: .infinity)]
    let made = try controls(
      SamplingParams(),
      TokenControls(constraint: ChoiceConstraint(choices: [[1], [2]], end: 0), processors: processors))
    #expect(try applied(made, [9, 1, 2, 3]) == [-.infinity, 3, 2, -.infinity])
    let failing = try controls(
      SamplingParams(), TokenControls(processors: [Nudge(token: 0, amount: 1, failingCount: 1)]))
    #expect(try applied(failing, [1, 1]) == [2, 1])
    try failing.accept(1)
    #expect(throws: DecodingError.processor("NudgeError()")) { try applied(failing, [1, 1]) }
  }

  /// The decoder, which edits few logits in place and refreshes maxima, chooses what it would choose from a row that was
  /// edited beforehand; and reports the model's own probabilities.
  @Test(arguments: [0, 0.7] as [Float]) func theDecoderAppliesThem(temperature: Float) throws {
    var generator = SeededGenerator(seed: 31)
    for round in 0..<60 {
      let row = randomRow(700, using: &generator)
      var params = SamplingParams(temperature: temperature, topK: round % 3 == 0 ? 20 : 0, logprobs: 2)
      params.repetitionPenalty = 1.3
      params.presencePenalty = 0.4
      params.frequencyPenalty = 0.3
      params.logitBias = [TokenID(round): 9, 650: -3]
      params.noRepeatNGramSize = 2
      let made = try controls(
        params, prompt: (0..<30).map { _ in TokenID.random(in: 0..<700, using: &generator) },
        output: (0..<200).map { _ in TokenID.random(in: 0..<700, using: &generator) })
      var results: [Result<TokenOutput, DecodingError>] = []
      var decoder = SamplingDecoder()
      let edited = try applied(made, row)
      // A block of both rows: what one is edited to must not reach the other.
      let block = logits([row, edited, row])
      decoder.decode(
        block,
        rows: [
          DecodingRow(logitsRow: 0, params: params, seed: 3, position: round, controls: made),
          DecodingRow(logitsRow: 1, params: params, seed: 3, position: round),
          DecodingRow(logitsRow: 2, params: params, seed: 3, position: round),
        ], into: &results)
      let (first, second, plain) = try (results[0].get(), results[1].get(), results[2].get())
      #expect(first.token == second.token)
      #expect(first.top == plain.top)
      var softmax = LogSoftmax()
      softmax.prepare(row.span, scan: try LogitsScan(row.span))
      #expect(first.logprob == softmax.logprob(ofLogit: row[Int(first.token)]))
    }
  }

  @Test func rowsOnManyThreadsAreTheSameBits() throws {
    var generator = SeededGenerator(seed: 40)
    let block = logits((0..<9).map { _ in randomRow(2500, using: &generator) })
    var alone = SamplingDecoder()
    var together = SamplingDecoder()
    together.use(WorkerPool(threadCount: 3))
    for round in 0..<20 {
      var params = SamplingParams(temperature: 1, topK: round % 2 * 40, topP: 0.95, logprobs: 3)
      params.repetitionPenalty = 1.2
      let rows = try (0..<9).map { row in
        DecodingRow(
          logitsRow: row, params: row % 4 == 0 ? SamplingParams() : params, seed: UInt64(round), position: row,
          controls: row % 4 == 1 ? try controls(params) : nil)
      }
      var (expected, found): ([Result<TokenOutput, DecodingError>], [Result<TokenOutput, DecodingError>]) = ([], [])
      alone.decode(block, rows: rows, into: &expected)
      together.decode(block, rows: rows, into: &found)
      #expect(found == expected)
    }
  }
}
