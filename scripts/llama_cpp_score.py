#!/usr/bin/env python3
"""Scores the tokens of a reference with llama.cpp, in the form that scripts/compare.py reads.

REFERENCE is what scripts/goldens/score.py has written, of which only the tokens are taken. So the divergence of llama.cpp from
the same float32 model, over the same text and file, stands beside that of `inflight score`.

Run it with the Python of scripts/install-llama-cpp.sh:

    ~/.cache/inflight/llama-cpp/bin/python scripts/llama_cpp_score.py model.gguf reference.json llama.json
    python scripts/compare.py reference.json llama.json
"""

import argparse
import json
import os

import numpy as np
from llama_cpp import Llama

TOP = 64


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], epilog="example: llama_cpp_score.py model.gguf reference.json llama.json")
    parser.add_argument("model", help="a .gguf file")
    parser.add_argument("reference", help="JSON of scripts/goldens/score.py")
    parser.add_argument("output")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    with open(options.reference, encoding="utf-8") as file:
        tokens = json.load(file)["token_ids"]
    model = Llama(options.model, n_ctx=len(tokens), n_batch=512, logits_all=True, n_threads=options.threads, verbose=False)
    model.eval(tokens)
    # Row i is about the token behind token i.
    logits = np.array(model.scores[:len(tokens) - 1], dtype=np.float64)
    logits -= logits.max(axis=1, keepdims=True)
    logprobs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    best = np.argsort(-logprobs, axis=1)[:, :TOP]
    result = {"token_ids": tokens, "logprobs": [None], "top": [None]}
    for row, ids, token in zip(logprobs, best, tokens[1:]):
        result["logprobs"].append(float(row[token]))
        result["top"].append([{"id": int(identifier), "logprob": float(row[identifier])} for identifier in ids])
    with open(options.output, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
