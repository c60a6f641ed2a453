import Benchmarking
import Testing

@Suite struct MarkupTests {
  @Test func everythingThatMeansSomethingInMarkupIsEscaped() {
    #expect(Markup.escape("<a href=\"x\">'&amp;'</a>") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;&#39;&lt;/a&gt;")
  }

  @Test func charactersThatXMLForbidsAreReplaced() {
    #expect(Markup.escape("a\u{0}b\u{1b}[0mc\u{85}\u{ffff}\n\t") == "a\u{fffd}b\u{fffd}[0mc\u{fffd}\u{fffd}\n\t")
  }

  @Test func attributesAndCellsAreText() {
    #expect(Markup.element("p", [("title", "\"<")], "x<b/>") == "<p title=\"&quot;&lt;\">x<b/></p>")
    let table = Markup.table(caption: "<c>", ["<h>"], [["<r>"]])
    #expect(table.contains("&lt;c&gt;") && table.contains("&lt;h&gt;") && table.contains("&lt;r&gt;"))
  }
}
