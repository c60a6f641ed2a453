#!/usr/bin/env python3
"""Compares `inflight bench` with llama.cpp and OpenVINO GenAI, with weights of any type, in turns.

A peer is an engine and a type of weights: llama.cpp:Q4_0, openvino:Q8_0, llama.cpp:file (the file as it is). What Inflight runs
is always the file as it is; the others are made from it by llama.cpp's quantizer and kept. Each peer is a process that stays
loaded and sleeps while another one is measured; all are warmed up with the same work first. Every round measures all of them, in
another order each time:

    single   a prompt of --prompt-tokens alone, then --output-tokens of its answer
    many     --requests of --many-tokens + --many-tokens, --concurrency at a time: output tokens

Prompts are random tokens; no prefix is reused; a pass has at most 512 tokens. A round's figures are medians over the prompts,
the table's are medians over the rounds, with the least and the greatest round. Of llama.cpp only passes are timed, without
sampling; of OpenVINO the steps of its pipeline for continuous batching; of Inflight all from sending a request to receiving its
tokens. Where the ratio is below 1, Inflight is slower.

Needs, once: scripts/install-llama-cpp.sh and scripts/install-openvino.sh. Run on a machine that does nothing else, after
`swift build -c release`.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("INFLIGHT_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inflight")
PASS_TOKENS = 512
ENGINES = {"llama.cpp": ("llama-cpp", "llama_cpp_worker.py"), "openvino": ("openvino", "openvino_worker.py")}
DEFAULT_PEERS = ["llama.cpp:Q4_0", "llama.cpp:BF16", "openvino:Q4_0", "openvino:Q8_0"]
METRICS = {"single": ("prefill", "decode"), "many": ("output",)}
EXAMPLES = """examples:
  scripts/measure_peers.py model.gguf
  scripts/measure_peers.py model.gguf --peers llama.cpp:file openvino:Q4_0 --rounds 5
  scripts/measure_peers.py model.gguf --parts many --rounds 1 --results many.json    again and again: adds up
  scripts/measure_peers.py model.gguf --rounds 0 --results many.json                 only the table"""


def main():
    options = arguments()
    rounds = json.loads(options.results.read_text()) if options.results and options.results.exists() else []
    if options.rounds:
        measure(options, rounds)
    table(rounds)


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="a .gguf file")
    parser.add_argument("--peers", nargs="+", default=DEFAULT_PEERS, type=peer_name, metavar="ENGINE:TYPE",
                        help="default: " + " ".join(DEFAULT_PEERS))
    parser.add_argument("--parts", nargs="+", choices=METRICS, default=list(METRICS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=3, help="prompts of a round, one at a time (default: 3)")
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--output-tokens", type=int, default=128)
    parser.add_argument("--many-tokens", type=int, default=128)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--results", type=Path, help="a file that keeps rounds; those in it count too")
    parser.add_argument("--files", type=Path, default=CACHE / "peers", help="where files of other types are kept")
    parser.add_argument("--inflight", default=os.environ.get("INFLIGHT", str(ROOT / ".build/release/inflight")))
    options = parser.parse_args()
    if not options.model.is_file():
        parser.error(f"no file {options.model}")
    if min(options.prompts, options.prompt_tokens, options.output_tokens, options.many_tokens, options.threads) < 1:
        parser.error("counts start at 1")
    return options


def peer_name(text):
    engine, colon, type = text.partition(":")
    if engine not in ENGINES or not colon or not type:
        raise argparse.ArgumentTypeError(f"{text} is not ENGINE:TYPE with one of the engines {', '.join(ENGINES)}")
    return text


def measure(options, rounds):
    inflight = Inflight(options)
    engines = [inflight] + [Peer(name, options, inflight.vocabulary) for name in options.peers]
    for peer in engines[1:]:
        peer.warm_up()
    for _ in range(options.rounds):
        first = len(rounds) % len(engines)
        found = {}
        rounds.append(found)
        for part in options.parts:
            for engine in engines[first:] + engines[:first]:
                figures = found.setdefault(engine.name, {})
                figures.update(getattr(engine, part)())
                print(engine.name, *(f"{name} {figures[name]:.1f}" for name in METRICS[part]), file=sys.stderr, flush=True)
                if options.results:
                    options.results.write_text(json.dumps(rounds, indent=1) + "\n")


def table(rounds):
    """Medians, each with how many times that Inflight is, by the medians of the same rounds."""
    columns = [name for names in METRICS.values() for name in names]
    print("| tokens/s | " + " | ".join(columns) + " |\n| --- |" + " --- |" * len(columns))
    for engine in dict.fromkeys(name for found in rounds for name in found):
        cells = []
        for column in columns:
            both = [(found[engine][column], found["inflight"][column]) for found in rounds
                    if all(column in found.get(name, {}) for name in (engine, "inflight"))]
            if not both:
                cells.append("")
                continue
            theirs, ours = map(statistics.median, zip(*both))
            least, greatest = min(theirs for theirs, _ in both), max(theirs for theirs, _ in both)
            ratio = "" if engine == "inflight" else f"; Inflight {ours / theirs:.2f} x"
            cells.append(f"{theirs:.0f} ({least:.0f} to {greatest:.0f}){ratio}")
        print(f"| {engine} | " + " | ".join(cells) + " |")
    for limit in ("read_gb_per_second", "int8_gops"):
        values = [found["inflight"][limit] for found in rounds if limit in found.get("inflight", {})]
        if values:
            print(f"the machine's {limit}: {statistics.median(values):.0f} ({min(values):.0f} to {max(values):.0f})")


class Inflight:
    """`inflight bench`, a process for each measurement."""

    name = "inflight"

    def __init__(self, options):
        self.options = options
        self.vocabulary = self.ask("inspect")["vocabulary_size"]

    def ask(self, command, *arguments):
        line = [self.options.inflight, command, "--model", str(self.options.model), "--json", *arguments]
        try:
            result = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        except OSError as error:
            sys.exit(f"{line[0]}: {error.strerror}; build it with `swift build -c release` or name it with --inflight")
        if result.returncode != 0:
            sys.exit(f"{' '.join(line)}:\n{result.stderr}")
        return json.loads(result.stdout)

    def bench(self, prompt, output, concurrency, requests):
        counts = {"--threads": self.options.threads, "--max-batch-tokens": PASS_TOKENS, "--prompt-tokens": prompt,
                  "--output-tokens": output, "--concurrency": concurrency, "--requests": requests}
        return self.ask("bench", "--no-prefix-reuse", *(str(part) for pair in counts.items() for part in pair))

    def single(self):
        found = self.bench(self.options.prompt_tokens, self.options.output_tokens, 1, 1)
        return {"prefill": found["prefill_tokens_per_second"], "decode": found["decode_tokens_per_second"],
                **found["limits"]}

    def many(self):
        count = self.options.many_tokens
        found = self.bench(count, count, self.options.concurrency, self.options.requests)
        return {"output": found["output_tokens_per_second"]}


class Peer:
    """Another engine with weights of some type, in a process of its own."""

    def __init__(self, name, options, vocabulary):
        self.name, self.options, self.vocabulary, self.random = name, options, vocabulary, random.Random(name)
        engine, _, type = name.partition(":")
        environment, worker = ENGINES[engine]
        self.process = subprocess.Popen(
            [python(environment), ROOT / "scripts" / worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.answer()
        model = options.model if type == "file" else converted(options, type)
        longest = max(options.prompt_tokens + options.output_tokens, 2 * options.many_tokens)
        self.ask("load", model=str(model), threads=options.threads, context=longest, batch=PASS_TOKENS)

    def answer(self):
        line = self.process.stdout.readline()
        found = json.loads(line) if line else {"ok": False, "error": "its process ended"}
        if not found["ok"]:
            sys.exit(f"{self.name}: {found['error']}")
        return found

    def ask(self, command, **members):
        self.process.stdin.write(json.dumps({"command": command, **members}) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def tokens(self, count):
        return [self.random.randrange(self.vocabulary) for _ in range(count)]

    def warm_up(self):
        self.alone(8)
        self.loop(8)

    def alone(self, output):
        """Seconds of a prompt and of tokens after its first."""
        prompt = self.ask("prefill", tokens=self.tokens(self.options.prompt_tokens))["seconds"]
        return prompt, self.ask("decode", tokens=self.tokens(output))["seconds"]

    def loop(self, output):
        prompts = [self.tokens(self.options.many_tokens) for _ in range(self.options.requests)]
        found = self.ask("batch", prompts=prompts, output=output, concurrency=self.options.concurrency)
        return found["tokens"] / found["seconds"]

    def single(self):
        count = self.options.output_tokens
        prompts, answers = zip(*(self.alone(count) for _ in range(self.options.prompts)))
        return {"prefill": self.options.prompt_tokens / statistics.median(prompts),
                "decode": count / statistics.median(answers)}

    def many(self):
        return {"output": self.loop(self.options.many_tokens)}


def python(environment):
    path = CACHE / environment / "bin/python"
    if not path.exists():
        sys.exit(f"no {path}: run scripts/install-{environment}.sh")
    return path


def converted(options, type):
    """The model's file with weights of another type, made unless it is there."""
    output = options.files / f"{options.model.stem}-{type}.gguf"
    if not output.exists():
        options.files.mkdir(parents=True, exist_ok=True)
        print(f"making {output}", file=sys.stderr)
        result = subprocess.run(
            [python("llama-cpp"), ROOT / "scripts/requantize.py", options.model, type, output], stderr=subprocess.PIPE, text=True)
        if result.returncode != 0:
            sys.exit(result.stderr.strip())
    return output


if __name__ == "__main__":
    main()
