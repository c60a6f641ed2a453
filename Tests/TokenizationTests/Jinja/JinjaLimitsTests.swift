import Foundation
import JSON
import Testing
import Tokenization

/// Hostile templates: each must end soon, in an error that says why.
@Suite struct JinjaLimitsTests {
  private func error(_ source: String, limits: TemplateLimits = TemplateLimits()) -> TemplateError? {
    do {
      _ = try JinjaTemplate(source: source).render(context: [], limits: limits, clock: JinjaGoldens.clock)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [
    "{{ range(10**12) }}",
    "{{ range(-9223372036854775807, 9223372036854775807) }}",
    "{{ 'a' * 10**9 }}",
    "{{ [1] * 10**12 }}",
    "{{ ('a' * 10**7) * 10**12 }}",
    "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
    "{% for a in range(100000) %}{{ 'a' * 100000 }}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{% call m() %}{% endcall %}{% endmacro %}{{ m() }}",
    "{% for x in [[1]] recursive %}{{ loop([[1]]) }}{% endfor %}",
    "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}",
    "{% set ns = namespace(x='a') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x|tojson }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"
      + "{% set y = namespace(x=[1]) %}{% for i in range(60) %}{% set y.x = [y.x, y.x] %}{% endfor %}{{ ns.x == y.x }}",
    "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
    "{% set ns = namespace(x='abc') %}{% for i in range(1000) %}{% set ns.x = ns.x|map('upper') %}{% endfor %}{{ ns.x|list }}",
    "{% set ns = namespace(x=1) %}{% for i in range(1000) %}{% set ns.x = cycler(ns.x) %}{% endfor %}",
    "{% set ns = namespace(x=1) %}{% for i in range(1000) %}{% set ns.x = {1: ns.x}.items() %}{% endfor %}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(1000) %}{% for y in ns.x %}{% set ns.x = [loop] %}{% endfor %}{% endfor %}",
    "{% set ns = namespace(t=(1,)) %}{% for i in range(60) %}{% set ns.t = (ns.t, ns.t) %}{% endfor %}{{ ns.t in {} }}",
    "{% set big = 'a' * 8000000 %}{% for i in range(100000) %}{% set y = big % () %}{% endfor %}",
    "{% set big = 'a' * 8000000 %}{% set d = {big: 1} %}{% for i in range(100000) %}{% set y = d[big] %}{% endfor %}",
    "{% set big = 'a' * 8000000 %}{% set affixes = (big,) * 1000 %}{% set end = big ~ 'b' %}"
      + "{% for i in range(100000) %}{% set y = end.endswith(affixes) %}{% endfor %}",
    "{% set big = 'a' * 4000000 %}{% for i in range(100000) %}{% set y = big.count('a' * 100 ~ 'b') %}{% endfor %}",
    "{% set big = 'ab' * 4000000 %}{% for i in range(100000) %}{% set y = big|upper %}{% endfor %}",
    "{% set big = 'a ' * 4000000 %}{% for i in range(100) %}{% set y = big.split() %}{% endfor %}",
    "{{ 'x'.center(10**12) }}", "{{ 'x'.zfill(10**12) }}", "{{ 'x'|indent(10**12) }}", "{{ '%999999999999d' % 1 }}",
    "{{ '{:999999999999}'.format(1) }}", "{{ '%.999999999f' % 1.5 }}", "{{ '%*d' % (10**15, 1) }}",
    "{{ []|slice(10**12)|list }}", "{{ [1]|batch(10**12, 0)|list }}", "{{ 1.5|round(10**12) }}",
    "{{ ('a' * 1000000)|replace('', 'b' * 1000) }}", "{{ [1, 2]|tojson(indent=10**12) }}",
    "{{ 9223372036854775807 + 1 }}", "{{ -9223372036854775807 - 2 }}", "{{ 9223372036854775807 * 2 }}",
    "{{ 10 ** 100 }}", "{{ (-9223372036854775807 - 1) // -1 }}", "{{ -(-9223372036854775807 - 1) }}",
    "{{ (-9223372036854775807 - 1)|abs }}", "{{ 99999999999999999999 }}", "{{ '9' * 30|int }}{{ ('9' * 30)|int }}",
    "{{ 1e300|int }}", "{{ 1e300|round(0, 'ceil') }}", "{{ '%d' % 1e300 }}", "{{ 10 ** 400 * 1.0 }}",
  ])
  func refuses(_ source: String) {
    let clock = ContinuousClock()
    let start = clock.now
    let found = error(source)
    #expect(found != nil, "\(source)")
    #expect(clock.now - start < .seconds(20), "\(source)")
    if let found {
      #expect(found.line == 1)
      #expect(!found.description.utf8.contains(10))
    }
  }

  /// The smallest integer keeps its own remainder by -1, which traps in hardware.
  @Test func dividesTheSmallestInteger() throws {
    let template = try JinjaTemplate(
      source: "{{ (-9223372036854775807 - 1) % -1 }}{{ range(5)[::-9223372036854775807]|list }}")
    #expect(try template.render(context: []) == "0[4]")
  }

  @Test(arguments: ["(", "[", "{1:", "not (", "-", "- -", "a[", "a(", "a|f(", "1 if (", "x is eq("])
  func refusesDeepExpressions(_ open: String) {
    let found = error("{{ " + String(repeating: open, count: 100_000))
    #expect(found != nil)
  }

  @Test(arguments: [
    "{% if 1 %}", "{% for x in y %}", "{% filter upper %}", "{% set x %}", "{% macro m() %}", "{% with %}",
  ])
  func refusesDeepTags(_ tag: String) {
    #expect(error(String(repeating: tag, count: 100_000))?.kind == .limit)
  }

  @Test func longChainsAreNotDeep() throws {
    let sum = "{{ " + String(repeating: "1 + ", count: 20_000) + "1 }}"
    #expect(try JinjaTemplate(source: sum).render(context: []) == "20001")
    let filters = "{{ 'a'" + String(repeating: "|upper|lower", count: 10_000) + " }}"
    #expect(try JinjaTemplate(source: filters).render(context: []) == "a")
    let nots = "{{ " + String(repeating: "not ", count: 20_001) + "1 }}"
    #expect(try JinjaTemplate(source: nots).render(context: []) == "False")
    let branches = "{% if 0 %}a" + String(repeating: "{% elif 0 %}b", count: 5_000) + "{% else %}c{% endif %}"
    #expect(try JinjaTemplate(source: branches).render(context: []) == "c")
  }

  /// The deepest nesting that is allowed fits a thread with a stack of 512 KiB.
  @Test func deepestNestingFitsASmallStack() throws {
    let brackets = 30
    let sources = [
      "{% macro m(k) %}{% if k %}{% for x in [1] %}{{ ('a' ~ (m(k - 1)|trim|upper)) if true else '' }}{% endfor %}{% endif %}{% endmacro %}{{ m(1000) }}",
      "{% macro m() %}{% filter upper %}{% set x %}{% call m() %}{% endcall %}{% endset %}{% endfilter %}{% endmacro %}{{ m() }}",
      "{% macro m(x) %}{{ [1]|map(attribute='a')|list }}{{ m(m) }}{% endmacro %}{{ m(1) }}",
      "{% macro m() %}{{ " + String(repeating: "[(-{1: ", count: 8) + "m()" + String(repeating: "}[1])][0]", count: 8)
        + " }}{% endmacro %}{{ m() }}",
      "{{ " + String(repeating: "(", count: brackets * 2) + "1" + String(repeating: ")", count: brackets * 2) + " }}",
      "{{ " + String(repeating: "[", count: 61) + "1" + String(repeating: "]", count: 61) + " == 1 }}",
      String(repeating: "{% if 1 %}{% for x in [1] %}", count: 30) + "x"
        + String(repeating: "{% endfor %}{% endif %}", count: 30),
      "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}{{ ns.x|tojson }}{{ ns.x == [ns.x] }}{{ ns.x < ns.x }}",
      "{% set ns = namespace(x=['a']) %}{% for i in range(30) %}{% set ns.x = ns.x|map('upper') %}{% endfor %}{{ ns.x|list }}",
      "{% for x in [[1]] recursive %}{% if 1 %}{{ loop([[1]]) }}{% endif %}{% endfor %}",
    ]
    for source in sources {
      let done = DispatchSemaphore(value: 0)
      let thread = Thread {
        do {
          _ = try JinjaTemplate(source: source).render(context: [])
        } catch {
          // Refusing is as good as rendering: what counts is that the stack was enough.
        }
        done.signal()
      }
      thread.stackSize = 512 << 10
      thread.start()
      done.wait()
    }
  }

  /// What a rendering builds is freed with it, also when it refers to itself.
  @Test func respectsOwnLimits() {
    let small = TemplateLimits(steps: 1_000, outputBytes: 100, allocatedBytes: 10_000, depth: 20)
    #expect(error("{% for x in range(2000) %}{% endfor %}", limits: small)?.kind == .limit)
    #expect(error("{{ 'a' * 101 }}", limits: small)?.kind == .limit)
    #expect(error("{{ 'a' * 60 }}{{ 'a' * 60 }}", limits: small)?.kind == .limit)
    #expect(error("{% set x = range(500)|list %}", limits: small)?.kind == .limit)
    #expect(
      error("{% macro m(k) %}{% if k %}{{ m(k - 1) }}{% endif %}{% endmacro %}{{ m(10) }}", limits: small)?.kind
        == .limit)
    #expect(error("{{ 'a' * 100 }}", limits: small) == nil)
  }

  /// Mutations of templates: an error or a text, in bounded time, and never a trap.
  @Test func survivesMutations() throws {
    let isLong = ProcessInfo.processInfo.environment["INFLIGHT_LONG_TESTS"] == "1"
    let goldens = try JinjaGoldens.read("conformance")
    let chats = try JinjaGoldens.read("chats")
    var sources = (goldens["cases"]?.arrayValue ?? []).compactMap { $0["template"]?.stringValue }.map { Array($0.utf8) }
    sources += (chats["templates"]?.arrayValue ?? []).compactMap { $0["source"]?.stringValue }.map { Array($0.utf8) }
    let context = JinjaGoldens.context(goldens["context"])
    let limits = TemplateLimits(steps: 20_000, outputBytes: 1 << 16, allocatedBytes: 1 << 22)
    var random = SplitMix(state: 0x5EED)
    let pieces = [
      "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "|", "(", ")", "[", "]", "{", "}", "'", "\\", ".", ",", ":", "=",
      "~", "**",
      " if ", " else ", " in ", " is ", " not ", " and ", "{% endif %}", "{% endfor %}", "{% else %}",
      "9223372036854775807",
      "-1", "0", "1e308", "none", "loop", "list", "d", "s", "|list", "|map('upper')", "|tojson", "|sort", "[::-1]", "*",
      "é", "\u{301}", "\n",
    ].map { Array($0.utf8) }
    for _ in 0..<(isLong ? 3_000_000 : 4_000) {
      var source = sources[Int(random.next() % UInt64(sources.count))]
      for _ in 0...(random.next() % 4) {
        let place = Int(random.next() % UInt64(source.count + 1))
        switch random.next() % 4 {
        case 0: source.insert(contentsOf: pieces[Int(random.next() % UInt64(pieces.count))], at: place)
        case 1: source.removeSubrange(place..<min(source.count, place + Int(random.next() % 6)))
        case 2:
          let other = sources[Int(random.next() % UInt64(sources.count))]
          let start = Int(random.next() % UInt64(other.count + 1))
          source.insert(contentsOf: other[start..<min(other.count, start + 40)], at: place)
        default: if place < source.count { source[place] = UInt8(truncatingIfNeeded: random.next()) }
        }
      }
      do {
        let template = try JinjaTemplate(source: String(decoding: source, as: UTF8.self))
        _ = try template.render(context: context, limits: limits, clock: JinjaGoldens.clock)
      } catch {
        #expect((error.kind == .raised || !error.message.isEmpty) && error.line >= 1)
      }
    }
  }
}

/// A small generator of random numbers with a seed (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number
/// Generators", 2014).
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
