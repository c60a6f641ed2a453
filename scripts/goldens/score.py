"""Scores a text with a model, teacher-forced, in float32: the reference that `inflight score` is compared with.

MODEL is a GGUF file, whose quantized weights are dequantized to float32, or a Hugging Face directory, whose weights are
widened to float32. Nothing else is rounded: the reference is what the *stored* weights mean, not what a faster kernel
makes of them. The text is tokenized without any special token in front of it or behind it.

OUT is compact JSON:
    model       the file's or directory's name
    token_ids   the n tokens of the text
    logprob     n numbers: ln p(token i | tokens before it); null for the first
    perplexity  exp of the mean of -logprob over tokens 2 to n
    top         n entries [[ids], [logprobs]]: the 64 most probable tokens there, best first; null for the first

Needs: pip install torch transformers tokenizers gguf numpy   (made with torch 2.13 on a CPU, transformers 5.23)
Run:   python scripts/goldens/score.py MODEL TEXT OUT [--greedy PROMPT]
       --greedy also prints 16 greedy tokens after PROMPT, to see that the model is alive.

The committed goldens, in Tests/InflightTests/Goldens, over held-out.txt there:
    score-smollm2.json             smollm2.gguf: SmolLM2-135M-Instruct, Q4_1
                                   sha256 b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
    score-qwen2.5-coder-0.5b.json  qwen2.5-coder-0.5b.gguf: Qwen2.5-Coder-0.5B-Instruct, Q4_K_M
                                   sha256 1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32
"""

import argparse
import json
import math
import os

import torch

from reference_model import load

TOP = 64
DECIMALS = 5


def score(model: torch.nn.Module, ids: list[int]) -> tuple[list[float], list[list[list]]]:
    """The log-probability of every token after the first, and the best TOP tokens at its position."""
    with torch.inference_mode():
        logits = model(torch.tensor([ids]), use_cache=False).logits[0, :-1]
        log_softmax = torch.log_softmax(logits.double(), -1)
    chosen = log_softmax.gather(1, torch.tensor(ids[1:]).unsqueeze(1))[:, 0]
    values, indices = log_softmax.topk(TOP, dim=-1)
    top = [[row_ids, [round(value, DECIMALS) for value in row]]
           for row_ids, row in zip(indices.tolist(), values.tolist())]
    return chosen.tolist(), top


def greedy(model: torch.nn.Module, ids: list[int], count: int) -> list[int]:
    """`count` tokens after `ids`, each the most probable one."""
    with torch.inference_mode():
        for _ in range(count):
            ids = ids + [int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())]
    return ids[-count:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("out")
    parser.add_argument("--greedy", metavar="PROMPT")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    model, tokenizer = load(arguments.model)
    with open(arguments.text, encoding="utf-8", newline="") as file:
        text = file.read()
    ids = tokenizer.encode(text, add_special_tokens=False)
    logprob, top = score(model, ids)
    perplexity = math.exp(-sum(logprob) / len(logprob))
    with open(arguments.out, "w") as file:
        json.dump(
            {
                "model": os.path.basename(os.path.normpath(arguments.model)),
                "token_ids": ids,
                "logprob": [None] + [round(value, DECIMALS + 1) for value in logprob],
                "perplexity": round(perplexity, 6),
                "top": [None] + top,
            },
            file, separators=(",", ":"))
        file.write("\n")
    print(f"{len(ids)} tokens, perplexity {perplexity:.4f}")
    if arguments.greedy is not None:
        prompt = tokenizer.encode(arguments.greedy, add_special_tokens=False)
        new = greedy(model, prompt, 16)
        print(f"{prompt} -> {new} {tokenizer.decode(new)!r}")


if __name__ == "__main__":
    main()
