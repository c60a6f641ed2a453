"""Writes the Unicode tables of Sources/Tokenization/Unicode from the behaviour of the reference library.

Needs the pip package `tokenizers` (0.23.3 when the committed tables were made). Usage:

    python scripts/tables/unicode_tables.py Sources/Tokenization/Unicode

The reference takes its character classes from three places: the regular expressions of pre-tokenizers, the standard
library behind the `Digits` pre-tokenizer, and the one behind added tokens. They follow different versions of Unicode,
and its normalizer an older one still. So nothing here reads the Unicode database: every scalar is put through the
library, and what it does is written down.
"""

import sys

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

SCALARS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
CHUNK = 4096


def chunks():
    for start in range(0, len(SCALARS), CHUNK):
        yield SCALARS[start : start + CHUNK]


def ranges(members):
    """Inclusive ranges; one that reaches both sides of the surrogates stays in two parts."""
    out = []
    for c in sorted(members):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def regex_class(pattern):
    splitter = pre_tokenizers.Split(Regex(pattern), "removed")
    members = set()
    for chunk in chunks():
        left = set()
        for piece, _ in splitter.pre_tokenize_str("".join(map(chr, chunk))):
            left.update(map(ord, piece))
        members.update(c for c in chunk if c not in left)
    return members


def digits_class():
    splitter = pre_tokenizers.Digits(individual_digits=True)
    members = set()
    for chunk in chunks():
        text = "a" + "a".join(map(chr, chunk)) + "a"
        for piece, _ in splitter.pre_tokenize_str(text):
            if len(piece) == 1 and piece != "a":
                members.add(ord(piece))
    return members


def added_token_classes():
    """(word, whitespace) as the flags `single_word` and `rstrip` see them."""
    word, space = set(), set()
    single = Tokenizer(models.BPE())
    single.add_tokens([AddedToken("xyz", single_word=True, normalized=False)])
    strip = Tokenizer(models.BPE())
    strip.add_tokens([AddedToken("xyz", rstrip=True, normalized=False)])
    for chunk in chunks():
        for c, encoding in zip(chunk, single.encode_batch(["xyz" + chr(c) for c in chunk])):
            if len(encoding.ids) == 0:
                word.add(c)
        for c, encoding in zip(chunk, strip.encode_batch(["xyz" + chr(c) for c in chunk])):
            if encoding.offsets[0][1] == 4:
                space.add(c)
    return word, space


NFC, NFD = normalizers.NFC(), normalizers.NFD()


def normalization():
    """Canonical decompositions, combining classes, and which decompositions compose again."""
    hangul = range(0xAC00, 0xAC00 + 11172)
    full = {}
    for c in SCALARS:
        if c >= 0xC0 and c not in hangul:
            d = NFD.normalize_str(chr(c))
            if d != chr(c):
                full[c] = tuple(map(ord, d))
    # Combining marks: U+0334 has class 1 and U+0345 class 240, the least and the greatest; a starter does not move.
    low, high = "\u0334", "\u0345"
    marks = []
    for c in SCALARS:
        if c >= 0x300 and c not in full and c not in hangul:
            before = NFD.normalize_str(chr(c) + low) == low + chr(c)
            after = NFD.normalize_str(high + chr(c)) == chr(c) + high
            if before or after:
                marks.append(c)
    # One representative of every class, in order, found by sorting with the library itself.
    import functools

    def compare(a, b):
        if a == b:
            return 0
        if NFD.normalize_str(chr(b) + chr(a)) == chr(a) + chr(b):
            return -1
        if NFD.normalize_str(chr(a) + chr(b)) == chr(b) + chr(a):
            return 1
        return 0

    ordered = sorted(marks, key=functools.cmp_to_key(compare))
    classes, current = {}, 1
    for i, c in enumerate(ordered):
        if i and compare(ordered[i - 1], c) < 0:
            current += 1
        classes[c] = current
    # Composition: a pair (a, b) with NFC(a b) == c. The first part of a pair is itself composed as far as it goes.
    pairs, singles = {}, {}
    for c, d in full.items():
        if len(d) == 1:
            singles[c] = d[0]
            continue
        head = NFC.normalize_str("".join(map(chr, d[:-1])))
        composed = NFC.normalize_str("".join(map(chr, d)))
        if len(head) == 1:
            pairs[c] = (ord(head), d[-1], composed == chr(c))
        else:
            assert composed != chr(c), hex(c)
            # Its head does not compose: give the head's own decomposition a name if there is one.
            match = [k for k, v in full.items() if v == d[:-1]]
            assert len(match) >= 1 or len(d) == 2, hex(c)
            pairs[c] = (match[0], d[-1], False)
    return full, classes, pairs, singles


def quick_check(full, classes, pairs):
    """Scalars whose presence may mean that a text is not in NFC."""
    members = set(classes)
    members.update(c for c in full if NFC.normalize_str(chr(c)) != chr(c))
    members.update(b for _, b, composes in pairs.values() if composes)
    members.update(range(0x1161, 0x1176))
    members.update(range(0x11A8, 0x11C3))
    return members


def numbers(values):
    lines, line = [], "   "
    for value in values:
        text = f" 0x{value:X},"
        if len(line) + len(text) > 118:
            lines.append(line)
            line = "   "
        line += text
    lines.append(line)
    return "\n".join(lines)


def array(name, comment, values):
    doc = "\n".join(f"  /// {part}" for part in comment)
    return f"{doc}\n  static let {name}: [UInt32] = [\n{numbers(values)}\n  ]\n"


def write(directory, name, comment, arrays):
    head = (
        f"// Made by scripts/tables/unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.\n\n"
        + "".join(f"/// {part}\n" for part in comment)
    )
    with open(f"{directory}/{name}.swift", "w", encoding="utf-8") as file:
        file.write(head + f"enum {name} {{\n" + "\n".join(arrays) + "}\n")


def flat(members):
    return [bound for pair in ranges(members) for bound in pair]


def main():
    directory = sys.argv[1]
    letters, numbers_, spaces = (regex_class(p) for p in (r"\p{L}", r"\p{N}", r"\s"))
    digits = digits_class()
    word, added_spaces = added_token_classes()
    assert spaces == added_spaces, sorted(spaces ^ added_spaces)
    assert numbers_ <= digits
    full, classes, pairs, singles = normalization()
    check = quick_check(full, classes, pairs)

    bounds = ["Inclusive ranges as pairs of bounds, ascending."]
    write(
        directory, "LetterRanges", ["The scalars that `\\p{L}` matches in a pre-tokenizer's regular expression."],
        [array("all", bounds, flat(letters))])
    write(
        directory, "WordRanges", ["The scalars that count as part of a word for an added token's `single_word`."],
        [array("all", bounds, flat(word))])
    write(
        directory, "NumberRanges", ["The scalars that are numbers, and those that are white space."],
        [
            array("regularExpression", ["`\\p{N}` of a regular expression.", *bounds], flat(numbers_)),
            array("digitsOnly", ["What the `Digits` pre-tokenizer takes for a number besides.", *bounds],
                  flat(digits - numbers_)),
            array("whitespace", ["`\\s`, everywhere.", *bounds], flat(spaces)),
        ])
    write(
        directory, "CanonicalPairs",
        ["Canonical decompositions into two scalars, as triples (composed, first, second)."],
        [
            array("composing", ["Those that NFC composes again; ascending."],
                  [x for c in sorted(pairs) if pairs[c][2] for x in (c, *pairs[c][:2])]),
            array("excluded", ["Those that NFC leaves in two; ascending."],
                  [x for c in sorted(pairs) if not pairs[c][2] for x in (c, *pairs[c][:2])]),
        ])
    runs = []
    for c in sorted(classes):
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == classes[c]:
            runs[-1][1] = c
        else:
            runs.append([c, c, classes[c]])
    write(
        directory, "CanonicalSingles", ["Canonical decompositions into one scalar."],
        [array("all", ["Pairs (scalar, its decomposition); ascending."],
               [x for c in sorted(singles) for x in (c, singles[c])])])
    write(
        directory, "CombiningClasses",
        ["Canonical ordering. Classes are numbered by rank: only their order has a meaning."],
        [
            array("all", ["Triples (first, last, class from 1); ascending. A scalar that is not in the list has 0."],
                  [x for run in runs for x in run]),
            array("needsCheck", ["Scalars whose presence may mean that a text is not in NFC.", *bounds], flat(check)),
        ])
    print(
        f"letters {len(letters)} numbers {len(numbers_)} digits {len(digits)} word {len(word)} "
        f"pairs {len(pairs)} singles {len(singles)} marks {len(classes)} classes {max(classes.values())}")


if __name__ == "__main__":
    main()
