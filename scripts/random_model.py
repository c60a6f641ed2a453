"""Writes a GGUF file of random weights in the shape of Qwen2.5-1.5B, in about the types of a Q4_K_M file.

For measurements of speed: Q4_K throughout, Q6_K for the output and for a third of the down projections, 28 layers, hidden 1536,
8,960 inside, 12 heads and 2 KV heads of 128. The tokenizer is that of the file named first, any of the Qwen2 family with
151,936 tokens, and what the model says is nonsense. The same seed writes the same file.

Needs numpy and gguf (pip install gguf):

    python scripts/random_model.py qwen2.5-0.5b.gguf random-1.5b.gguf
"""

import argparse
import os

import gguf
import numpy as np

LAYERS, HIDDEN, INSIDE, HEADS, KV_HEADS, HEAD = 28, 1536, 8960, 12, 2, 128
Q4_K, Q6_K, F32 = (gguf.GGMLQuantizationType[name] for name in ("Q4_K", "Q6_K", "F32"))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n")[0], epilog="example: random_model.py qwen2.5-0.5b.gguf random-1.5b.gguf")
    parser.add_argument("tokenizer", help="a GGUF file with the tokenizer of Qwen2")
    parser.add_argument("output")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    source = gguf.GGUFReader(options.tokenizer)
    vocabulary = len(source.fields["tokenizer.ggml.tokens"].data)
    partial = options.output + ".partial"
    writer = gguf.GGUFWriter(partial, "qwen2")
    describe(writer, source)
    add_weights(writer, np.random.default_rng(options.seed), vocabulary)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file(progress=True)
    writer.close()
    os.replace(partial, options.output)


def describe(writer, source):
    writer.add_name("random weights, shape of Qwen2.5-1.5B")
    writer.add_block_count(LAYERS)
    writer.add_context_length(32768)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(INSIDE)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    for name, field in source.fields.items():
        if name.startswith("tokenizer."):
            kind = field.types[0]
            inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(name, field.contents(), kind, inner)


def add_weights(writer, random, vocabulary):
    kv, all_heads = KV_HEADS * HEAD, HEADS * HEAD
    matrix(writer, random, "token_embd", vocabulary, HIDDEN, Q4_K)
    for layer in range(LAYERS):
        block = "blk.%d." % layer
        for name in ("attn_norm", "ffn_norm"):
            vector(writer, block + name + ".weight", 1 + random.normal(0, 0.1, HIDDEN))
        for name, outputs in (("attn_q", all_heads), ("attn_k", kv), ("attn_v", kv)):
            matrix(writer, random, block + name, outputs, HIDDEN, Q4_K)
            vector(writer, block + name + ".bias", random.normal(0, 0.1, outputs))
        matrix(writer, random, block + "attn_output", HIDDEN, all_heads, Q4_K)
        matrix(writer, random, block + "ffn_gate", INSIDE, HIDDEN, Q4_K)
        matrix(writer, random, block + "ffn_up", INSIDE, HIDDEN, Q4_K)
        matrix(writer, random, block + "ffn_down", HIDDEN, INSIDE, Q6_K if layer % 3 == 2 else Q4_K)
    vector(writer, "output_norm.weight", np.ones(HIDDEN))
    matrix(writer, random, "output", vocabulary, HIDDEN, Q6_K)


def vector(writer, name, values):
    writer.add_tensor(name, values.astype(np.float32), raw_dtype=F32)


def matrix(writer, random, name, outputs, inputs, kind):
    blocks = outputs * inputs // 256
    data = (q4_k if kind == Q4_K else q6_k)(random, blocks)
    writer.add_tensor(name + ".weight", data.reshape(outputs, -1), raw_dtype=kind)


def halves(value, blocks):
    return np.full((blocks, 1), value, np.float16).view(np.uint8)


def q4_k(random, blocks):
    """d, dmin, 8 scales and 8 minimums of six bits in 12 bytes, 128 bytes of nibbles: about 0.02 wide, around 0."""
    scales = random.integers(32, 64, (blocks, 8), np.uint8)
    low, high = scales[:, :4], scales[:, 4:]
    first = low | (high >> 4) << 6   # the upper two bits of the second four lie above the first four
    packed = np.concatenate([first, first, (high & 15) | (high & 15) << 4], axis=1)
    nibbles = random.integers(0, 256, (blocks, 128), np.uint8)
    return np.concatenate([halves(9e-5, blocks), halves(7.5 * 9e-5, blocks), packed, nibbles], axis=1)


def q6_k(random, blocks):
    """192 bytes of six-bit integers in two planes, 16 scales of eight bits, d: about 0.02 wide, around 0."""
    integers = random.integers(0, 256, (blocks, 192), np.uint8)
    scales = random.integers(48, 112, (blocks, 16), np.uint8)
    return np.concatenate([integers, scales, halves(1.35e-5, blocks)], axis=1)


main()
