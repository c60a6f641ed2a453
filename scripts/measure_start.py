#!/usr/bin/env python3
"""Compares how soon `inflight generate` and llama.cpp write a first token, and how much memory they take, in turns.

Both are started as processes with the same file, prompt and threads, llama.cpp by scripts/llama_generate.c with its default
settings and room for 512 tokens. The time is from starting the process to the first byte that it writes; the memory is the greatest
resident set of a process that goes on to --tokens tokens, and counts the pages of the model's file that it has mapped. One start
of each before the first round brings the files into the page cache.

Needs a C compiler and scripts/install-llama-cpp.sh. Run on a machine that does nothing else, after `swift build -c release`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("INFLIGHT_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inflight")
EXAMPLES = """examples:
  scripts/measure_start.py model.gguf
  scripts/measure_start.py model.gguf --rounds 20 --threads 1"""


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        client = compile_client(options, Path(folder) / "llama_generate")
        commands = {
            "inflight": lambda tokens: [options.inflight, "generate", options.prompt, "--model", options.model, "--max-tokens",
                                        str(tokens), "--ignore-eos", "--temperature", "0", "--threads", str(options.threads)],
            "llama.cpp": lambda tokens: [client, options.model, str(options.threads), str(tokens), options.prompt],
        }
        print("| | first token, ms: median (least to greatest) | peak memory, MB |\n| --- | --- | --- |")
        for name, (milliseconds, megabytes) in measure(options, commands).items():
            print(f"| {name} | {statistics.median(milliseconds):.0f} ({min(milliseconds):.0f} to {max(milliseconds):.0f}) "
                  f"| {statistics.median(megabytes):.0f} |")


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a .gguf file")
    parser.add_argument("--prompt", default="The capital of France is")
    parser.add_argument("--tokens", type=int, default=128, help="of the answer whose memory is measured (default: 128)")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--compiler", default=os.environ.get("CC", "cc"))
    parser.add_argument("--inflight", default=os.environ.get("INFLIGHT", str(ROOT / ".build/release/inflight")))
    options = parser.parse_args()
    if not os.path.isfile(options.model):
        parser.error(f"no file {options.model}")
    if min(options.tokens, options.rounds, options.threads) < 1:
        parser.error("counts start at 1")
    return options


def compile_client(options, output):
    packages = next((CACHE / "llama-cpp").glob("lib/python3*/site-packages"), None)
    if not packages or not (packages / "include/llama.h").exists():
        sys.exit(f"no llama.cpp under {CACHE}: run scripts/install-llama-cpp.sh")
    libraries = packages / "llama_cpp/lib"
    line = [options.compiler, "-O2", f"-I{packages}/include", "-o", output, ROOT / "scripts/llama_generate.c", f"-L{libraries}",
            "-lllama", "-lggml", "-lggml-base", f"-Wl,-rpath,{libraries}"]
    if subprocess.run(line).returncode != 0:
        sys.exit("scripts/llama_generate.c does not compile")
    return output


def measure(options, commands):
    """Of each, the milliseconds and the megabytes of the rounds."""
    for command in commands.values():
        start(command(1))
    found = {name: ([], []) for name in commands}
    for number in range(options.rounds):
        for name in sorted(commands, reverse=number % 2 == 1):
            found[name][0].append(start(commands[name](1))[0])
            found[name][1].append(start(commands[name](options.tokens))[1])
    return found


def start(command):
    """Milliseconds until a process writes something, and the megabytes of its greatest resident set."""
    begin = time.perf_counter()
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0)
    except OSError as error:
        sys.exit(f"{command[0]}: {error.strerror}")
    first = process.stdout.read(1)
    milliseconds = 1000 * (time.perf_counter() - begin)
    while process.stdout.read(1 << 16):
        pass
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0 or not first:
        sys.exit(f"{command[0]} ended with status {process.returncode} and {'some' if first else 'no'} text")
    return milliseconds, usage.ru_maxrss * 1024 / 1e6


if __name__ == "__main__":
    main()
