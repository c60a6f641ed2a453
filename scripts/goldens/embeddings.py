"""Hidden states of a text after the final norm, in float32: the reference that embeddings are compared with.

MODEL is a GGUF file, whose quantized weights are dequantized to float32, or a Hugging Face directory. The text is tokenized
without any special token in front of it or behind it.

OUT is compact JSON:
    text       the text
    token_ids  its tokens
    last       the hidden state of its last token
    mean       the mean of those of all of its tokens

Needs: pip install torch transformers tokenizers gguf numpy   (made with torch 2.13 on a CPU, transformers 5.23)
Run:   python scripts/goldens/embeddings.py MODEL OUT

The committed golden: Tests/InflightTests/Goldens/embeddings-smollm2.json, of smollm2.gguf, which scripts/goldens/score.py names.
"""

import argparse
import json

import torch

from reference_model import load

TEXT = (
    "An embedding is a point in the space of a model: texts that mean the same lie close together, whatever their words "
    "are, and the angle between two of them tells how much they have in common."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("out")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load(arguments.model)
    ids = tokenizer.encode(TEXT, add_special_tokens=False)
    with torch.inference_mode():
        hidden = model.model(torch.tensor([ids]), use_cache=False).last_hidden_state[0].double()
    with open(arguments.out, "w") as file:
        json.dump(
            {"text": TEXT, "token_ids": ids, "last": rounded(hidden[-1]), "mean": rounded(hidden.mean(0))}, file,
            separators=(",", ":"))
        file.write("\n")


def rounded(values: torch.Tensor) -> list[float]:
    """Six significant digits."""
    return [float(f"{value:.6g}") for value in values.tolist()]


if __name__ == "__main__":
    main()
