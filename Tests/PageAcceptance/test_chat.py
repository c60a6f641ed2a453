"""The chat: streaming, stop, regenerate, edit, copy, conversations, settings, errors."""

import re
import time

from playwright.sync_api import expect

from browser import PageTest, only_stand_in, stand_in


class ChatTest(PageTest):
    def test_an_answer_streams(self):
        self.screenshot("welcome-light")
        self.ask_for_much(tokens=150)
        expect(self.page.locator("#stop")).to_be_visible()
        lengths = set()
        body = self.page.locator(".message.assistant .body")
        while self.page.locator("#stop").is_visible():
            lengths.add(len(body.inner_text()))
            time.sleep(0.03)
        self.assertGreater(len(lengths - {0}), 3, "the answer came in one piece")
        expect(self.page.locator(".stats")).to_contain_text(re.compile(r"\d+ tokens .* first after \d+ ms"))
        expect(self.page.locator("#status")).to_contain_text("The answer is there.")
        expect(self.page.locator("#prompt")).to_be_focused()

    def test_stop_keeps_what_came_and_cancels_at_the_server(self):
        self.ask_for_much()
        body = self.page.locator(".message.assistant .body")
        expect(body).to_contain_text(re.compile(r"\w+\s+\w+"))
        self.page.click("#stop")
        text = self.answered()
        self.assertTrue(text)
        time.sleep(0.5)
        self.assertEqual(text, body.inner_text(), "text came after the stop")
        expect(self.page.locator(".stats")).to_contain_text("stopped")
        expect(self.page.locator("#pulse")).to_have_attribute("data-state", "live")

    def test_a_conversation_goes_on_and_an_answer_is_made_again(self):
        self.answer_with("First.", "Second.", "Third.")
        self.send("One")
        self.assertEqual(self.answered(1), "First.")
        self.send("Two")
        self.assertEqual(self.answered(2), "Second.")
        with self.page.expect_request("**/v1/chat/completions") as sent:
            self.page.get_by_role("button", name="Regenerate").last.click()
        roles = [message["role"] for message in sent.value.post_data_json["messages"]]
        self.assertEqual(roles, ["user", "assistant", "user"])
        expect(self.page.locator(".message.assistant .body").last).to_have_text("Third.")
        self.answered(2)

    def test_an_edited_message_replaces_what_followed(self):
        self.answer_with("First.", "Second.", "Third.")
        self.send("One")
        self.answered(1)
        self.send("Two")
        self.answered(2)
        self.page.locator(".message.user").first.hover()
        self.page.get_by_role("button", name="Edit").first.click()
        editor = self.page.get_by_label("Edit the message")
        expect(editor).to_be_focused()
        self.assertEqual(editor.input_value(), "One")
        self.screenshot("editing-light")
        editor.fill("Another")
        editor.press("Enter")
        expect(self.page.locator(".message.assistant .body")).to_have_text("Third.")
        expect(self.page.locator(".message.user .body")).to_have_text("Another")

    def test_a_server_that_is_still_loading(self):
        self.may_complain_of = ("status of 503",)
        loading = '{"error": {"message": "the model is loading", "type": "server_error", "param": null, "code": null}}'
        for path in ["models", "state"]:
            self.page.route(f"**/{path}", lambda route: route.fulfill(status=503, content_type="application/json", body=loading))
        self.page.reload()
        expect(self.page.locator("#pulse-text")).to_have_text("not ready")
        self.assertEqual(self.page.input_value("#model"), "")
        self.answer_with("Yes.")
        with self.page.expect_request("**/v1/chat/completions") as sent:
            self.send("One")
        self.assertNotIn("model", sent.value.post_data_json)
        for path in ["models", "state"]:
            self.page.unroute(f"**/{path}")
        expect(self.page.locator("#pulse")).to_have_attribute("data-state", "live")
        expect(self.page.locator("#model")).not_to_have_value("")

    def test_the_oldest_conversations_make_room(self):
        self.answer_with("Yes.")
        self.page.evaluate("""() => {
          const messages = [{ role: "user", content: "x".repeat(900_000) }];
          for (let n = 0; n < 5; n += 1) {
            localStorage.setItem(`inflight.conversation.n${n}`, JSON.stringify({ id: `n${n}`, title: `Old ${n}`, updated: n + 1, messages }));
          }
        }""")
        self.page.reload()
        self.page.click("#new-conversation")
        self.send("y" * 800_000)
        self.answered()
        self.page.reload()
        titles = self.page.locator("#conversation-list .pick").all_inner_texts()
        self.assertEqual(titles[1:], ["Old 4", "Old 3", "Old 2", "Old 1"])

    def test_editing_can_be_given_up(self):
        self.answer_with("First.")
        self.send("One")
        self.answered()
        self.page.press("#prompt", "ArrowUp")
        editor = self.page.get_by_label("Edit the message")
        editor.fill("Something else")
        editor.press("Escape")
        expect(self.page.locator(".message.user .body")).to_have_text("One")
        expect(self.page.locator(".message.assistant")).to_have_count(1)

    def test_copy(self):
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.url)
        self.answer_with("Some *text*.\n\n```py\nx = 1\n```")
        self.send("One")
        self.answered()
        self.page.locator(".message.assistant .actions").get_by_text("Copy").click()
        self.assertEqual(self.page.evaluate("navigator.clipboard.readText()"), "Some *text*.\n\n```py\nx = 1\n```")
        self.page.locator(".code-head button").click()
        expect(self.page.locator(".code-head button")).to_have_text("Copied")
        self.assertEqual(self.page.evaluate("navigator.clipboard.readText()"), "x = 1")

    def test_conversations_are_kept_and_can_be_deleted(self):
        self.answer_with("First.", "Second.")
        self.send("About ships")
        self.answered()
        self.page.click("#new-conversation")
        expect(self.page.locator(".message")).to_have_count(0)
        self.send("About trains")
        self.answered()
        self.page.reload()
        self.assertEqual(self.page.locator("#conversation-list .pick").all_inner_texts(), ["About trains", "About ships"])
        expect(self.page.locator(".message.assistant .body")).to_have_text("Second.")
        self.page.get_by_role("button", name="About ships", exact=True).click()
        expect(self.page.locator(".message.assistant .body")).to_have_text("First.")
        self.page.get_by_role("button", name="Delete About ships").click()
        expect(self.page.locator(".message.user .body")).to_have_text("About trains")
        self.page.reload()
        self.assertEqual(self.page.locator("#conversation-list .pick").all_inner_texts(), ["About trains"])

    def test_two_tabs_do_not_lose_each_others_conversations(self):
        self.answer_with("First.")
        other = self.context.new_page()
        other.goto(self.url)
        self.send("From the first tab")
        self.answered()
        expect(other.locator("#conversation-list .pick")).to_have_text(["From the first tab"])

    def test_a_broken_store_is_survived(self):
        self.page.evaluate("""() => {
          localStorage.setItem("inflight.conversation.x", "{not JSON");
          localStorage.setItem("inflight.conversation.y", '{"id": "y", "messages": [{"role": "system"}, 7, null]}');
          localStorage.setItem("inflight.settings", '[1]');
          localStorage.setItem("inflight.theme", 'purple');
        }""")
        self.page.reload()
        expect(self.page.locator("#conversation-list .pick")).to_have_count(1)
        expect(self.page.locator("html")).to_have_attribute("data-theme", "system")

    def test_only_set_fields_are_sent(self):
        self.answer_with("Yes.")
        self.set_field("system", "Answer in one word.")
        for name, value in [("temperature", "0.5"), ("top_k", "40"), ("seed", "7"), ("stop", "a\nb")]:
            self.set_field(name, value)
        self.set_field("extra", '{"priority": 2}')
        with self.page.expect_request("**/v1/chat/completions") as sent:
            self.send("One")
        body = sent.value.post_data_json
        self.assertEqual(body.pop("messages"), [
            {"role": "system", "content": "Answer in one word."}, {"role": "user", "content": "One"}])
        self.assertTrue(body.pop("model"))
        self.assertEqual(body, {"stream": True, "stream_options": {"include_usage": True}, "temperature": 0.5, "top_k": 40,
                                "seed": 7, "stop": ["a", "b"], "priority": 2})
        self.answered()
        self.screenshot("settings-light")
        self.page.reload()
        expect(self.page.locator("#settings-summary")).to_have_text("temperature 0.5, top_k 40, seed 7")

    def test_a_field_that_is_no_number_is_marked_and_nothing_is_sent(self):
        self.set_field("top_k", "many")
        self.send("One")
        expect(self.page.locator("#wrong-top_k")).to_have_text("A whole number, please.")
        expect(self.page.locator("#settings [name=top_k]")).to_be_focused()
        expect(self.page.locator(".message")).to_have_count(0)
        self.assertEqual(self.page.input_value("#prompt"), "One")

    def test_what_the_server_refuses_is_shown_in_its_words(self):
        self.may_complain_of = ("status of 400",)
        self.set_field("temperature", 5)
        self.send("One")
        self.answered()
        problem = self.page.locator(".problem")
        expect(problem).to_contain_text("temperature")
        expect(self.page.locator("#wrong-temperature")).to_have_text(problem.inner_text())
        expect(self.page.locator("#settings [name=temperature]")).to_have_attribute("aria-invalid", "true")
        self.screenshot("refused-light")
        self.set_field("temperature", "")
        self.set_field("max_tokens", 8)
        expect(self.page.locator("#wrong-temperature")).to_be_hidden()
        self.page.get_by_role("button", name="Regenerate").click()
        self.answered()
        expect(self.page.locator(".problem")).to_have_count(0)

    def test_a_full_server_says_when_to_come_again(self):
        self.may_complain_of = ("status of 429",)
        self.page.route("**/v1/chat/completions", lambda route: route.fulfill(
            status=429, headers={"Retry-After": "3"}, content_type="application/json",
            body='{"error": {"message": "The queue is full.", "type": "rate_limit_error", "param": null, "code": null}}'))
        self.send("One")
        self.answered()
        expect(self.page.locator(".problem")).to_have_text("The queue is full. Try again in 3 s.")

    def test_a_server_that_is_gone(self):
        self.may_complain_of = ("ERR_FAILED", "ERR_CONNECTION")
        self.page.route("**/v1/chat/completions", lambda route: route.abort())
        self.send("One")
        self.answered()
        expect(self.page.locator(".problem")).to_have_text("The server cannot be reached.")

    def test_a_question_without_an_answer_is_a_part_of_the_next(self):
        self.may_complain_of = ("ERR_FAILED", "ERR_CONNECTION")
        self.page.route("**/v1/chat/completions", lambda route: route.abort())
        self.send("One")
        self.answered(1)
        self.page.unroute("**/v1/chat/completions")
        with self.page.expect_request("**/v1/chat/completions") as asked:
            self.send("Two")
        self.assertEqual(asked.value.post_data_json["messages"], [{"role": "user", "content": "One\n\nTwo"}])
        self.answered(2)

    @only_stand_in
    def test_a_failure_in_the_middle_keeps_what_came(self):
        self.send("break")
        self.assertIn("In-flight", self.answered())
        expect(self.page.locator(".problem")).to_have_text("The engine failed this request.")

    @only_stand_in
    def test_a_connection_that_ends_early_is_told(self):
        self.may_complain_of = ("ERR_INCOMPLETE_CHUNKED_ENCODING",)
        self.send("drop")
        self.assertIn("In-flight", self.answered())
        expect(self.page.locator(".problem")).to_be_visible()

    @only_stand_in
    def test_the_system_prompt_and_the_history_arrive(self):
        self.set_field("system", "You are a ship.")
        self.send("echo system")
        self.assertEqual(self.answered(1), "You are a ship.")
        self.send("count")
        self.assertEqual(self.answered(2), "4 messages")

    def test_an_answer_goes_on_while_another_conversation_is_open(self):
        self.ask_for_much(tokens=400)
        title = self.page.locator(".pick.busy").inner_text()
        self.page.click("#new-conversation")
        expect(self.page.locator(".pick.busy")).to_have_count(1)
        expect(self.page.locator("#send")).to_be_visible()
        expect(self.page.locator(".pick.busy")).to_have_count(0, timeout=60_000)
        self.page.get_by_role("button", name=title, exact=True).click()
        self.assertTrue(self.answered())


class KeyTest(PageTest):
    """A server that wants an API key; always the stand-in."""

    def setUp(self):
        super().setUp()
        self.may_complain_of = ("status of 401",)
        self.url = stand_in(api_key="secret")
        self.context.close()
        self.open()

    def test_the_key_is_asked_for_sent_and_forgotten_with_the_tab(self):
        self.send("One")
        self.answered()
        expect(self.page.locator(".problem")).to_contain_text("Give an API key in the settings.")
        self.page.click("#tab-engine")
        expect(self.page.locator("#engine-notice")).to_contain_text("needs an API key")
        self.page.click("#tab-chat")
        self.set_field("key", "secret")
        self.page.press("#settings [name=key]", "Tab")
        expect(self.page.locator("#pulse")).to_have_attribute("data-state", "live")
        expect(self.page.locator("#model")).to_have_value("stand-in")
        self.page.get_by_role("button", name="Regenerate").click()
        self.assertIn("In-flight", self.answered())
        self.assertNotIn("secret", self.page.evaluate("JSON.stringify(localStorage)"))
        other = self.context.new_page()
        other.goto(self.url)
        expect(other.locator("#pulse")).to_have_attribute("data-state", "lost")
