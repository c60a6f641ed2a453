"""Makes a Hugging Face directory of a GGUF file: config.json, model.safetensors in bfloat16, tokenizer, chat template.

It is for measuring the safetensors path with real weights where only a GGUF file can be had; the directory is not
committed. The weights are the dequantized ones rounded to bfloat16, so that its reference is not the GGUF file's: score
the directory itself with score.py.

Needs: pip install torch transformers tokenizers gguf numpy   (made with torch 2.13 on a CPU, transformers 5.23)
Run:   python scripts/goldens/huggingface_directory.py MODEL.gguf DIRECTORY
"""

import argparse

import torch
from transformers import GenerationConfig

from reference_model import gguf_fields, load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("directory")
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    model, tokenizer = load(arguments.model)
    model.hf_quantizer = None
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model = model.to(torch.bfloat16)
    model.config.dtype = torch.bfloat16

    names = {key: f"tokenizer.ggml.{key}" for key in ("bos_token_id", "eos_token_id", "padding_token_id")}
    fields = gguf_fields(arguments.model, *names.values())
    identifiers = {key.replace("padding", "pad"): int(fields[name]) for key, name in names.items() if name in fields}
    for key, value in identifiers.items():
        setattr(model.config, key, value)
    model.generation_config = GenerationConfig(**identifiers)
    tokenizer.chat_template = gguf_fields(arguments.model, "tokenizer.chat_template")["tokenizer.chat_template"]

    model.save_pretrained(arguments.directory)
    tokenizer.save_pretrained(arguments.directory)


if __name__ == "__main__":
    main()
