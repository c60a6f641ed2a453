"""Measures `inflight bench` and llama.cpp on the same file in one run, alternating, and prints medians and ratios.

Needs: pip install llama-cpp-python   (built from source; in a virtual environment)
Run:   python scripts/compare_llama_cpp.py MODEL.gguf [--rounds 5] [--threads N] [--inflight PATH]
"""

import argparse
import json
import os
import statistics
import subprocess
import time

from llama_cpp import Llama


def llama_cpp(model: str, threads: int, prompt: int, output: int) -> dict:
    """Tokens per second of one prompt and of the tokens generated after it, as `inflight bench` counts them."""
    engine = Llama(model, n_ctx=prompt + output + 8, n_batch=512, n_threads=threads, n_threads_batch=threads, verbose=False)
    engine.eval([1 + i * 7919 % 40000 for i in range(8)])
    engine.reset()
    start = time.perf_counter()
    engine.eval([1 + i * 104729 % 40000 for i in range(prompt)])
    prefill = time.perf_counter() - start
    start = time.perf_counter()
    for i in range(output):
        engine.eval([1 + i * 7919 % 40000])
    decode = time.perf_counter() - start
    return {"prefill": prompt / prefill, "decode": output / decode}


def inflight(command: str, model: str, threads: int, prompt: int, output: int) -> dict:
    """The same figures, and the machine's limits, from `inflight bench`."""
    arguments = ["bench", "--model", model, "--threads", str(threads), "--prompt-tokens", str(prompt)]
    arguments += ["--output-tokens", str(output), "--requests", "1", "--json"]
    result = json.loads(subprocess.run([command, *arguments], check=True, capture_output=True).stdout)
    return {
        "prefill": result["prefill_tokens_per_second"],
        "decode": result["decode_tokens_per_second"],
        "of limit": result["of_limit"],
        "limits": result["limits"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--prompt-tokens", type=int, default=512)
    parser.add_argument("--output-tokens", type=int, default=128)
    parser.add_argument("--inflight", default=".build/release/inflight")
    options = parser.parse_args()
    sizes = (options.threads, options.prompt_tokens, options.output_tokens)
    ours, theirs = [], []
    for _ in range(options.rounds):
        ours.append(inflight(options.inflight, options.model, *sizes))
        theirs.append(llama_cpp(options.model, *sizes))
    for figure in ("prefill", "decode"):
        a = statistics.median(run[figure] for run in ours)
        b = statistics.median(run[figure] for run in theirs)
        share = statistics.median(run["of limit"][figure] for run in ours)
        print(f"{figure}: inflight {a:.0f} tokens/s ({share:.0%} of the limit), llama.cpp {b:.0f}, ratio {a / b:.2f}")
    print("limits of the last run:", ours[-1]["limits"])


if __name__ == "__main__":
    main()
