"""Many streaming clients at a time, some of which misbehave: every valid answer has the bytes that it has alone, and nothing
is left behind.

INFLIGHT_LOAD_SECONDS says how long (a few seconds unless it is set), INFLIGHT_LOAD_CLIENTS how many. The figures are
printed. That the 99th percentile of the time between two tokens is within three times the median is only asserted with
INFLIGHT_LOAD_TIMES=1, on a machine that does nothing else.
"""

import json
import os
import random
import re
import time

import load
from conftest import Server

SECONDS = float(os.environ.get("INFLIGHT_LOAD_SECONDS", "8"))
CLIENTS = int(os.environ.get("INFLIGHT_LOAD_CLIENTS", "64"))
CACHE_TOKENS = 8192
WORDS = "the old harbour kept a lamp for every ship that had not come home before the winter storms began".split()


def valid_requests():
    """Streams of several lengths, greedy and drawn, with and without log-probabilities, some with a common beginning."""
    chosen = random.Random(7)
    beginning = " ".join(WORDS * 3)
    requests = []
    for number in range(24):
        text = f"{beginning if number % 3 == 0 else ''} Story {number}: " + " ".join(chosen.choices(WORDS, k=4 + number % 9))
        requests.append({
            "prompt": text, "max_tokens": 16 + 2 * number, "temperature": 0 if number % 4 == 0 else 0.9, "seed": number,
            "stream": True, "stream_options": {"include_usage": True}, "ignore_eos": True,
            **({"logprobs": 2} if number % 5 == 0 else {}), **({"n": 2} if number % 8 == 1 else {}),
        })
    return requests


INVALID = [
    (b"{", 400), (b'{"prompt": "a", "max_tokens": -1}', 400), (b'{"prompt": "\xff"}', 400), (b"[" * 2000, 400),
    (json.dumps({"prompt": "a " * 3000, "stream": True}).encode(), 400),  # Longer than the longest sequence.
    (b'{"prompt": "' + b"a" * 300_000 + b'"}', 413),
]


def what_matters(exchange):
    """What an answer says, sample by sample, without names, times, and what was found in the cache."""
    events, is_whole = exchange.events()
    assert is_whole, exchange.answer()[1][-500:]
    samples = {}
    usage = None
    for event in events:
        assert "error" not in event, event
        usage = event["usage"] or usage
        for choice in event["choices"]:
            samples.setdefault(choice["index"], []).append(json.dumps(choice))
    return samples, usage["prompt_tokens"], usage["completion_tokens"]


def blocks(server):
    """The books of the cache, and its map, when nothing runs."""
    stream = server.raw(b"GET /inflight/state HTTP/1.1\r\nHost: test\r\n\r\n")
    for line in stream.makefile("rb"):
        if line.startswith(b"data: {"):
            stream.close()
            return json.loads(line[6:])["blocks"]


def counts(text):
    """How many blocks a map has of each letter."""
    total = {}
    for length, letter in re.findall(r"(\d*)(\D)", text):
        total[letter] = total.get(letter, 0) + int(length or 1)
    return total


def test_load(start):
    server = start(
        "--cache-tokens", str(CACHE_TOKENS), "--max-body-bytes", "200000", "--max-batch-size", "64")
    requests = [json.dumps(request).encode() for request in valid_requests()]

    expected = []
    for body in requests:
        done, _ = load.run(1, one(load.Exchange(server.port, body)))
        expected.append(what_matters(done[0]))
    # Every block is written once, so that the memory of the cache does not count as a leak.
    filling = [json.dumps({"prompt": [100 + number] * 900, "max_tokens": 1}).encode() for number in range(CACHE_TOKENS // 900 + 1)]
    for body in filling:
        done, _ = load.run(1, one(load.Exchange(server.port, body)))
        assert done[0].answer()[0] == 200

    # A first round makes what is made once: threads, buffers of connections, tables of the prefix tree.
    storm(server, requests, expected, max(2.0, SECONDS / 6), seed=1)
    before = rest(server)
    figures = storm(server, requests, expected, SECONDS, seed=2)
    after = rest(server)

    print(f"\n{CLIENTS} clients, {SECONDS:g} s: " + ", ".join(f"{name} {value}" for name, value in figures.items()))
    print(f"memory {before['memory'] >> 20} -> {after['memory'] >> 20} MiB, descriptors {before['descriptors']} -> "
          f"{after['descriptors']}, blocks {after['blocks']}")
    assert after["descriptors"] <= before["descriptors"]
    # 16 MiB for what the allocator keeps of its arenas (one for each of a few threads, each of which holds what its busiest
    # moment took) and a kilobyte for a request: its lines in histograms and tables that grow to a bound. A request that kept
    # its body, its tokens or its connection would exceed that.
    assert after["memory"] <= before["memory"] + (16 << 20) + 1024 * figures["requests"]
    assert figures["valid"] > 0 and figures["left"] > 0 and figures["refused"] > 0
    if os.environ.get("INFLIGHT_LOAD_TIMES") == "1":
        assert figures["itl p99 ms"] <= 3 * figures["itl p50 ms"]


def one(exchange):
    """Gives the exchange to the first client and nothing to any after it."""
    waiting = [exchange]
    return lambda client: waiting.pop() if waiting else None


def rest(server):
    """What the server holds when nobody asks it anything."""
    Server.wait_for(lambda: server.running() == 0 and server.metric("inflight_http_requests_active") == 0, 10)
    books = blocks(server)
    assert books["used"] == 0 and books["cached"] + books["free"] == books["total"]
    found = counts(books.pop("map"))
    assert found.get("u", 0) == found.get("s", 0) == 0
    assert found.get("c", 0) + found.get(".", 0) == books["total"]
    lowest = min(open_descriptors(server) for _ in range(20))
    return {"memory": server.resident_bytes(), "descriptors": lowest, "blocks": books}


def open_descriptors(server):
    time.sleep(0.05)  # Connections that were closed here are closed there a moment later.
    return server.descriptors()


def storm(server, requests, expected, seconds, seed):
    """Lets all clients do what they do for so long, and checks every answer afterwards."""
    chosen = random.Random(seed)
    deadline = time.monotonic() + seconds
    kinds = {}

    def next_exchange(client):
        if time.monotonic() >= deadline:
            return None
        dice = chosen.random()
        if dice < 0.06:
            body, status = chosen.choice(INVALID)
            exchange = load.Exchange(server.port, body)
            kinds[exchange] = ("invalid", status)
        else:
            number = chosen.randrange(len(requests))
            leave_after = chosen.randrange(0, 12) if dice < 0.25 else None
            exchange = load.Exchange(server.port, requests[number], leave_after=leave_after)
            kinds[exchange] = ("valid", number)
        return exchange

    done, processor_seconds = load.run(CLIENTS, next_exchange)
    valid, left, refused = 0, 0, 0
    between, first, tokens = [], [], 0
    for exchange in done:
        kind, detail = kinds[exchange]
        tokens += len(exchange.times)
        if kind == "invalid":
            assert exchange.answer()[0] == detail, exchange.answer()
            refused += 1
        elif exchange.has_left:
            left += 1
        else:
            assert what_matters(exchange) == expected[detail], f"request {detail} has another answer among others"
            valid += 1
            if b'"n": 2' in requests[detail]:
                continue
            first.append(exchange.times[0] - exchange.began)
            # The last two events are the end and the usage.
            between += [b - a for a, b in zip(exchange.times, exchange.times[1:-1])]
    return {
        "requests": len(done), "valid": valid, "left": left, "refused": refused, "events/s": round(tokens / seconds),
        "ttft p50 ms": round(1e3 * load.quantile(first, 0.5), 1), "ttft p99 ms": round(1e3 * load.quantile(first, 0.99), 1),
        "itl p50 ms": round(1e3 * load.quantile(between, 0.5), 1), "itl p99 ms": round(1e3 * load.quantile(between, 0.99), 1),
        "client's share of a processor": f"{processor_seconds / seconds:.0%}",
    }
