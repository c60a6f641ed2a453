#!/usr/bin/env python3
"""What HTTP and server-sent events cost: the same requests to a server and inside of a process, in turns.

Every round runs `inflight bench` (many requests at a time, then one at a time) and then the same loops, with prompts and
answers of the same lengths, over HTTP against a server that was started before. Neither side reuses prefixes. Prints a table
and the medians over the rounds; asked is less than 5 % of throughput and less than 2 ms of the time to the first token.

The client here is one thread over plain sockets (Tests/ServerAcceptance/load.py), on the same processors as the server. What
it takes of them is printed and not taken off. Times to the first token begin when a connection is open, as they do for clients
that keep connections.

Needs Python only. Run on a machine that does nothing else, after `swift build -c release`:

    scripts/measure_http.py [--rounds 3] [--concurrency 32] [--requests 64] [--prompt-tokens 128] [--output-tokens 64]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / "Tests/ServerAcceptance"))
import load  # noqa: E402


def main():
    options = arguments()
    model = ["--model", options.model] if options.model else []
    threads = ["--threads", str(options.threads)] if options.threads else []
    with tempfile.NamedTemporaryFile(mode="w+") as log:
        server = subprocess.Popen(
            [options.inflight, "serve", "--port", "0", "--no-prefix-reuse", *model, *threads], stderr=log,
            stdin=subprocess.DEVNULL)
        try:
            port = wait_for_server(server, log.name)
            measure(options, port, [*model, *threads])
        finally:
            server.terminate()
            server.wait(60)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inflight", default=os.environ.get("INFLIGHT", str(ROOT / ".build/release/inflight")))
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--requests", type=int, default=64)
    parser.add_argument("--single", type=int, default=16, help="requests one at a time")
    parser.add_argument("--prompt-tokens", type=int, default=128)
    parser.add_argument("--output-tokens", type=int, default=64)
    return parser.parse_args()


def wait_for_server(server, log):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        text = Path(log).read_text()
        assert server.poll() is None, text
        address = re.search(r"127\.0\.0\.1:(\d+)", text)
        if address and " ready " in text:
            return int(address[1])
        time.sleep(0.05)
    raise SystemExit("the server did not come up:\n" + Path(log).read_text())


def measure(options, port, engine):
    prompts = Prompts(options.prompt_tokens)
    over_http(port, prompts, 2, 2, options.output_tokens)  # Warms up.
    rounds = []
    print(f"{options.prompt_tokens}+{options.output_tokens} tokens, {options.concurrency} at a time\n")
    print("round  in process tokens/s  over HTTP  cost %  first token ms  over HTTP  cost ms  client's CPU %")
    for number in range(1, options.rounds + 1):
        loop = bench(options, engine, options.concurrency, options.requests)
        alone = bench(options, engine, 1, options.single)
        tokens, _, share = over_http(port, prompts, options.concurrency, options.requests, options.output_tokens)
        _, first, _ = over_http(port, prompts, 1, options.single, options.output_tokens)
        cost = 100 * (1 - tokens / loop["output_tokens_per_second"])
        wait = alone["ttft_ms"]["p50"]
        rounds.append((cost, first - wait))
        print(f"{number:5}{loop['output_tokens_per_second']:22.1f}{tokens:11.1f}{cost:8.1f}{wait:16.2f}{first:11.2f}"
              f"{first - wait:9.2f}{100 * share:15.1f}", flush=True)
    cost, wait = (statistics.median(column) for column in zip(*rounds))
    print(f"\nmedians: HTTP costs {cost:.1f} % of throughput and {wait:.2f} ms of the time to the first token")


class Prompts:
    """Random tokens; every prompt has others."""

    def __init__(self, count):
        self.count = count
        self.number = 0

    def next(self):
        self.number += 1
        state = self.number * 0x9E3779B97F4A7C15
        tokens = []
        for _ in range(self.count):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            tokens.append((state >> 33) % 40_000)
        return tokens


def over_http(port, prompts, clients, requests, output_tokens):
    """Tokens per second, the median time to the first token in milliseconds, and the client's share of one processor."""
    bodies = [
        json.dumps({
            "prompt": prompts.next(), "max_tokens": output_tokens, "temperature": 0, "ignore_eos": True, "stream": True,
        }).encode()
        for _ in range(requests)
    ]
    began = time.monotonic()
    done, processor = load.run(clients, lambda client: load.Exchange(port, bodies.pop()) if bodies else None)
    seconds = max(exchange.ended for exchange in done) - began
    for exchange in done:
        events, is_whole = exchange.events()
        assert is_whole and events[-1]["choices"][0]["finish_reason"] == "length", events[-1:]
    first = statistics.median(exchange.times[0] - exchange.began for exchange in done)
    return len(done) * output_tokens / seconds, 1000 * first, processor / seconds


def bench(options, engine, concurrency, requests):
    result = subprocess.run(
        [options.inflight, "bench", "--json", "--prompt-tokens", str(options.prompt_tokens), "--output-tokens",
         str(options.output_tokens), "--concurrency", str(concurrency), "--requests", str(requests), *engine],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(result.stdout)


if __name__ == "__main__":
    main()
