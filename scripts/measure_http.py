#!/usr/bin/env python3
"""What HTTP and server-sent events cost: the same requests to a server and inside of a process, in turns.

Every round runs `inflight bench` (many requests at a time, then one at a time) and the same loops, with prompts and
answers of the same lengths, over HTTP against a server that was started before; which comes first changes from round to round.
Neither side reuses prefixes. Prints a table, and of the rounds the medians, the quartiles, and the cost of the best round over
HTTP against the best in process, which other work on the machine disturbs least. Asked is less than 5 % of throughput and
less than 2 ms of the time to the first token.

The client is scripts/stream_client.c, one thread that does next to nothing with what it reads, on the same processors as the
server. What it takes of them, and what the server's thread for connections takes, is printed in microseconds for each token. The
client's part is not taken off the cost. Times to the first token begin when a connection is open, as they do for clients that
keep connections.

Needs Python and a C compiler. Run on a machine that does nothing else, after `swift build -c release`:

    scripts/measure_http.py [--rounds 5] [--concurrency 32] [--requests 64] [--prompt-tokens 128] [--output-tokens 64]
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        client = Path(folder) / "stream_client"
        subprocess.run([options.compiler, "-O2", "-o", client, ROOT / "scripts/stream_client.c"], check=True)
        serve(options, client)


def serve(options, client):
    model = ["--model", options.model] if options.model else []
    threads = ["--threads", str(options.threads)] if options.threads else []
    with tempfile.NamedTemporaryFile(mode="w+") as log:
        server = subprocess.Popen(
            [options.inflight, "serve", "--port", "0", "--no-prefix-reuse", *model, *threads], stderr=log,
            stdin=subprocess.DEVNULL)
        try:
            port = wait_for_server(server, log.name)
            measure(options, Server(server.pid, port, client, options), [*model, *threads])
        finally:
            server.terminate()
            server.wait(60)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--inflight", default=os.environ.get("INFLIGHT", str(ROOT / ".build/release/inflight")))
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--compiler", default=os.environ.get("CC", "cc"))
    parser.add_argument("--rounds", type=int, default=5)
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


def measure(options, server, engine):
    server.run(2, 2)  # Warms up.
    loops = {
        "loop": (lambda: bench(options, engine, options.concurrency, options.requests)["output_tokens_per_second"],
                 lambda: server.run(options.concurrency, options.requests)),
        "alone": (lambda: bench(options, engine, 1, options.single)["ttft_ms"]["p50"],
                  lambda: server.run(1, options.single)),
    }
    print(f"{options.prompt_tokens}+{options.output_tokens} tokens, {options.concurrency} at a time\n")
    print("round  in process tokens/s  over HTTP  cost %  first token ms  over HTTP  cost ms  us a token: server, client")
    rounds = []
    for number in range(1, options.rounds + 1):
        found = {}
        for name, (inside, outside) in loops.items():
            for side in (inside, outside) if number % 2 else (outside, inside):
                found[name, side is outside] = side()
        (inside, answered), (wait, alone) = ((found[name, False], found[name, True]) for name in loops)
        row = (inside, answered.tokens_per_second, wait, alone.first_milliseconds)
        rounds.append(row)
        print(f"{number:5}{row[0]:22.1f}{row[1]:11.1f}{cost(row):8.1f}{row[2]:16.2f}{row[3]:11.2f}{row[3] - row[2]:9.2f}"
              f"{answered.server_microseconds:20.1f}{answered.client_microseconds:8.1f}", flush=True)
    costs = [cost(row) for row in rounds]
    quartiles = statistics.quantiles(costs, n=4) if len(costs) > 1 else costs * 3
    inside, outside, _, _ = map(max, zip(*rounds))
    waits = [over - within for _, _, within, over in rounds]
    print(f"\nHTTP costs {statistics.median(costs):.1f} % of throughput (quartiles {quartiles[0]:.1f} and {quartiles[2]:.1f}; "
          f"best against best {cost((inside, outside)):.1f}) and {statistics.median(waits):.2f} ms of the time to the first token")


def cost(row):
    """Percent of the throughput in process that is missing over HTTP."""
    return 100 * (1 - row[1] / row[0])


class Answered:
    """What a loop over HTTP has shown."""

    def __init__(self, seconds, firsts, tokens, server_seconds, client_seconds):
        self.tokens_per_second = tokens / seconds
        self.first_milliseconds = statistics.median(firsts)
        self.server_microseconds = 1e6 * server_seconds / tokens
        self.client_microseconds = 1e6 * client_seconds / tokens


class Server:
    """A server that runs, and the client that asks it."""

    def __init__(self, process, port, client, options):
        self.process, self.port, self.client, self.options = process, port, client, options
        self.prompts = Prompts(options.prompt_tokens)

    def run(self, clients, requests):
        """Has `clients` connections at a time ask `requests` times."""
        count = self.options.output_tokens
        bodies = [
            json.dumps({
                "prompt": self.prompts.next(), "max_tokens": count, "temperature": 0, "ignore_eos": True, "stream": True,
            })
            for _ in range(requests)
        ]
        before = self.connection_seconds()
        result = subprocess.run(
            [self.client, str(self.port), str(clients)], input="\n".join(bodies) + "\n", stdout=subprocess.PIPE, check=True,
            text=True)
        server_seconds = self.connection_seconds() - before
        *answers, last = (line.split() for line in result.stdout.splitlines())
        assert len(answers) == requests, result.stdout
        for _, events, is_whole in answers:
            assert is_whole == "1" and 1 <= int(events) <= count + 1, result.stdout
        seconds, client_seconds = map(float, last)
        firsts = [float(first) for first, _, _ in answers]
        return Answered(seconds, firsts, requests * count, server_seconds, client_seconds)

    def connection_seconds(self):
        """Processor time of the threads that speak with clients; they are of the process's second group of loops."""
        total = 0
        for task in Path(f"/proc/{self.process}/task").iterdir():
            if (task / "comm").read_text().startswith("NIO-ELT-2-"):
                total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9


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


def bench(options, engine, concurrency, requests):
    result = subprocess.run(
        [options.inflight, "bench", "--json", "--prompt-tokens", str(options.prompt_tokens), "--output-tokens",
         str(options.output_tokens), "--concurrency", str(concurrency), "--requests", str(requests), *engine],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(result.stdout)


if __name__ == "__main__":
    main()
