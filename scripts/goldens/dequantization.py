"""Makes Tests/CheckpointsTests/Goldens/dequantization.json: random blocks of every type and their float32 values.

Needs the pip packages gguf and numpy. Run from the root of the repository:

    python scripts/goldens/dequantization.py
"""

import json
import pathlib
import random
import struct

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, dequantize

BLOCKS = 8
# Offsets of the half-precision fields of a block.
HALF_FIELDS = {
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2],
    "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}
# Zero of both signs, the smallest and the largest subnormal, the smallest normal, the largest, negative ones.
SPECIAL_HALVES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x7BFF, 0xB555, 0x3C00]


def half(generator, index):
    if index < len(SPECIAL_HALVES):
        return SPECIAL_HALVES[index]
    while True:
        pattern = generator.getrandbits(16)
        if pattern & 0x7C00 != 0x7C00:
            return pattern


def block(name, index, generator):
    size = GGML_QUANT_SIZES[GGMLQuantizationType[name]][1]
    if name == "F32":
        specials = [0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x7F7FFFFF]
        value = specials[index] if index < len(specials) else generator.getrandbits(30)
        return struct.pack("<I", value)
    if name == "F16":
        return struct.pack("<H", half(generator, index))
    if name == "BF16":
        specials = [0x0000, 0x8000, 0x0001, 0x807F, 0x7F7F]
        return struct.pack("<H", specials[index] if index < len(specials) else generator.getrandbits(14))
    data = bytearray(generator.randbytes(size))
    # The first field walks over the special values in the first half of the blocks, the others in the second half.
    for number, offset in enumerate(HALF_FIELDS[name]):
        data[offset:offset + 2] = struct.pack("<H", half(generator, (index + 3 * number) % (2 * BLOCKS)))
    return bytes(data)


def main():
    generator = random.Random(20)
    entries = []
    for name in ["F32", "F16", "BF16", *HALF_FIELDS]:
        quantization = GGMLQuantizationType[name]
        count = BLOCKS if name in HALF_FIELDS else 64
        data = b"".join(block(name, index, generator) for index in range(count))
        if name == "F32":
            values = np.frombuffer(data, dtype=np.float32)
        elif name == "F16":
            values = np.frombuffer(data, dtype=np.float16).astype(np.float32)
        else:
            values = dequantize(np.frombuffer(data, dtype=np.uint8).reshape(1, -1), quantization)
        assert np.isfinite(values).all(), name
        entries.append({"type": name, "blocks": data.hex(), "values": values.astype("<f4").tobytes().hex()})
    path = pathlib.Path("Tests/CheckpointsTests/Goldens/dequantization.json")
    path.write_text(json.dumps(entries, indent=0) + "\n")


main()
