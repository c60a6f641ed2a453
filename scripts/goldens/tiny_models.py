"""Makes Tests/ModelEnginesTests/Goldens/tiny-models.json: logits of tiny random models, computed by transformers.

Each model has weights that any language can make again from the tensors' names, so that no weights are stored:

    seed   = FNV-1a, 64 bits, of the UTF-8 bytes of the tensor's Hugging Face name
    state  = (seed + (i + 1) * 0x9E3779B97F4A7C15) mod 2^64        for element i, row-major
    z      = the finalizer of splitmix64 on state (shifts 30, 27, 31)
    u      = (float32(z >> 40) - 8388608) / 8388608                 in [-1, 1), exact in float32
    weight = 1 + u * 0.1    if the name ends in "norm.weight"       (float32: one multiplication, one addition)
             u * 0.1        if the name ends in ".bias"
             u * scale      otherwise; scale is the model's          (float32)

and, where the golden's dtype is "bf16", rounded to bfloat16, to nearest, ties to even. All arithmetic of the reference
is float32, with eager attention, on one sequence whose first token is at position 0.

The file is a list of objects:
    name      what the model is there to show
    config    the config.json, as it is to be written
    dtype     "f32" or "bf16": how the weights are stored
    scale     see above
    tensors   {tensor name: shape}: everything that the checkpoint holds; a tied output matrix is not stored
    probe     {"name", "values"}: the first four elements of one tensor, to check the generator on its own
    tokens    the sequence
    rows      positions whose logits are given
    logits    one row of vocab_size floats for each of them, nine significant digits

Needs: pip install torch transformers numpy   (made with torch 2.13 on a CPU, transformers 5.23)
Run:   python scripts/goldens/tiny_models.py [--check] [OUT]
       --check prints how lively each model is and how far float32 is from float64, and writes nothing.
"""

import argparse
import json
import os
import tempfile

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM

DEFAULT_OUT = "Tests/ModelEnginesTests/Goldens/tiny-models.json"
VOCABULARY = 160


def fnv1a(data: bytes) -> int:
    """The 64-bit FNV-1a hash of `data`."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def uniform(name: str, count: int) -> np.ndarray:
    """`count` float32 numbers in [-1, 1) that depend on `name` only."""
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint64)
        z = np.uint64(fnv1a(name.encode())) + steps * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return ((z >> np.uint64(40)).astype(np.float32) - np.float32(8388608)) / np.float32(8388608)


def weight(name: str, shape: list[int], scale: float, dtype: str) -> torch.Tensor:
    """The tensor called `name`, as float32; its values are bfloat16 numbers if `dtype` is "bf16"."""
    u = uniform(name, int(np.prod(shape)))
    if name.endswith("norm.weight"):
        values = np.float32(1) + u * np.float32(0.1)
    elif name.endswith(".bias"):
        values = u * np.float32(0.1)
    else:
        values = u * np.float32(scale)
    assert values.dtype == np.float32
    tensor = torch.from_numpy(values).reshape(shape)
    return tensor.to(torch.bfloat16).to(torch.float32) if dtype == "bf16" else tensor


def llama(**changes) -> dict:
    """A config.json of the Llama family in the classic style (`rope_theta`, `rope_scaling`); None removes a key."""
    return changed(
        {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "torch_dtype": "float32",
            "vocab_size": VOCABULARY,
            "hidden_size": 64,
            "intermediate_size": 160,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "hidden_act": "silu",
            "max_position_embeddings": 256,
            "rms_norm_eps": 1e-5,
            "rope_theta": 10000.0,
            "rope_scaling": None,
            "attention_bias": False,
            "mlp_bias": False,
            "tie_word_embeddings": False,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "pretraining_tp": 1,
            "use_cache": True,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        changes,
    )


def qwen2(**changes) -> dict:
    """A config.json of the Qwen2 family in the classic style."""
    return changed(
        {
            "architectures": ["Qwen2ForCausalLM"],
            "model_type": "qwen2",
            "torch_dtype": "float32",
            "vocab_size": VOCABULARY,
            "hidden_size": 64,
            "intermediate_size": 160,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "hidden_act": "silu",
            "max_position_embeddings": 256,
            "max_window_layers": 3,
            "sliding_window": 256,
            "use_sliding_window": False,
            "rms_norm_eps": 1e-6,
            "rope_theta": 1000000.0,
            "tie_word_embeddings": True,
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "use_cache": True,
            "bos_token_id": 1,
            "eos_token_id": 2,
        },
        changes,
    )


REMOVED = object()


def changed(config: dict, changes: dict) -> dict:
    """`config` with `changes`; a key whose new value is REMOVED goes."""
    return {key: value for key, value in {**config, **changes}.items() if value is not REMOVED}


def rope_parameters(dtype: str, **parameters) -> dict:
    """The changes that turn a classic config.json into one as transformers 5 writes it."""
    return {
        "torch_dtype": REMOVED,
        "dtype": dtype,
        "rope_theta": REMOVED,
        "rope_scaling": REMOVED,
        "rope_parameters": parameters,
    }


# With heads of 16 and a base of 10,000 the wavelengths are 6.3, 20, 63, 199, ... tokens: one is shorter than 64 / 4 and
# stays, two lie between 64 / 4 and 64 / 1 and are blended, the others are stretched by the factor.
LLAMA3 = {
    "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64,
    "rope_type": "llama3",
}

# name, config, dtype, scale, number of tokens, distance of the rows that are kept
MODELS = [
    ("llama grouped queries", llama(), "f32", 0.3, 40, 4),
    ("llama tied", llama(tie_word_embeddings=True), "f32", 0.3, 40, 4),
    ("llama head_dim 24", llama(num_key_value_heads=4, head_dim=24), "f32", 0.3, 40, 4),
    ("llama head_dim 40", llama(num_key_value_heads=4, head_dim=40), "f32", 0.3, 40, 4),
    ("llama rope linear", llama(rope_scaling={"type": "linear", "factor": 2.5}), "f32", 0.3, 40, 4),
    ("llama rope llama3", llama(rope_scaling=LLAMA3, max_position_embeddings=512), "f32", 0.3, 40, 4),
    ("llama rope llama3 in rope_parameters", llama(
        **rope_parameters("float32", rope_theta=500.0, **LLAMA3), max_position_embeddings=512), "f32", 0.3, 40, 8),
    ("llama biases", llama(attention_bias=True, mlp_bias=True), "f32", 0.3, 40, 4),
    ("llama bf16", llama(torch_dtype="bfloat16"), "bf16", 0.3, 40, 4),
    ("llama rms_norm_eps", llama(rms_norm_eps=0.05), "f32", 0.3, 40, 4),
    ("llama one key-value head", llama(num_key_value_heads=1), "f32", 0.3, 40, 4),
    ("llama 150 tokens", llama(
        **rope_parameters("float32", rope_theta=50000.0, rope_type="default")), "f32", 0.3, 150, 16),
    ("qwen2 tied", qwen2(), "f32", 0.3, 40, 4),
    ("qwen2 untied", qwen2(tie_word_embeddings=False), "f32", 0.3, 40, 4),
    ("qwen2 bf16 in rope_parameters", qwen2(
        **rope_parameters("bfloat16", rope_theta=1000000.0, rope_type="default")), "bf16", 0.3, 40, 8),
]


def load(config: dict, dtype: str, scale: float) -> tuple[torch.nn.Module, dict[str, torch.Tensor]]:
    """The model that transformers makes of `config` with our weights, and those weights by name."""
    with tempfile.TemporaryDirectory() as directory:
        with open(os.path.join(directory, "config.json"), "w") as file:
            json.dump(config, file)
        parsed = AutoConfig.from_pretrained(directory)
    model = AutoModelForCausalLM.from_config(parsed, dtype=torch.float32, attn_implementation="eager").eval()
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    if config["tie_word_embeddings"]:
        del shapes["lm_head.weight"]
    weights = {name: weight(name, shape, scale, dtype) for name, shape in shapes.items()}
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected and missing == (["lm_head.weight"] if config["tie_word_embeddings"] else []), missing
    if config["tie_word_embeddings"]:
        assert model.lm_head.weight is model.model.embed_tokens.weight
    return model, weights


def tokens_for(name: str, count: int) -> list[int]:
    """A fixed sequence of `count` tokens."""
    return [int(value) for value in (uniform("tokens of " + name, count).astype(np.float64) + 1) * (VOCABULARY / 2)]


def logits_of(model: torch.nn.Module, tokens: list[int]) -> np.ndarray:
    """The logits at every position, `[tokens, vocabulary]`."""
    with torch.inference_mode():
        return model(torch.tensor([tokens]), use_cache=False).logits[0].numpy()


def hidden_of(model: torch.nn.Module, tokens: list[int]) -> np.ndarray:
    """The hidden states after the final norm at every position, `[tokens, hidden]`."""
    with torch.inference_mode():
        return model.model(torch.tensor([tokens]), use_cache=False).last_hidden_state[0].numpy()


def golden(name: str, config: dict, dtype: str, scale: float, count: int, step: int) -> dict:
    """One object of the file."""
    model, weights = load(config, dtype, scale)
    tokens = tokens_for(name, count)
    logits = logits_of(model, tokens)
    hidden = hidden_of(model, tokens)
    rows = sorted({*range(0, count, step), count - 1})
    probe = "model.layers.1.self_attn.k_proj.weight"
    return {
        "name": name,
        "config": config,
        "dtype": dtype,
        "scale": scale,
        "tensors": {tensor: list(value.shape) for tensor, value in weights.items()},
        "probe": {"name": probe, "values": rounded(weights[probe].flatten()[:4].numpy())},
        "tokens": tokens,
        "rows": rows,
        "logits": [rounded(logits[row]) for row in rows],
        "hidden_last": rounded(hidden[-1]),
        "hidden_mean": rounded(hidden.mean(axis=0, dtype=np.float64)),
    }


def rounded(values: np.ndarray) -> list[float]:
    """Nine significant digits, which are enough to give back every float32."""
    return [float(f"{value:.9g}") for value in values]


def check(name: str, config: dict, dtype: str, scale: float, count: int, step: int) -> None:
    """Prints what tells whether the model is a good test: neither flat nor saturated, and how exact float32 is."""
    model, _ = load(config, dtype, scale)
    tokens = tokens_for(name, count)
    logits = logits_of(model, tokens)
    log_softmax = torch.log_softmax(torch.from_numpy(logits).double(), -1)
    entropy = -(log_softmax.exp() * log_softmax).sum(-1)
    with torch.inference_mode():
        attentions = model(torch.tensor([tokens]), use_cache=False, output_attentions=True).attentions
    last = torch.stack([layer[0, :, -1] for layer in attentions])
    attention_entropy = -(last * last.clamp_min(1e-30).log()).sum(-1)
    exact = logits_of(model.double(), tokens)
    print(
        f"{name:40s} logits std {logits.std():.2f} max {np.abs(logits).max():.1f}"
        f"  softmax entropy {entropy.mean():.2f} of {np.log(VOCABULARY):.2f}"
        f"  attention entropy {attention_entropy.mean():.2f} of {np.log(count):.2f},"
        f" least {attention_entropy.min():.2f}"
        f"  |float32 - float64| {np.abs(logits - exact).max():.1e}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", nargs="?", default=DEFAULT_OUT)
    parser.add_argument("--check", action="store_true", help="print how lively the models are, write nothing")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.check:
        for model in MODELS:
            check(*model)
        return
    objects = [json.dumps(golden(*model), separators=(",", ":")) for model in MODELS]
    with open(arguments.out, "w") as file:
        file.write("[\n" + ",\n".join(objects) + "\n]\n")


if __name__ == "__main__":
    main()
