import Guided
import Testing

/// Text grammars, read as llama.cpp (src/llama-grammar.cpp) reads them.
@Suite struct TextGrammarTests {
  @Test(arguments: [
    ("root ::= \"a\nb\"", ["a\nb"], ["ab"]), ("root ::= \"\"", [""], ["a"]),
    ("root ::= \"\\x41\\u0042\\U00000043\" [^\\x00-\\x7F]{2,3}", ["ABCéé", "ABCééé"], ["ABC", "ABCé", "ABCab"]),
    ("root ::= (\"a\"\n | \"b\" # c\n ) {2}", ["ab", "bb"], ["a", "abc"]),
    ("root ::= \"a\"{2,}", ["aa", "aaaa"], ["a"]), ("root ::= \"a\" { 1 , 2 }", ["a", "aa"], ["", "aaa"]),
    ("# first\r\nroot ::= x-1 | \"b\" # last\rx-1 ::= [a-c]+ .?", ["abc", "b", "aé"], ["ba1z"]),
    ("root ::= x \"!\"\nx ::= x \"a\" | \"b\"", ["b!", "baa!"], ["a!", "b"]),
    ("root ::= [\\]\\-\\\\x]*", ["]-\\x", ""], ["a"]), ("root ::= \"a\" root \"b\" | \"\"", ["", "aabb"], ["aab"]),
  ])
  func textsMatch(_ text: String, _ matching: [String], _ others: [String]) throws {
    let grammar = try CompiledGrammar(.grammar(text), vocabulary: Acceptance.vocabulary)
    for text in matching { #expect(Acceptance.allows(text, grammar), "\(text.debugDescription)") }
    for text in others { #expect(!Acceptance.allows(text, grammar), "\(text.debugDescription)") }
  }

  @Test(arguments: [
    ("root ::= \"a\"{,}", "expected a count"), ("root ::= \"a\"{,3}", "expected a count"),
    ("root ::= \"a\"{2 3}", "expected '}'"), ("root ::= \"a\"{3,2}", "out of order"), ("root ::= \"a\nb", "second one"),
    ("root ::= \"\\q\"", "unknown escape"), ("root ::= \"\\x4\"", "hexadecimal"),
    ("root ::= \"\\ud800\"", "no character"),
    ("root ::= *", "expected a text"), ("root ::= \"a\"{100001}", "count of more than"), ("", "no rule \"root\""),
  ])
  func whatIsWrongIsNamed(_ text: String, _ words: String) {
    guard case .invalidGrammar(_, _, let problem) = Acceptance.refusal(of: .grammar(text)) else {
      Issue.record("\(text) was not refused")
      return
    }
    #expect(problem.contains(words), "\(text): \(problem)")
  }
}
