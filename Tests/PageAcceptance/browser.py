"""What the tests of the page share: the browser, the server under test, and what must hold of every page.

Options are environment variables, which scripts/test-page.sh sets: PAGE_URL (a server that runs already; without it the
stand-in is started), PAGE_KEY (its API key), PAGE_SCREENSHOTS (a directory), CHROMIUM (the browser's path).
"""

import faulthandler
import functools
import json
import os
import pathlib
import threading
import unittest
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

from stand_in_server import serve

PAGE = pathlib.Path(__file__).parents[2] / "Sources/Server/Page"
ANSWER_MILLISECONDS = 60_000
TEST_SECONDS = 300

expect.set_options(timeout=10_000)


def stand_in(**options):
    """Starts a stand-in on any free port; gives its address."""
    server = serve(0, PAGE, **options)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


class Shared:
    """The browser and the server, which all tests use."""

    url = None
    is_stand_in = False
    browser = None

    @classmethod
    def start(cls):
        if cls.browser:
            return
        cls.url = os.environ.get("PAGE_URL", "").rstrip("/")
        cls.is_stand_in = not cls.url
        if cls.is_stand_in:
            cls.url = stand_in()
        playwright = sync_playwright().start()
        cls.browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-dev-shm-usage"])
        unittest.addModuleCleanup(cls.stop, playwright)

    @classmethod
    def stop(cls, playwright):
        cls.browser.close()
        playwright.stop()
        cls.browser = None


def only_stand_in(test):
    """Marks a test that relies on what only the stand-in does."""
    @functools.wraps(test)
    def skipping(self):
        if not Shared.is_stand_in:
            self.skipTest("needs the stand-in server")
        test(self)
    return skipping


class PageTest(unittest.TestCase):
    """A fresh browser profile for each test. Afterwards: nothing on the console, no exception, nobody else was asked."""

    size = (1280, 860)
    scheme = "light"

    @classmethod
    def setUpClass(cls):
        Shared.start()

    def setUp(self):
        # A test that hangs ends the whole run, and says where.
        faulthandler.dump_traceback_later(TEST_SECONDS, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        self.url = Shared.url
        self.complaints = []
        self.strangers = []
        self.may_complain_of = ()
        self.open()

    def open(self, **options):
        """Opens the page in a new profile."""
        width, height = self.size
        options = {"color_scheme": self.scheme, "viewport": {"width": width, "height": height}, **options}
        self.context = Shared.browser.new_context(**options)
        self.addCleanup(self.context.close)
        self.context.on("request", self.note_request)
        self.context.on("console", self.note_console)
        self.context.on("weberror", lambda error: self.complaints.append(f"exception: {error.error}"))
        if os.environ.get("PAGE_KEY") and not Shared.is_stand_in:
            key = json.dumps(os.environ["PAGE_KEY"])
            self.context.add_init_script(f"sessionStorage.setItem('inflight.key', {key})")
        self.page = self.context.new_page()
        self.page.goto(self.url + "/")
        expect(self.page.locator("#pulse")).not_to_have_attribute("data-state", "connecting")

    def note_request(self, request):
        if urlsplit(request.url).netloc != urlsplit(self.url).netloc:
            self.strangers.append(request.url)

    def note_console(self, message):
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def tearDown(self):
        unexpected = [text for text in self.complaints if not any(word in text for word in self.may_complain_of)]
        self.assertEqual(unexpected, [], "the console is not silent")
        self.assertEqual(self.strangers, [], "another host was asked")

    # Steps that many tests take.

    def send(self, text):
        self.page.fill("#prompt", text)
        self.page.press("#prompt", "Enter")

    def answered(self, count=1):
        """Waits until this many answers are there and none is being written; gives the last one's text."""
        expect(self.page.locator(".message.assistant")).to_have_count(count, timeout=ANSWER_MILLISECONDS)
        expect(self.page.locator("#stop")).to_be_hidden(timeout=ANSWER_MILLISECONDS)
        return self.page.locator(".message.assistant .body").last.inner_text()

    def set_field(self, name, value):
        """Sets a field of the settings, which are opened if they are not."""
        if not self.page.locator("#settings").is_visible():
            self.page.click("#open-settings")
        self.page.fill(f"#settings [name={name}]", str(value))

    def ask_for_much(self, tokens=1500):
        """Sends a message whose answer takes long, with small models too: as long as so many tokens if they do not end."""
        self.set_field("temperature", 0)
        self.set_field("max_tokens", tokens)
        self.page.click("#close-settings")
        self.send("long" if Shared.is_stand_in else "Write a very long story about a lighthouse, a ship and a storm.")

    def answer_with(self, *texts):
        """Lets the browser answer chat requests itself with these texts in turn, whatever the server is."""
        left = list(texts)

        def fulfil(route):
            text = left.pop(0) if len(left) > 1 else left[0]
            events = [{"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]},
                      {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}]
            body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
            route.fulfill(status=200, content_type="text/event-stream", body=body)

        self.page.route("**/v1/chat/completions", fulfil)

    def screenshot(self, name):
        directory = os.environ.get("PAGE_SCREENSHOTS")
        if directory:
            self.page.screenshot(path=str(pathlib.Path(directory) / f"{name}.png"))
