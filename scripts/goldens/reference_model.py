"""Loads a model and its tokenizer with transformers, for the other scripts here; it is not run by itself.

Needs: pip install torch transformers tokenizers gguf numpy
"""

import os

import torch
from tokenizers import normalizers, pre_tokenizers
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging

logging.disable_progress_bar()


def load(path: str) -> tuple[torch.nn.Module, object]:
    """The model in `path`, a GGUF file or a Hugging Face directory, in float32, and its tokenizer."""
    if os.path.isdir(path):
        model, report = AutoModelForCausalLM.from_pretrained(
            path, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(path)
    else:
        directory, name = os.path.split(path)
        model, report = AutoModelForCausalLM.from_pretrained(
            directory or ".", gguf_file=name, dtype=torch.float32, attn_implementation="eager",
            quantization_config=GgufConfig(dequantize=True), output_loading_info=True)
        tokenizer = AutoTokenizer.from_pretrained(directory or ".", gguf_file=name)
        check_weights(model, path)
        correct_tokenizer(tokenizer, path)
    for trouble in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        if report[trouble]:
            raise SystemExit(f"{path}: {trouble}: {sorted(report[trouble])[:5]}")
    return model.eval(), tokenizer


def correct_tokenizer(tokenizer, path: str) -> None:
    """Gives the tokenizer the splitting rules that the GGUF file names and transformers' conversion forgets."""
    kind = gguf_fields(path, "tokenizer.ggml.pre")["tokenizer.ggml.pre"]
    backend = tokenizer.backend_tokenizer
    if kind == "smollm":
        # Every digit is a piece of its own, and the pieces around it are split like GPT-2's.
        backend.pre_tokenizer = pre_tokenizers.Sequence([
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
        ])
    elif kind == "qwen2":
        # Already split as it should be; the published tokenizer also composes characters first.
        backend.normalizer = normalizers.NFC()
    else:
        raise SystemExit(f"{path}: tokenizer.ggml.pre is {kind!r}, which this script knows no splitting rules for")


def gguf_fields(path: str, *names: str) -> dict[str, object]:
    """The values of the named metadata fields of the GGUF file at `path`; a field that is not there is left out."""
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    return {name: fields[name].contents() for name in names if name in fields}


def check_weights(model: torch.nn.Module, path: str) -> None:
    """Compares what transformers made of a GGUF file with the file as the `gguf` package dequantizes it, bit for bit.

    Every tensor of the file must be in the model and every weight of the model in the file, but for an output matrix
    that is the embedding. Base and epsilon are compared too.
    """
    from gguf import GGUFReader, dequantize

    reader = GGUFReader(path)
    fields = {name: field.contents() for name, field in reader.fields.items()
              if not name.startswith("tokenizer.")}
    family = fields["general.architecture"]
    config = model.config
    weights = dict(model.state_dict())
    tied = "output.weight" not in {tensor.name for tensor in reader.tensors}
    if tied:
        assert model.lm_head.weight is model.model.embed_tokens.weight, "the output matrix is not tied"
        del weights["lm_head.weight"]
    else:
        assert model.lm_head.weight is not model.model.embed_tokens.weight, "the output matrix is tied"
    for tensor in reader.tensors:
        name = hugging_face_name(tensor.name)
        expected = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        if family == "llama" and (name.endswith("q_proj.weight") or name.endswith("k_proj.weight")):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            expected = half_split_rows(expected, heads)
        assert torch.equal(weights.pop(name), expected), f"{tensor.name} differs from the file"
    assert not weights, f"not in the file: {sorted(weights)[:5]}"
    assert config.rope_parameters["rope_theta"] == fields[f"{family}.rope.freq_base"], config.rope_parameters
    assert config.rope_parameters["rope_type"] == "default", config.rope_parameters
    assert abs(config.rms_norm_eps / fields[f"{family}.attention.layer_norm_rms_epsilon"] - 1) < 1e-6


def half_split_rows(matrix: torch.Tensor, heads: int) -> torch.Tensor:
    """Undoes the row order of Llama's q and k in GGUF: pairs that rotate together lie side by side there, and half a
    head apart in a Hugging Face checkpoint."""
    return matrix.reshape(heads, -1, 2, matrix.shape[1]).swapaxes(1, 2).reshape(matrix.shape)


def hugging_face_name(name: str) -> str:
    """The Hugging Face name of a GGUF tensor of the Llama and Qwen2 families."""
    parts = name.split(".")
    if parts[0] != "blk":
        outer = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
        return f"{outer[parts[0]]}.{parts[1]}"
    inner = {
        "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "ffn_norm": "post_attention_layernorm",
        "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
    }
    return f"model.layers.{parts[1]}.{inner[parts[2]]}.{parts[3]}"
