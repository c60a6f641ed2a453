"""Writes Tests/DecodingTests/Goldens/sampling.json: what transformers' logits processors and beam search do.

Needs: torch (CPU), transformers, numpy.
Run: python scripts/goldens/sampling.py

Processors: rows of few, exactly representable logits, and for every control which tokens are left and with which logits, as
transformers computes them in float64; penalties that transformers does not have (presence, frequency) are recomputed with
torch as vLLM and OpenAI define them. Beam search: a model whose logits are a table over the last two tokens, run through
`generate`.
"""

import json
import pathlib
import sys

import numpy
import torch
import transformers
from transformers import (
    GenerationMixin,
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    PreTrainedConfig,
    PreTrainedModel,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
    TypicalLogitsWarper,
)
from transformers.modeling_outputs import CausalLMOutputWithPast

VOCABULARY = 80
TABLE = 23


def rows(generator):
    """Distinct multiples of 1/64, so that there are no ties and every float32 is exact."""
    for _ in range(8):
        yield generator.permutation(VOCABULARY * 6)[:VOCABULARY] / 64 - 3.5


def finite(row):
    return [None if value == -numpy.inf else float(value) for value in row]


def processor_cases(generator):
    cases = []
    for number, row in enumerate(rows(generator)):
        prompt = generator.integers(0, VOCABULARY, 12).tolist()
        output = generator.integers(0, VOCABULARY, 15).tolist() + [4, 9, 4]
        tokens = torch.tensor([prompt + output])
        logits = torch.tensor([row], dtype=torch.float64)
        case = {"row": row.tolist(), "prompt": prompt, "output": output}
        penalty = [1.0, 1.25, 2.0, 0.5][number % 4]
        presence, frequency = [(0, 0), (0.5, 0), (0, 0.25), (-0.5, 0.125)][number % 4]
        size = [0, 1, 2, 3][number % 4]
        edited = logits.clone()
        if size:
            edited = NoRepeatNGramLogitsProcessor(size)(tokens, edited)
        edited = RepetitionPenaltyLogitsProcessor(penalty)(tokens, edited)
        counts = torch.bincount(torch.tensor(output), minlength=VOCABULARY)
        edited = edited - frequency * counts - presence * (counts > 0)
        case["edit"] = {
            "repetition_penalty": penalty,
            "presence_penalty": presence,
            "frequency_penalty": frequency,
            "no_repeat_ngram_size": size,
            "logits": finite(edited[0].numpy()),
        }
        case["draws"] = []
        for temperature, min_p, top_k, top_p, typical in [
            (1.0, 0, 0, 1, 1),
            (0.7, 0, 20, 1, 1),
            (0.7, 0, 0, 0.9, 1),
            (1.3, 0.05, 0, 1, 1),
            (1.0, 0, 0, 1, 0.6),
            (0.8, 0.02, 30, 0.85, 1),
            (1.5, 0, 40, 0.95, 0.5),
            (0.5, 0.01, 25, 0.9, 0.8),
        ]:
            scores = TemperatureLogitsWarper(temperature)(tokens, logits.clone())
            if min_p:
                scores = MinPLogitsWarper(min_p)(tokens, scores)
            if top_k:
                scores = TopKLogitsWarper(top_k)(tokens, scores)
            if top_p < 1:
                scores = TopPLogitsWarper(top_p)(tokens, scores)
            if typical < 1:
                scores = TypicalLogitsWarper(typical)(tokens, scores)
            probabilities = torch.softmax(scores, -1)[0].numpy()
            case["draws"].append(
                {
                    "temperature": temperature,
                    "min_p": min_p,
                    "top_k": top_k,
                    "top_p": top_p,
                    "typical_p": typical,
                    "kept": [[int(t), float(probabilities[t])] for t in numpy.flatnonzero(probabilities)],
                }
            )
        cases.append(case)
    return cases


class TableConfig(PreTrainedConfig):
    model_type = "table"
    vocab_size = TABLE
    num_hidden_layers = 1
    hidden_size = 1
    num_attention_heads = 1


class TableModel(PreTrainedModel, GenerationMixin):
    """The logits of the next token are a row of a table, chosen by the last two tokens."""

    config_class = TableConfig

    def __init__(self, config, table):
        super().__init__(config)
        self.table = torch.nn.Parameter(torch.tensor(table, dtype=torch.float32), requires_grad=False)

    def forward(self, input_ids, attention_mask=None, **kwargs):
        before = torch.nn.functional.pad(input_ids, (1, 0))[:, :-1]
        return CausalLMOutputWithPast(logits=self.table[(before * 5 + input_ids) % self.table.shape[0]])

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **kwargs):
        return {"input_ids": input_ids}


def beam_cases(generator):
    table = numpy.round(generator.normal(0, 2, (31, TABLE)) * 64) / 64
    # Ends are probable enough that some beams end early.
    table[:, 0] += 1
    # What sequences are padded with is never generated.
    table[:, TABLE - 1] = -40
    model = TableModel(TableConfig(), table).eval()
    cases = []
    for width in (1, 2, 4, 7):
        for penalty in (1.0, 0.0, 2.0, -1.0):
            for early in (True, False, "never"):
                for ends in ([0], [0, 3]):
                    prompt = generator.integers(1, TABLE, 3).tolist()
                    with torch.no_grad():
                        result = model.generate(
                            torch.tensor([prompt]),
                            attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
                            num_beams=width,
                            num_return_sequences=width,
                            do_sample=False,
                            max_new_tokens=9,
                            length_penalty=penalty,
                            early_stopping=early,
                            eos_token_id=ends,
                            pad_token_id=TABLE - 1,
                            use_cache=False,
                            return_dict_in_generate=True,
                            output_scores=True,
                        )
                    if width == 1:
                        continue
                    cases.append(
                        {
                            "width": width,
                            "length_penalty": penalty,
                            "early_stopping": early,
                            "ends": ends,
                            "prompt": prompt,
                            "sequences": [s[len(prompt) :] for s in result.sequences.tolist()],
                            "scores": [float(s) for s in result.sequences_scores],
                        }
                    )
    return {"table": table.tolist(), "max_tokens": 9, "pad": TABLE - 1, "cases": cases}


def main():
    generator = numpy.random.default_rng(20)
    path = pathlib.Path(__file__).parents[2] / "Tests/DecodingTests/Goldens/sampling.json"
    path.parent.mkdir(exist_ok=True)
    golden = {
        "transformers": transformers.__version__,
        "processors": processor_cases(generator),
        "beams": beam_cases(generator),
    }
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(f"{path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
