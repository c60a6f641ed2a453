"""The page as a whole: colours, keyboard, narrow screens, names for readers of the screen, and what it may load."""

import re
import urllib.request

from playwright.sync_api import expect

from browser import PAGE, PageTest
from stand_in_server import RICH

CONTRAST = """() => {
  const style = getComputedStyle(document.documentElement);
  const light = (name) => {
    const hex = style.getPropertyValue(`--${name}`).trim();
    const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
      .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const weak = [];
  const inks = ["ink", "ink-2", "ink-3", "accent", "danger", "ink-context", "ink-generation"];
  for (const ink of inks) for (const ground of ["ground", "panel", "panel-2"]) {
    if (contrast(ink, ground) < 4.5) weak.push([ink, ground, contrast(ink, ground)]);
  }
  for (const ink of ["code-keyword", "code-string", "code-number", "code-comment"]) {
    if (contrast(ink, "code-ground") < 4.5) weak.push([ink, "code-ground", contrast(ink, "code-ground")]);
  }
  if (contrast("accent-ink", "accent") < 4.5) weak.push(["accent-ink", "accent"]);
  if (contrast("danger", "danger-ground") < 4.5) weak.push(["danger", "danger-ground"]);
  for (const [a, b] of [["context", "panel"], ["block-used", "panel"], ["focus", "ground"]]) {
    if (contrast(a, b) < 3) weak.push([a, b, contrast(a, b)]);
  }
  return weak;
}"""

NAMELESS = """() => [...document.querySelectorAll("button, input, textarea, select, a[href], [role=img], [role=tab]")]
  .filter((one) => !(one.getAttribute("aria-label") || one.textContent.trim() || one.labels?.length))
  .map((one) => one.outerHTML.slice(0, 80))"""


class PageAsAWholeTest(PageTest):
    def test_the_policy_holds(self):
        headers = urllib.request.urlopen(self.url + "/").headers
        policy = headers["Content-Security-Policy"]
        for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]:
            self.assertIn(part, policy)
        self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
        for path in sorted(path.name for path in PAGE.iterdir()):
            served = urllib.request.urlopen(f"{self.url}/{'' if path == 'index.html' else path}")
            self.assertEqual(served.read(), (PAGE / path).read_bytes(), path)
            expected = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "html": "text/html"}[path.rsplit(".")[-1]]
            self.assertEqual(served.headers.get_content_type(), expected, path)

    def test_an_injected_script_does_not_run(self):
        self.may_complain_of = ("Content Security Policy",)
        self.page.evaluate("""() => {
          const script = document.createElement("script");
          script.textContent = "window.broken = true";
          document.body.append(script);
        }""")
        self.assertIsNone(self.page.evaluate("window.broken ?? null"))

    def test_every_control_has_a_name(self):
        self.answer_with("Some text.")
        self.send("One")
        self.answered()
        self.assertEqual(self.page.evaluate(NAMELESS), [])
        ids = self.page.evaluate("[...document.querySelectorAll('[id]')].map((one) => one.id)")
        self.assertEqual(len(ids), len(set(ids)))

    def test_light_and_dark(self):
        root = self.page.locator("html")
        expect(root).to_have_attribute("data-colours", "light")
        self.assertEqual(self.page.evaluate(CONTRAST), [])
        self.page.emulate_media(color_scheme="dark")
        expect(root).to_have_attribute("data-colours", "dark")
        self.assertEqual(self.page.evaluate(CONTRAST), [])
        self.page.click("#theme")
        expect(root).to_have_attribute("data-colours", "light")
        expect(self.page.locator("#theme")).to_have_attribute("aria-label", "Colours: light")
        self.page.click("#theme")
        expect(root).to_have_attribute("data-theme", "dark")
        self.page.emulate_media(color_scheme="light")
        self.page.reload()
        expect(root).to_have_attribute("data-colours", "dark")
        self.page.click("#theme")
        expect(root).to_have_attribute("data-colours", "light")

    def test_the_keyboard_alone(self):
        page = self.page
        self.answer_with("First.", "Second.", "Third.")
        expect(page.locator("#prompt")).to_be_focused()
        page.keyboard.type("a")
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("b")
        self.assertEqual(page.input_value("#prompt"), "a\nb")
        page.keyboard.press("Enter")
        self.answered(1)
        expect(page.locator(".message.user .body")).to_have_text("a\nb")
        page.keyboard.press("Alt+r")
        expect(page.locator(".message.assistant .body")).to_have_text("Second.")
        self.answered(1)
        page.keyboard.press("ArrowUp")
        expect(page.get_by_label("Edit the message")).to_be_focused()
        page.keyboard.press("Escape")
        page.locator("#tab-chat").focus()
        page.keyboard.press("/")
        expect(page.locator("#prompt")).to_be_focused()
        self.assertEqual(page.input_value("#prompt"), "")
        page.keyboard.press("Alt+s")
        expect(page.locator("#settings")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#settings")).to_be_hidden()
        page.keyboard.press("Alt+2")
        expect(page.locator("#view-engine")).to_be_visible()
        page.locator("#tab-engine").focus()
        page.keyboard.press("?")
        expect(page.locator("#shortcuts")).to_be_visible()
        self.screenshot("shortcuts-light")
        page.keyboard.press("Escape")
        expect(page.locator("#shortcuts")).to_be_hidden()
        page.locator("#tab-engine").focus()
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#tab-chat")).to_be_focused()
        expect(page.locator("#view-chat")).to_be_visible()
        page.keyboard.press("Alt+n")
        expect(page.locator(".message")).to_have_count(0)

    def test_escape_stops_an_answer(self):
        self.ask_for_much()
        expect(self.page.locator(".message.assistant .body")).to_contain_text(re.compile(r"\w"))
        self.page.keyboard.press("Escape")
        self.answered()
        expect(self.page.locator(".stats")).to_contain_text("stopped")

    def test_focus_can_be_seen(self):
        self.page.locator("#tab-chat").focus()
        self.page.keyboard.press("Tab")
        outline = self.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        self.assertEqual(outline, "solid")

    def test_the_view_is_in_the_address(self):
        self.page.click("#tab-engine")
        self.assertTrue(self.page.url.endswith("/#engine"))
        self.page.reload()
        expect(self.page.locator("#view-engine")).to_be_visible()
        expect(self.page.locator("#tab-engine")).to_have_attribute("aria-selected", "true")


class DarkTest(PageTest):
    scheme = "dark"

    def test_screenshots(self):
        self.screenshot("welcome-dark")
        self.answer_with("Both of them.\n\n```swift\nlet answer = 42 // the answer\n```\n\n1. One\n2. Two")
        self.send("Tea or coffee?")
        self.answered()
        self.screenshot("chat-dark")
        self.page.click("#tab-engine")
        self.page.click("#demo")
        self.page.wait_for_timeout(3_500)
        self.screenshot("engine-dark")
        self.page.click("#demo")


class PhoneTest(PageTest):
    size = (390, 844)

    def open(self, **options):
        super().open(has_touch=True, is_mobile=True, device_scale_factor=2, **options)

    def no_sideways_scrolling(self):
        widths = self.page.evaluate("""() => [document.documentElement.scrollWidth,
          ...["scroll", "view-engine", "settings"].map((id) => document.getElementById(id).scrollWidth)]""")
        self.assertLessEqual(max(widths), self.size[0])

    def test_it_fits(self):
        self.screenshot("welcome-phone")
        self.answer_with(RICH)
        self.send("How do I merge two sorted arrays?")
        self.answered()
        self.no_sideways_scrolling()
        self.screenshot("chat-phone")
        self.page.tap("#open-settings")
        expect(self.page.locator("#settings")).to_be_visible()
        self.no_sideways_scrolling()
        self.screenshot("settings-phone")
        self.page.touchscreen.tap(10, 400)
        expect(self.page.locator("#settings")).to_be_hidden()
        self.page.tap("#open-conversations")
        expect(self.page.locator("#conversations")).to_have_class(re.compile("open"))
        self.page.wait_for_timeout(300)
        self.screenshot("conversations-phone")
        self.page.tap("#new-conversation")
        expect(self.page.locator("#conversations")).not_to_have_class(re.compile("open"))
        expect(self.page.locator("#shade")).to_be_hidden()

    def test_the_engine_fits(self):
        self.page.tap("#tab-engine")
        self.page.tap("#demo")
        self.page.wait_for_timeout(3_000)
        self.no_sideways_scrolling()
        self.screenshot("engine-phone")
        self.page.tap("#demo")

    def test_at_320_pixels(self):
        self.page.set_viewport_size({"width": 320, "height": 600})
        widths = self.page.evaluate("[document.documentElement.scrollWidth, document.querySelector('.bar').scrollWidth]")
        self.assertLessEqual(max(widths), 320)
