"""The live view of the engine."""

import json
import re

from playwright.sync_api import expect

from browser import PageTest, only_stand_in


def number(locator):
    return float(locator.inner_text().replace(",", "").replace("\u2013", "nan"))


class EngineTest(PageTest):
    def test_sixteen_requests_fly(self):
        self.page.click("#tab-engine")
        expect(self.page.locator("#flight-empty")).to_be_visible()
        self.screenshot("engine-idle-light")
        self.page.click("#demo")
        expect(self.page.locator("#demo")).to_have_text("Cancel them")
        expect(self.page.locator("#figure-running")).to_have_text(re.compile(r"^([4-9]|1\d)$"), timeout=30_000)
        expect(self.page.locator("#flight-empty")).to_be_hidden()
        expect(self.page.locator("#pulse")).to_have_attribute("data-state", "busy")
        self.page.locator(".as-table summary").click()
        expect(self.page.locator("#batch-table tr").first).to_be_visible()
        self.page.locator(".as-table summary").click()
        self.page.wait_for_timeout(2_500)
        self.screenshot("engine-light")
        self.assertGreater(self.inked("#flight", ["context", "generation"]), 500)
        self.assertGreater(self.inked("#blocks", ["block-used", "block-shared"]), 10)
        self.page.locator("#curves").scroll_into_view_if_needed()
        self.page.locator("#view-engine").evaluate("(element) => element.scrollTop = element.scrollHeight")
        expect(self.page.locator("#demo-report")).to_contain_text("All 16 are back", timeout=240_000)
        expect(self.page.locator("#demo")).to_have_text("Send 16 requests")
        self.page.wait_for_timeout(300)
        self.screenshot("engine-curves-light")
        self.assertGreater(self.inked("#curve-throughput", ["accent"]), 50)
        expect(self.page.locator("#figure-running")).to_have_text("0")
        expect(self.page.locator("#pulse-text")).to_have_text("idle")

    def inked(self, canvas, colours):
        """How many pixels of a canvas have one of these colours of the palette."""
        return self.page.evaluate("""([selector, names]) => {
          const canvas = document.querySelector(selector);
          const style = getComputedStyle(document.documentElement);
          const wanted = names.map((name) => Number.parseInt(style.getPropertyValue(`--${name}`).trim().slice(1), 16));
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let count = 0;
          for (let at = 0; at < data.length; at += 4) {
            const value = data[at] * 65536 + data[at + 1] * 256 + data[at + 2];
            if (data[at + 3] === 255 && wanted.includes(value)) count += 1;
          }
          return count;
        }""", [canvas, colours])

    def test_the_sixteen_can_be_cancelled(self):
        self.page.click("#tab-engine")
        self.page.click("#demo")
        expect(self.page.locator("#figure-running")).not_to_have_text(re.compile(r"^[0\u2013]$"), timeout=30_000)
        self.page.click("#demo")
        expect(self.page.locator("#demo-report")).to_contain_text("cancelled")
        expect(self.page.locator("#figure-running")).to_have_text("0")

    def test_figures_words_and_the_map_follow_the_state(self):
        self.feed([
            {"step": 41, "time_ms": 12.5, "waiting": 3, "tokens_per_second": 1250.4, "ttft_ms": 48.25, "itl_ms": 7.31,
             "batch": [{"id": "r1", "phase": "context", "tokens": 64, "prompt_tokens": 200, "generated": 0},
                       {"id": "r2", "phase": "generation", "tokens": 1, "prompt_tokens": 20, "generated": 9}],
             "blocks": {"total": 8, "used": 3, "cached": 2, "free": 3, "map": "uusccu.."}}])
        for name, text in [("running", "2"), ("waiting", "3"), ("throughput", "1,250"), ("ttft", "48"), ("itl", "7.3"), ("cache", "38")]:
            expect(self.page.locator(f"#figure-{name}")).to_have_text(text)
        self.assertEqual(self.legend(), ["3 used", "1 shared", "2 cached", "2 free"])
        expect(self.page.locator("#flight")).to_have_attribute(
            "aria-label", "Step 41: 2 requests in the batch, 1 of them in context, 3 waiting.")
        self.page.locator(".as-table summary").click()
        expect(self.page.locator("#batch-table tr")).to_have_count(2)
        self.assertEqual(self.page.locator("#batch-table tr").first.locator("td").all_inner_texts(), ["r1", "context", "64", "200", "0"])
        box = self.page.locator("#flight").bounding_box()
        self.page.mouse.move(box["x"] + box["width"] - 12, box["y"] + 8)
        expect(self.page.locator("#flight-tip")).to_contain_text("Step 41: 2 aboard, 3 waiting, 12.5 ms")
        expect(self.page.locator("#flight-tip")).to_contain_text("reads 64 of 200 prompt tokens")

    def test_why_requests_wait_is_said(self):
        reasons = [{"reason": "request 7 waits for <b>blocks</b>"}, {"reason": "request 8 waits behind request 7"}, {}]
        self.page.route("**/inflight/waiting", lambda route: route.fulfill(
            status=200, content_type="application/json", body=json.dumps({"object": "list", "data": reasons})))
        blocks = {"total": 1, "used": 1, "cached": 0, "free": 0}
        self.feed([{"step": 1, "batch": [], "waiting": 3, "blocks": blocks}])
        expect(self.page.locator("#waiting-words")).to_have_text("Request 7 waits for <b>blocks</b>. 2 more wait.")
        self.screenshot("engine-waiting-light")
        self.feed([{"step": 2, "batch": [], "waiting": 0, "blocks": blocks}])
        expect(self.page.locator("#figure-waiting")).to_have_text("0")
        expect(self.page.locator("#waiting-words")).to_have_text("")

    def test_what_the_server_cannot_say_is_left_out(self):
        self.may_complain_of = ["503"]
        for status, body in [(200, "7"), (200, "{no"), (503, "{}")]:
            self.page.unroute("**/inflight/waiting")
            self.page.route("**/inflight/waiting", lambda route: route.fulfill(
                status=status, content_type="application/json", body=body))
            with self.page.expect_response("**/inflight/waiting"):
                self.feed([{"step": 1, "batch": [], "waiting": 3, "blocks": {}}])
            expect(self.page.locator("#figure-waiting")).to_have_text("3")
            expect(self.page.locator("#waiting-words")).to_have_text("")

    def feed(self, events):
        """Lets the browser answer the next connections to the engine with these events, and opens the view."""
        body = "".join(f"data: {event if isinstance(event, str) else json.dumps(event)}\n\n" for event in events)
        self.page.route("**/inflight/state", lambda route: route.fulfill(status=200, content_type="text/event-stream", body=body))
        self.page.goto(self.url + "/#engine")
        self.page.reload()

    def test_runs_of_a_map_and_states_between_maps(self):
        counts = {"total": 30, "used": 15, "cached": 1, "free": 14}
        self.feed([{"step": 1, "batch": [], "waiting": 0, "blocks": {**counts, "map": "12u3sc14."}},
                   {"step": 2, "batch": [], "waiting": 0, "blocks": counts}])
        self.assertEqual(self.legend(), ["12 used", "3 shared", "1 cached", "14 free"])

    def test_a_state_without_a_map_or_measures(self):
        self.feed([{"step": 1, "batch": [], "waiting": 0, "blocks": {"total": 100, "used": 20, "cached": 30, "free": 50}}])
        self.assertEqual(self.legend(), ["20 used", "0 shared", "30 cached", "50 free"])
        expect(self.page.locator("#figure-throughput")).to_have_text("0")
        expect(self.page.locator("#figure-ttft")).to_have_text("\u2013")
        self.assertGreater(self.inked("#blocks", ["block-used"]), 100)

    def legend(self):
        expect(self.page.locator("#blocks-legend li")).to_have_count(4)
        return self.page.locator("#blocks-legend li").all_inner_texts()

    def test_steps_that_a_server_leaves_out_are_told(self):
        blocks = {"total": 1, "used": 0, "cached": 0, "free": 1}
        run = {"id": 7, "phase": "generation", "tokens": 1, "prompt_tokens": 9, "generated": 1}
        self.feed([{"step": step, "batch": [run], "waiting": 0, "blocks": blocks} for step in range(8, 400, 8)])
        expect(self.page.locator("#flight-sub")).to_have_text("one step of 8 is shown")

    def test_wrong_states_are_passed_over(self):
        self.feed([7, None, [], {"step": "x"}, {"step": 5, "batch": {"a": 1}, "blocks": 3, "waiting": -1},
                   {"step": 6, "batch": [None, 3, {"id": {}, "phase": 9, "tokens": "many"}], "blocks": {"map": 5, "total": None}, "waiting": 2}])
        expect(self.page.locator("#figure-waiting")).to_have_text("2")

    def test_an_event_that_is_no_json_is_told_and_the_connection_comes_back(self):
        self.feed(["{no"])
        expect(self.page.locator("#engine-notice")).to_have_text("The server sent an event that is not JSON. Trying again.")
        self.page.unroute("**/inflight/state")
        expect(self.page.locator("#pulse")).to_have_attribute("data-state", "live")
        expect(self.page.locator("#engine-notice")).to_be_hidden()

    def test_a_server_without_the_stream(self):
        self.may_complain_of = ("status of 404",)
        self.page.route("**/inflight/state", lambda route: route.fulfill(status=404, body="{}"))
        self.page.goto(self.url + "/#engine")
        self.page.reload()
        expect(self.page.locator("#engine-notice")).to_contain_text("does not publish")

    def test_memory_is_bounded(self):
        state = {"time_ms": 1, "waiting": 0, "blocks": {"total": 1, "used": 0, "cached": 0, "free": 1, "map": "." * 300_000},
                 "batch": [{"id": f"r{n}", "phase": "generation", "tokens": 1, "prompt_tokens": 1, "generated": 1} for n in range(600)]}
        small = {**state, "blocks": {"total": 1, "used": 0, "cached": 0, "free": 1}, "batch": state["batch"][:2]}
        body = "".join(f"data: {json.dumps({**(state if n == 1 else small), 'step': n})}\n\n" for n in range(1, 6_000))
        self.page.route("**/inflight/state", lambda route: route.fulfill(status=200, content_type="text/event-stream", body=body))
        sizes = self.page.evaluate("""async () => {
          const { EngineState, checkedState } = await import("/state.js");
          const state = new EngineState();
          const ended = new Promise((resolve) => {
            const timer = setInterval(() => state.connection === "lost" && (clearInterval(timer), resolve()), 20);
          });
          state.start();
          await ended;
          const large = checkedState({ step: 1, batch: Array(100_000).fill({ id: "x".repeat(10_000) }) });
          return [state.latest.step, state.steps.length, state.points.length, large.batch.length, large.batch[0].id.length, large.batchSize];
        }""")
        step, steps, points, batch, identifier, batch_size = sizes
        self.assertEqual(step, 5_999)
        self.assertLessEqual(steps, 1_125)
        self.assertLessEqual(points, 750)
        self.assertEqual((batch, identifier, batch_size), (512, 80, 100_000))

    def test_it_rests_while_nobody_looks(self):
        hide = """(isHidden) => {
          Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
        with self.page.expect_event("requestfailed", lambda request: request.url.endswith("/inflight/state")):
            self.page.evaluate(hide, True)
        expect(self.page.locator("#pulse")).to_have_attribute("data-state", "paused")
        with self.page.expect_request("**/inflight/state"):
            self.page.evaluate(hide, False)
        expect(self.page.locator("#pulse")).to_have_attribute("data-state", re.compile("live|busy"))

    @only_stand_in
    def test_a_lost_connection_comes_back(self):
        with self.page.expect_request("**/inflight/state", timeout=15_000):
            self.page.evaluate("fetch('/test/drop-states', { method: 'POST' })")
        expect(self.page.locator("#pulse")).to_have_attribute("data-state", "live")

    def test_freezing(self):
        self.page.click("#tab-engine")
        self.page.click("#demo")
        expect(self.page.locator("#figure-running")).not_to_have_text(re.compile(r"^[0\u2013]$"), timeout=30_000)
        self.page.click("#freeze")
        expect(self.page.locator("#freeze")).to_have_attribute("aria-pressed", "true")
        self.page.wait_for_timeout(400)
        label = self.page.get_attribute("#flight", "aria-label")
        self.page.wait_for_timeout(600)
        self.assertEqual(self.page.get_attribute("#flight", "aria-label"), label)
        self.page.click("#freeze")
        expect(self.page.locator("#flight")).not_to_have_attribute("aria-label", label)
        self.page.click("#demo")
