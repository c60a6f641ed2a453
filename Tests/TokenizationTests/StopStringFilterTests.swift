import Testing
import Tokenization

@Suite struct StopStringFilterTests {
  /// What a filter shows of `text` that comes in pieces of random lengths, and what it finds.
  private func filtered(
    _ text: String, _ stops: [String], includesStop: Bool = false, using generator: inout SplitMix
  ) -> (text: String, stop: String?) {
    var filter = StopStringFilter(stops, includesStop: includesStop)
    var rest = Substring(text)
    var shown = ""
    while !rest.isEmpty {
      let piece = rest.unicodeScalars.prefix(Int.random(in: 0...3, using: &generator))
      let (part, stop) = filter.append(String(piece))
      shown += part
      if let stop { return (shown, stop) }
      rest.unicodeScalars.removeFirst(piece.count)
    }
    return (shown + filter.finish(), nil)
  }

  /// The same by looking at every beginning of the text in turn.
  private func plain(_ text: String, _ stops: [String], includesStop: Bool) -> (text: String, stop: String?) {
    let bytes = Array(text.utf8)
    for end in 0...bytes.count {
      let found = stops.filter { !$0.isEmpty && bytes[..<end].reversed().starts(with: $0.utf8.reversed()) }
      guard let longest = found.max(by: { $0.utf8.count < $1.utf8.count }) else { continue }
      let shown = bytes[..<(includesStop ? end : end - longest.utf8.count)]
      return (String(decoding: shown, as: UTF8.self), longest)
    }
    return (text, nil)
  }

  struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var bits = state
      bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
      bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
      return bits ^ (bits >> 31)
    }
  }

  @Test func findsWhatAPlainSearchFindsWhereverThePiecesEnd() {
    var generator = SplitMix(state: 3)
    let alphabet = ["a", "b", "é", "è", "\u{1F600}", "\u{1F601}"]
    func word(_ lengths: ClosedRange<Int>) -> String {
      (0..<Int.random(in: lengths, using: &generator))
        .map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }.joined()
    }
    var foundCount = 0
    for _ in 0..<4000 {
      let text = word(0...25)
      let stops = (0..<Int.random(in: 1...4, using: &generator)).map { _ in word(1...4) }
      let includesStop = Bool.random(using: &generator)
      let expected = plain(text, stops, includesStop: includesStop)
      let found = filtered(text, stops, includesStop: includesStop, using: &generator)
      #expect(found.text == expected.text && found.stop == expected.stop, "\(text) \(stops)")
      if found.stop != nil { foundCount += 1 }
    }
    #expect(foundCount > 1000 && foundCount < 4000)
  }

  @Test func onlyWhatMayBeAStopStringIsHeldBack() {
    var filter = StopStringFilter(["</end>", "\n\n"], includesStop: false)
    #expect(filter.append("a < b").text == "a < b")
    #expect(filter.append(" </en").text == " ")
    #expect(filter.append("t").text == "</ent")
    #expect(filter.append("\n").text == "")
    #expect(filter.append("x\n").text == "\nx")
    #expect(filter.finish() == "\n")
  }

  @Test func whatIsCompleteWhileNothingIsSearchedForDoesNotCount() {
    var filter = StopStringFilter(["aa"], includesStop: false)
    let early = filter.append("aa", isSearching: false)
    #expect(early.stop == nil)
    // The last letter may be the first of another.
    let (text, stop) = filter.append("a")
    #expect(stop == "aa" && early.text + text == "a")
  }
}
