#!/usr/bin/env python3
"""Writes Tests/CatalogueTests/ZipFixtures.swift: small archives made by Python's zlib and zipfile.

Needs no packages. Run from the root of the repository.
"""
import base64, hashlib, io, random, struct, textwrap, zipfile, zlib

random.seed(7)
words = ["block", "table", "prefix", "token", "of", "the", "and", "cache", "logits", "head", "a", "is"]
text = " ".join(random.choice(words) for _ in range(2500)).encode()
# Fibonacci frequencies make codes as long as the format allows.
skewed, a, b = bytearray(), 1, 1
for symbol in range(18):
    skewed += bytes([symbol]) * a
    a, b = b, a + b
random.shuffle(skewed)
noise = random.randbytes(700)


def deflate(data, level=9, strategy=zlib.Z_DEFAULT_STRATEGY, flush_every=None, memory=9):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, memory, strategy)
    if not flush_every:
        return packer.compress(data) + packer.flush()
    out = b""
    for start in range(0, len(data), flush_every):
        out += packer.compress(data[start:start + flush_every]) + packer.flush(zlib.Z_FULL_FLUSH)
    return out + packer.flush()


def archive(data, packed, method=8, flags=0, name=b"m.bin", size=None, extra=b"", before=b"", comment=b""):
    crc = zlib.crc32(data)
    size = len(data) if size is None else size
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, flags, method, 0, 33, crc, len(packed), size, len(name), len(extra))
    body = before + local + name + extra + packed
    central = struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, flags, method, 0, 33, crc, len(packed), size,
                          len(name), 0, 0, 0, 0, 0, len(before)) + name
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(central), len(body), len(comment)) + comment
    return body + central + end


def zipfile_made():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("other.txt", "another member")
        z.writestr("m.bin", text)
    return out.getvalue()


wide = text[:400] + bytes(40000) + text[:400] + noise
fixtures = {
    "stored": (noise, archive(noise, noise, method=0)),
    "storedBlocks": (noise, archive(noise, deflate(noise, level=0))),
    "fixedCodes": (text[:500], archive(text[:500], deflate(text[:500], strategy=zlib.Z_FIXED))),
    "dynamicCodes": (text, archive(text, deflate(text), extra=b"xx\x00\x00", comment=b"a comment")),
    "literalsOnly": (text[:2000], archive(text[:2000], deflate(text[:2000], strategy=zlib.Z_HUFFMAN_ONLY))),
    "longCodes": (bytes(skewed), archive(bytes(skewed), deflate(bytes(skewed), strategy=zlib.Z_HUFFMAN_ONLY))),
    "manyBlocks": (wide, archive(wide, deflate(wide, flush_every=9000), before=b"something before")),
    "runs": (bytes(330000), archive(bytes(330000), deflate(bytes(330000)))),
    "empty": (b"", archive(b"", deflate(b""))),
    "zipfileMade": (text, zipfile_made()),
}
broken = {
    "bomb": archive(bytes(100), deflate(bytes(5_000_000)), size=100),
    "wrongSum": archive(text[:99] + b"?", deflate(text[:100])),
    "encrypted": archive(noise[:50], noise[:50], method=0, flags=1),
    "unknownMethod": archive(noise[:50], noise[:50], method=12),
    "zip64": archive(noise[:50], noise[:50], method=0, size=0xFFFFFFFF),
    "trailing": archive(text[:100], deflate(text[:100]) + b"\0\0\0"),
    "noDistanceYet": archive(bytes(5), bytes([0b00000011, 0b00000010, 0]) + b"\0"),
}
lines = ["/// Archives made by Python's zlib and zipfile (scripts/goldens/zip_fixtures.py): base 64, and what `m.bin` unpacks to.",
         "enum ZipFixtures {", "  static let good: [(name: String, archive: String, size: Int, sha256: String)] = ["]


def literal(data):
    parts = textwrap.wrap(base64.b64encode(data).decode(), 100)
    return '"""\n' + "\n".join("      " + p + "\\" for p in parts)[:-1] + '\n      """'


for name, (data, packed) in fixtures.items():
    lines.append(f'    (\n      "{name}",\n      {literal(packed)},\n      {len(data)},\n      "{hashlib.sha256(data).hexdigest()}"\n    ),')
lines += ["  ]", "", "  static let broken: [(name: String, archive: String)] = ["]
for name, packed in broken.items():
    lines.append(f'    (\n      "{name}",\n      {literal(packed)}\n    ),')
lines += ["  ]", "}", ""]
open("Tests/CatalogueTests/ZipFixtures.swift", "w").write("\n".join(lines))
print({k: len(v[1]) for k, v in fixtures.items()}, {k: len(v) for k, v in broken.items()})
