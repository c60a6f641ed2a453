"""What clients, good and bad, do on the wire."""

import json
import random
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

import pytest

from conftest import LONG


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"prompt": "\xff"}', b'{"prompt": "a", "prompt": "b"}', b'{"prompt": "a"} x',
     b"[" * 5000, b'{"a":' * 5000, b'{"prompt": "\\ud800"}', b'{"max_tokens": 1e999, "prompt": "a"}'],
)
def test_malformed_bodies_are_refused(server, body):
    for path in ["/v1/completions", "/v1/chat/completions", "/tokenize", "/detokenize"]:
        status, answer = server.post(path, body)
        assert status == 400, answer
        assert answer["error"]["message"]


def test_statuses(server):
    assert server.status("/nothing") == 404
    assert server.status("/v1/completions") == 405
    assert server.request("POST", "/health", b"{}")[0] == 405
    assert server.request("POST", "/v1/completions", b"{}", {"Content-Type": "text/plain"})[0] == 415
    assert server.request("POST", "/v1/completions", b'{"prompt":"' + b"a" * 2_000_000 + b'"}')[0] == 413
    assert server.request("HEAD", "/health")[0] == 200
    assert server.status("/version") == 200
    assert json.loads(server.request("GET", "/openapi.json")[2])["openapi"].startswith("3.")


def test_what_asks_for_nothing_is_no_error(server):
    status, answer = server.post("/v1/completions", {"prompt": "a", "max_tokens": 1, "not_known": None})
    assert status == 200, answer
    status, answer = server.post("/v1/completions", {"prompt": "a", "max_tokens": 1, "not_known": False})
    assert status == 400 and answer["error"]["param"] == "not_known"


def test_notes_of_responses_are_small_texts(server):
    def status(notes):
        return server.post("/v1/responses", {"input": "a", "max_output_tokens": 1, "metadata": notes})[0]

    assert status({"a": "b" * 512}) == 200
    for notes in [{"a": "b" * 513}, {"a" * 65: "b"}, {str(i): "" for i in range(17)}, {"a": [0]}]:
        assert status(notes) == 400


def test_a_conversation_goes_on_behind_arguments_that_are_none(server):
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"bad'}}
    messages = [
        {"role": "user", "content": "Hello"}, {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "no"}, {"role": "user", "content": "Well?"},
    ]
    status, answer = server.post("/v1/chat/completions", {"messages": messages, "max_tokens": 1})
    assert status == 200, answer


def test_request_ids_go_round_and_reach_the_log(server):
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"X-Request-Id": "my-id-1", "traceparent": parent}
    assert server.request("POST", "/tokenize", {"prompt": "a"}, headers)[1]["x-request-id"] == "my-id-1"
    line = next(line for line in server.read_log().splitlines() if "my-id-1" in line)
    assert parent in line
    forged = server.request("POST", "/tokenize", {"prompt": "a"}, {"X-Request-Id": "a b"})[1]["x-request-id"]
    assert forged != "a b"


def test_keep_alive_and_pipelining(server):
    connection = server.connect()
    for _ in range(3):
        connection.request("GET", "/version")
        assert connection.getresponse().read()
    raw = server.raw(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n" * 3)
    data = b""
    while data.count(b"200 OK") < 3:
        data += raw.recv(4096)


def read_to_end(raw, seconds=20):
    raw.settimeout(seconds)
    data = b""
    while piece := raw.recv(65536):
        data += piece
    return data


def test_http_1_0_gets_bodies_that_end_with_the_connection(server):
    body = json.dumps({"prompt": "a", "max_tokens": 3, "stream": True}).encode()
    raw = server.raw(
        b"POST /v1/completions HTTP/1.0\r\nHost: test\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body)
    head, _, events = read_to_end(raw).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.0 200 ") and b"transfer-encoding" not in head.lower()
    assert events.startswith(b"data: {") and events.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("words", [b"close", b"Close", b"close, TE", b"keep-alive, close"])
def test_connections_close_that_clients_want_closed(server, words):
    raw = server.raw(b"GET /version HTTP/1.1\r\nHost: test\r\nConnection: %s\r\n\r\n" % words)
    assert read_to_end(raw).startswith(b"HTTP/1.1 200 ")


def test_a_client_that_leaves_frees_what_it_held(server):
    for body in [LONG, {**LONG, "stream": False}]:
        raw = server.post_raw("/v1/completions", body)
        server.wait_for(lambda: server.running() == 1, 10)
        raw.close()
        server.wait_for(lambda: server.running() == 0, 2)
    server.wait_for(lambda: server.metric("inflight_http_requests_active") == 0, 2)


def test_a_client_that_resets_the_connection_frees_what_it_held(server):
    body = {**LONG, "stream": False}
    for pause in [0, 0, 0, 0.001, 0.005, 0.02]:
        raw = server.post_raw("/v1/completions", body)
        time.sleep(pause)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
    time.sleep(0.5)  # As long as preparing a request may take before it is counted.
    server.wait_for(lambda: server.running() == 0, 2)


def test_a_client_that_waits_for_permission_gets_it(server):
    body = json.dumps({"prompt": "a", "max_tokens": 1}).encode()
    raw = server.raw(
        b"POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body))
    raw.settimeout(10)
    reader = raw.makefile("rb")
    assert reader.readline().startswith(b"HTTP/1.1 100 ")
    while reader.readline() != b"\r\n":
        pass
    raw.sendall(body)
    assert reader.readline().startswith(b"HTTP/1.1 200 ")
    raw.close()
    # Nobody reads what is sent elsewhere, or as something else.
    for path, kind, status in [(b"/nothing", b"application/json", 404), (b"/tokenize", b"text/plain", 415)]:
        raw = server.raw(
            b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: %s\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n"
            % (path, kind))
        raw.settimeout(10)
        assert raw.recv(4096).startswith(b"HTTP/1.1 %d " % status)
        raw.close()


def test_permission_does_not_come_into_the_answer_to_an_earlier_request(server):
    first = json.dumps({"prompt": "a", "max_tokens": 8, "ignore_eos": True, "stream": True}).encode()
    second = json.dumps({"prompt": "a", "max_tokens": 1}).encode()
    head = b"POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
    raw = server.raw(head % (len(first), b"") + first + head % (len(second), b"Expect: 100-continue\r\n"))
    raw.settimeout(20)
    reader = raw.makefile("rb")

    def read_head():
        lines = list(iter(reader.readline, b"\r\n"))
        return lines[0]

    assert read_head().startswith(b"HTTP/1.1 200 ")
    body = b""
    while (length := int(reader.readline(), 16)) > 0:
        body += reader.read(length + 2)[:-2]
    assert reader.readline() == b"\r\n" and body.endswith(b"data: [DONE]\n\n")
    assert read_head().startswith(b"HTTP/1.1 100 ")
    raw.sendall(second)
    assert read_head().startswith(b"HTTP/1.1 200 ")
    raw.close()


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(server):
    for expectation in [b"", b"Expect: 100-continue\r\n"]:
        raw = server.raw(
            b"POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n" + expectation
            + b"Content-Length: 1000000000\r\n\r\n")
        raw.settimeout(10)
        assert raw.recv(4096).startswith(b"HTTP/1.1 413 ")
        raw.close()


def test_an_error_leaves_the_connection_if_the_body_was_read(server):
    raw = server.raw(b"")
    reader = raw.makefile("rb")
    raw.settimeout(10)
    for body, status in [(b'{"prompt": "a", "colour": 1}', 400), (b'{"prompt": "a"}', 200)]:
        raw.sendall(
            b"POST /tokenize HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        lines = list(iter(reader.readline, b"\r\n"))
        assert lines[0].startswith(b"HTTP/1.1 %d " % status), lines
        assert b"close" not in b"".join(lines).lower()
        length = next(int(line.split(b":")[1]) for line in lines if line.lower().startswith(b"content-length:"))
        reader.read(length)
    raw.close()


def test_a_killed_client_frees_what_it_held(server):
    code = (
        "import http.client, json, sys\n"
        f"c = http.client.HTTPConnection('127.0.0.1', {server.port})\n"
        f"c.request('POST', '/v1/completions', {json.dumps(json.dumps(LONG))}, {{'Content-Type': 'application/json'}})\n"
        "r = c.getresponse()\n"
        "while r.readline(): print('.', flush=True)\n"
    )
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert client.stdout.readline()
    client.kill()
    server.wait_for(lambda: server.running() == 0, 2)


def test_what_is_broken_off_counts(server):
    names = ["inflight_prompt_tokens_total", "inflight_generation_tokens_total", "inflight_request_queue_time_seconds_count"]
    before = [server.metric(name) for name in names]
    raw = server.post_raw("/v1/completions", LONG)
    received = b""
    while received.count(b"data: ") < 20:
        received += raw.recv(4096)
    raw.close()
    server.wait_for(lambda: server.metric("inflight_http_requests_active") == 0, 5)
    prompt, generated, waits = (server.metric(name) - old for name, old in zip(names, before))
    assert prompt > 0 and generated >= 20 and waits == 1
    line = next(line for line in reversed(server.read_log().splitlines()) if "broken=" in line)
    assert f"prompt_tokens={prompt:.0f} " in line + " " and f"completion_tokens={generated:.0f} " in line + " "


def test_a_slow_reader_does_not_hold_up_others(server):
    # The prompt's log-probabilities, once for each answer: more than the buffers of both kernels take.
    answers, tokens = 24, 8
    body = json.dumps({
        **LONG, "prompt": [1000 + number for number in range(900)], "echo": True, "logprobs": 20, "n": answers,
        "max_tokens": tokens}).encode()
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # Before the connection is made, or it means nothing.
    slow.connect(("127.0.0.1", server.port))
    before = server.metric("inflight_generation_tokens_total")
    slow.sendall(
        b"POST /v1/completions HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
        % (len(body), body))
    server.wait_for(lambda: server.metric("inflight_http_requests_active") == 1, 10)
    time.sleep(0.5)
    # The engine ends. What it made waits to be read, token by token: the answer has stopped.
    server.wait_for(lambda: server.running() == 0, 60)
    assert server.metric("inflight_http_requests_active") == 1
    assert server.metric("inflight_generation_tokens_total") - before < tokens
    assert server.post("/v1/completions", {"prompt": "a", "max_tokens": 4})[0] == 200
    # Read after all, it is complete.
    data = b""
    while b"data: [DONE]" not in data[-100:]:
        piece = slow.recv(1 << 16)
        assert piece
        data += piece
    assert data.count(b'"finish_reason":"length"') == answers
    server.wait_for(lambda: server.metric("inflight_http_requests_active") == 0, 5)
    assert server.metric("inflight_generation_tokens_total") - before - 4 == tokens
    slow.close()


def test_answers_among_others_have_the_bytes_of_those_alone(server):
    chosen = random.Random(1)
    prompts = [f"Story number {index}: once there was" for index in range(6)]
    plain = {"max_tokens": 24, "seed": 5, "ignore_eos": True}

    def ask(prompt):
        return server.post("/v1/completions", {**plain, "prompt": prompt})[1]["choices"][0]["text"]

    alone = {prompt: ask(prompt) for prompt in prompts}
    descriptors = server.descriptors()
    wrong = []
    deadline = time.monotonic() + 12

    def visitor(number):
        while time.monotonic() < deadline:
            prompt = prompts[(number + chosen.randrange(6)) % 6]
            kind = chosen.randrange(4)
            if kind == 0:  # Leaves early.
                raw = server.post_raw("/v1/completions", {**LONG, "prompt": prompt})
                raw.recv(chosen.randrange(1, 4000))
                raw.close()
            elif kind == 1:  # Sends nonsense or too much.
                if server.post("/v1/completions", chosen.choice([b"{", {"prompt": "a " * 3000}]))[0] != 400:
                    wrong.append("nonsense was accepted")
            elif ask(prompt) != alone[prompt]:
                wrong.append(prompt)

    threads = [threading.Thread(target=visitor, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    server.wait_for(lambda: server.running() == 0, 5)
    server.wait_for(lambda: server.descriptors() <= descriptors + 2, 5)


def test_metrics_are_clean_and_count(server):
    before = server.metric("inflight_generation_tokens_total")
    server.post("/v1/completions", {"prompt": "a", "max_tokens": 5, "ignore_eos": True})
    assert server.metric("inflight_generation_tokens_total") == before + 5
    text = server.request("GET", "/metrics")[2]
    for name in ["time_to_first_token_seconds", "inter_token_latency_seconds", "request_queue_time_seconds",
                 "e2e_request_latency_seconds", "step_time_seconds"]:
        assert f"inflight_{name}_bucket".encode() in text
        assert server.metric(f"inflight_{name}_count") > 0
    if shutil.which("promtool"):
        check = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
        assert check.returncode == 0, check.stdout + check.stderr


def events(connection):
    """The events of an open stream, as JSON."""
    for line in connection.makefile("rb"):
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


def counted(runs):
    """How many blocks a map has of each letter."""
    total = {}
    for length, letter in re.findall(r"(\d*)(\D)", runs):
        total[letter] = total.get(letter, 0) + int(length or 1)
    return total


def test_the_live_view_shows_the_batch(server):
    view = server.raw(b"GET /inflight/state HTTP/1.1\r\nHost: a\r\n\r\n")
    work = server.post_raw("/v1/completions", LONG)
    for event in events(view):
        assert set(event) >= {"step", "time_ms", "batch", "waiting", "blocks", "tokens_per_second", "ttft_ms", "itl_ms"}
        blocks = event["blocks"]
        assert blocks["total"] == blocks["used"] + blocks["cached"] + blocks["free"]
        if event["batch"]:
            assert event["batch"][0]["phase"] in ("context", "generation")
            assert event["batch"][0]["prompt_tokens"] > 0
            break
    for event in events(view):
        if "map" in event["blocks"] and event["batch"]:
            assert counted(event["blocks"]["map"])["u"] > 0
            break
    work.close()
    for event in events(view):
        if not event["batch"] and "map" in event["blocks"]:
            letters = counted(event["blocks"]["map"])
            assert sum(letters.values()) == event["blocks"]["total"]
            assert set(letters) <= {"c", "."}
            break
    view.close()


def test_the_live_view_has_so_many_places(server):
    request = b"GET /inflight/state HTTP/1.1\r\nHost: a\r\n\r\n"
    time.sleep(1)  # As long as the server may take to see that those of other tests are gone.
    views = [server.raw(request) for _ in range(16)]
    for view in views:
        assert view.recv(12) == b"HTTP/1.1 200"
    refused = server.raw(request)
    assert refused.recv(12) == b"HTTP/1.1 503"
    for view in [*views, refused]:
        view.close()

    def is_free():
        view = server.raw(request)
        status = view.recv(12)
        view.close()
        return status == b"HTTP/1.1 200"

    server.wait_for(is_free, 10)


def test_cache_events_have_numbers_without_gaps(server):
    server.post("/v1/completions", {"prompt": "Fresh words for the cache. " * 30, "max_tokens": 1})
    stream = server.raw(b"GET /v1/kv_cache/events HTTP/1.1\r\nHost: a\r\n\r\n")
    seen = []
    for event in events(stream):
        seen.append(event)
        if len(seen) == 3:
            break
    assert seen[0]["type"] == "stored" and seen[0]["token_ids"]
    assert [event["number"] for event in seen] == list(range(seen[0]["number"], seen[0]["number"] + 3))
    stream.close()
    # A reader that has seen more than there ever was has seen the events of a server before this one.
    for last, first in [(seen[1]["number"], seen[2]["number"]), (10**12, seen[0]["number"])]:
        stream = server.raw(
            b"GET /v1/kv_cache/events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: %d\r\n\r\n" % last)
        assert next(events(stream))["number"] == first
        stream.close()
