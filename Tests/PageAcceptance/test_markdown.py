"""Markdown: what it looks like as elements, and that nothing in it is ever interpreted as HTML."""

import random

from playwright.sync_api import expect

from browser import PageTest
from stand_in_server import HOSTILE, RICH

RENDER = """async (text) => {
  const { renderMarkdown } = await import("/markdown.js");
  const container = document.createElement("div");
  renderMarkdown(text, container);
  return container.innerHTML.replaceAll(' target="_blank" rel="noopener noreferrer nofollow"', "");
}"""


class MarkdownTest(PageTest):
    def rendered(self, text):
        return self.page.evaluate(RENDER, text)

    def test_blocks_and_lines(self):
        cases = [
            ("a\nb", "<p>a<br>b</p>"),
            ("# One\n### Three ###\ntext", "<h1>One</h1><h3>Three</h3><p>text</p>"),
            ("**a** *b* ***c*** ~~d~~ `e*`", "<p><strong>a</strong> <em>b</em> <strong><em>c</em></strong> <s>d</s> <code>e*</code></p>"),
            ("a * b * c, snake_case_name, 2 ** 3", "<p>a * b * c, snake_case_name, 2 ** 3</p>"),
            ("**bold *and* more**", "<p><strong>bold <em>and</em> more</strong></p>"),
            ("\\*not\\* `` a`b ``", "<p>*not* <code>a`b</code></p>"),
            ("- a\n- b\n  - c\n- d", "<ul><li>a</li><li>b<ul><li>c</li></ul></li><li>d</li></ul>"),
            ("3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'),
            ("1. a\n\n   b\n2. c", '<ol start="1"><li><p>a</p><p>b</p></li><li>c</li></ol>'),
            ("> a\n> - b", "<blockquote><p>a</p><ul><li>b</li></ul></blockquote>"),
            ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
            ("In\n1984. it was", "<p>In<br>1984. it was</p>"),
            ("[a](https://x.org/b_(c)) https://x.org/d.", '<p><a href="https://x.org/b_(c)">a</a> <a href="https://x.org/d">https://x.org/d</a>.</p>'),
            ("<https://x.org/e> ![f](https://x.org/g.png)", '<p><a href="https://x.org/e">https://x.org/e</a> <a href="https://x.org/g.png">f</a></p>'),
        ]
        for text, html in cases:
            with self.subTest(text):
                self.assertEqual(self.rendered(text), html)

    def test_code_and_tables(self):
        code = self.rendered("```swift\nlet a = \"b\" // c\n```")
        self.assertIn('<span class="keyword">let</span> a = <span class="string">"b"</span> <span class="comment">// c</span>', code)
        self.assertIn("<code>x &lt; y</code>", self.rendered("~~~\nx < y\n~~~"))
        self.assertIn("<code>still open", self.rendered("```\nstill open"))
        table = self.rendered("| a | b |\n|---|--:|\n| `x|y` | 1 \\| 2 |")
        self.assertIn('<th class="" scope="col">a</th><th class="number" scope="col">b</th>', table)
        self.assertIn('<td class=""><code>x|y</code></td><td class="number">1 | 2</td>', table)
        self.assertEqual(self.rendered("a | b\nc | d"), "<p>a | b<br>c | d</p>")

    def test_addresses(self):
        safe = """async (texts) => {
          const { safeAddress } = await import("/inline.js");
          return texts.map(safeAddress);
        }"""
        refused = ["javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:x", "java\tscript:x", "data:text/html,x", "vbscript:x",
                   "file:///etc/passwd", "blob:x", "//elsewhere.example", "/v1/models", "x", "\u0001javascript:x", "https://a b"]
        self.assertEqual(self.page.evaluate(safe, refused), [None] * len(refused))
        self.assertEqual(self.page.evaluate(safe, ["https://a.org", "mailto:a@b.org", "#c"]), ["https://a.org/", "mailto:a@b.org", "#c"])

    def test_an_answer_in_markdown(self):
        self.answer_with(RICH)
        self.send("How do I merge two sorted arrays?")
        self.answered()
        body = self.page.locator(".message.assistant .body")
        for selector, count in [("h1", 1), ("ol > li", 3), ("ol ul > li", 1), (".code", 1), ("table tbody tr", 2), ("blockquote", 1), ("a", 1)]:
            expect(body.locator(selector)).to_have_count(count)
        link = body.locator("a")
        self.assertEqual(link.get_attribute("rel"), "noopener noreferrer nofollow")
        self.page.locator("#scroll").evaluate("(element) => element.scrollTop = 0")
        self.screenshot("markdown-light")

    def test_a_hostile_answer_is_only_text(self):
        self.check_hostile("assistant")

    def test_a_hostile_message_is_only_text(self):
        self.check_hostile("user")

    def check_hostile(self, role):
        self.answer_with(HOSTILE if role == "assistant" else "Yes.")
        self.send("One" if role == "assistant" else HOSTILE)
        self.answered()
        self.page.reload()
        body = self.page.locator(f".message.{role} .body")
        expect(body).to_contain_text("<script>window.broken = 1</script>")
        self.assertEqual(body.locator("script, img, iframe, svg, object, embed, style, link, form, input").count(), 0)
        found = self.page.evaluate("""() => ({
          broken: window.broken ?? null,
          handlers: [...document.querySelectorAll("#messages *")]
            .filter((one) => one.getAttributeNames().some((name) => name.startsWith("on"))).length,
          addresses: [...document.querySelectorAll("#messages a")].map((one) => one.protocol),
        })""")
        self.assertIsNone(found["broken"])
        self.assertEqual(found["handlers"], 0)
        self.assertEqual(set(found["addresses"]) - {"https:"}, set())

    def test_streaming_ends_like_the_whole_and_keeps_finished_blocks(self):
        kept = self.page.evaluate("""async (text) => {
          const { renderMarkdown } = await import("/markdown.js");
          const [grown, whole] = [document.createElement("div"), document.createElement("div")];
          renderMarkdown(text, whole);
          let first = null, kept = true;
          for (let end = 1; end <= text.length; end += 1) {
            renderMarkdown(text.slice(0, end), grown);
            if (end === 40) first = grown.firstChild;
            if (end > 40) kept &&= first === grown.firstChild;
          }
          return [kept, grown.innerHTML === whole.innerHTML];
        }""", RICH)
        self.assertEqual(kept, [True, True])

    def test_anything_is_rendered_in_time_and_loses_no_letters(self):
        generator = random.Random(7)
        marks = ["*", "**", "_", "`", "```\n", "[", "](", ")", "<", ">", "> ", "- ", "1. ", "\n", "\n\n", "|", "| - |", "# ", "\\", "a", "b c", "~~",
                 "http://a", "!["]
        texts = ["".join(generator.choice(marks) for _ in range(generator.randrange(1, 60))) for _ in range(400)]
        texts += [mark * 4_000 for mark in marks] + ["> " * 3_000 + "a", "".join("  " * depth + "- a\n" for depth in range(200)), "*a " * 4_000, "[a](" * 2_000]
        gap = " " * 30_000
        texts += [f"a |\n{before}{gap}{after}" for before in ("# a", "---", "| -", "```", "- ", "1.", "***", "a") for after in ("", "x", "`", "\u2028")]
        texts += ["# a " + "#" * 30_000 + "b", "# a" + " #" * 15_000 + " b"]
        slow = self.page.evaluate("""async (texts) => {
          const { renderMarkdown } = await import("/markdown.js");
          const slow = [];
          for (const text of texts) {
            const start = performance.now();
            const container = document.createElement("div");
            renderMarkdown(text, container);
            if (container.querySelector("script, img")) slow.push(["element", text.slice(0, 40)]);
            if (performance.now() - start > 2_000) slow.push(["slow", text.slice(0, 40)]);
            const letters = (one) => one.replace(/[^abc]/g, "").length;
            if (!text.includes("```") && !text.includes("](") && letters(container.textContent) !== letters(text)) slow.push(["lost", text]);
          }
          return slow;
        }""", texts)
        self.assertEqual(slow, [])
