import Guided
import Testing

/// Regular expressions, against what Python's `re.fullmatch` and a browser say of them.
@Suite struct RegexTests {
  @Test(arguments: [
    ("", [""], ["a"]), ("a|bc|", ["a", "bc", ""], ["b", "abc"]), ("(a|b)*c", ["c", "abbac"], ["ab", "cc"]),
    ("(?:ab)+", ["ab", "abab"], ["", "aba"]), ("(?<x>a)(?P<y_1>b)", ["ab"], ["a"]),
    ("a{2}", ["aa"], ["a", "aaa"]), ("a{2,}", ["aa", "aaaaa"], ["a"]), ("a{1,3}", ["a", "aaa"], ["", "aaaa"]),
    ("a{0}b", ["b"], ["ab"]), ("a*?b+?c??", ["b", "aabbc"], ["a"]), ("[a-c-]", ["a", "c", "-"], ["d", ""]),
    ("[^a-c]", ["d", "\n"], ["a", "b"]), ("[\\]a]", ["]", "a"], ["\\"]), ("[a\\-z]", ["a", "-", "z"], ["b"]),
    ("[.*+]", [".", "*", "+"], ["a"]), ("[\\d-]", ["5", "-"], ["d"]), ("[\\s\\S]", ["a", "\n", " "], [""]),
    ("[\\w.]+", ["a.b_9"], ["a b"]), ("[\\b]", ["\u{8}"], ["b"]), ("\\x41\\u0042\\u{43}", ["ABC"], ["abc"]),
    ("\\u{0000041}", ["A"], ["a"]), ("\\ud83d\\ude00", ["😀"], [""]), ("\\cJ\\t\\0", ["\n\t\0"], [""]),
    ("\\/\\.\\$\\^", ["/.$^"], [""]), ("]}", ["]}"], ["]"]), ("^a$", ["a"], ["a\n"]), ("^$", [""], ["\n"]),
    ("(^a|b)c$", ["ac", "bc"], ["abc"]), ("漢+", ["漢漢"], ["汉"]), ("[à-ü]", ["é"], ["e"]),
  ])
  func textsMatch(_ pattern: String, _ matching: [String], _ others: [String]) throws {
    let grammar = try CompiledGrammar(.regex(pattern), vocabulary: Acceptance.vocabulary)
    for text in matching { #expect(Acceptance.allows(text, grammar), "\(pattern) and \(text.debugDescription)") }
    for text in others { #expect(!Acceptance.allows(text, grammar), "\(pattern) and \(text.debugDescription)") }
  }

  /// What is not supported is called what it is.
  @Test(arguments: [
    ("(?P<n>a)(?P=n)", "backreferences"), ("(?<n>a)\\k<n>", "backreferences"), ("(a)\\1", "backreferences"),
    ("(?>a)", "atomic groups"), ("a++", "possessive"), ("(?=a)", "lookahead"), ("(?<!a)", "lookbehind"),
    ("(?i)a", "flags"), ("(?i:a)", "flags"), ("(?#a)", "comments"), ("(a)?(?(1)b)", "conditions"),
    ("\\bx", "word boundaries"), ("\\p{L}", "properties"), ("\\012", "octal"), ("(?<>a)", "name"), ("(?<1>a)", "name"),
    ("(?<a-b>a)", "name"), ("[]a]", "begins a class"), ("[^]a]", "begins a class"), ("\\u{110000}", "no character"),
    ("\\u{}", "without digits"), ("\\u{41", "hexadecimal"), ("\\y", "unknown escape"), ("a{,3}", "count"),
    ("x{3", "'}'"),
  ])
  func whatIsNotSupportedIsNamed(_ pattern: String, _ words: String) {
    guard case .invalidRegex(_, let problem) = Acceptance.refusal(of: .regex(pattern)) else {
      Issue.record("\(pattern) was not refused")
      return
    }
    #expect(problem.contains(words), "\(pattern): \(problem)")
  }
}
