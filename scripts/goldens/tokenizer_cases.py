"""Makes the golden files of Tests/TokenizationTests with the reference library.

Needs the pip packages `tokenizers` (0.23.3 when the committed files were made), and `gguf` for the two real models:

    python scripts/goldens/tokenizer_cases.py Tests/TokenizationTests/Goldens [--smollm2 FILE.gguf] [--qwen FILE.gguf]

Everything is drawn from seeded generators, so that a second run with the same library gives the same files. Files:

    corpus.json           about 2,300 hard strings
    NAME.tokenizer.json   a small vocabulary, trained here, under the exact pipeline of a family of models
    NAME.ids.json         the tokens of every string of the corpus, and of some strings of random tokens their text
    variants.json         the same for changed pipelines: flags of added tokens, split behaviours, templates, ...
    nfc.json              strings and their normalization form C
    smollm2.ids.json, qwen2.5.ids.json
                          the tokens under real vocabularies, which are read from the models' GGUF files
"""

import argparse
import json
import os
import random
import sys

# This file has the library's name; the folder it lies in must not hide the library.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers  # noqa: E402
from tokenizers import pre_tokenizers, processors, trainers  # noqa: E402

CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = CL100K % r"\p{N}{1,3}"
QWEN2 = CL100K % r"\p{N}"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

# ---------------------------------------------------------------------------------------------------------- corpus

PROSE = [
    "The quick brown fox jumps over the lazy dog, and nobody asks the dog what it thinks about that.",
    "It's what they've said: we'll see, I'm sure you'd agree, she's here and he isn't; they're not.",
    "IT'S WHAT THEY'VE SAID: WE'LL SEE, I'M SURE YOU'D AGREE, SHE'S HERE AND HE ISN'T; THEY'RE NOT.",
    "In 1987, 3.14159 and 2,718,281 were numbers; 0x1F, 1e-9 and 100% too. Call 555-0123 before 12:30.",
    "Straße, naïve façade, Ærøskøbing, Łódź, Žižek, İstanbul, ıĞğ, ŒUVRE, þórr, ÿ.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю. Ёлка, й, Й.",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία. Άλφα, ώ, ΐ, ΰ, ς.",
    "いろはにほへと ちりぬるを。カタカナと漢字、ｶﾀｶﾅ、がぎぐげご、パピプペポ。",
    "敏捷的棕色狐狸跳过懒狗。価格は1,234円です。三十二、〇、㊀㊁㊂。",
    "다람쥐 헌 쳇바퀴에 타고파. 각 낱말, 한글 자모 ㄱㄴㄷ.",
    "كل إنسان يولد حرا. مُحَمَّدٌ، السَّلَامُ عَلَيْكُمْ، ١٢٣٤٥ و ۱۲۳۴۵.",
    "כל בני האדם נולדו בני חורין. שָׁלוֹם עֲלֵיכֶם, בְּרֵאשִׁית.",
    "สวัสดีชาวโลก น้ำ กำลัง ๑๒๓ เก่งมาก ผู้หญิง.",
    "नमस्ते दुनिया, क्षत्रिय, ज़िन्दगी, १२३४ रुपये, हिन्दी में।",
    "বাংলা ভাষা কো, தமிழ் கொ, తెలుగు, ಕನ್ನಡ ಕೋ, മലയാളം, සිංහල කෝ, မြန်မာ, ខ្មែរ, ལྷ་ས།",
    "አማርኛ ፩፪፫, ქართული, Հայերեն, ᏣᎳᎩ, ᚠᚢᚦ, 𐎠𐎡𐎢, 𓀀𓀁, 𝔘𝔫𝔦𝔠𝔬𝔡𝔢, 𝟘𝟙𝟚.",
    "Tiếng Việt: Ngôn ngữ có nhiều dấu, được, không, những, ặ, ỗ, ử.",
    "https://example.com/path/to/page.html?query=1&other=a%20b#fragment and mailto:someone@example.org",
    "C:\\Users\\name\\Documents\\file.txt; /usr/local/lib/python3.11/site-packages; ~/.config; ../..",
]

CODE = [
    "def fibonacci(n: int) -> int:\n    \"\"\"Doc.\"\"\"\n    if n < 2:\n        return n\n    return fibonacci(n - 1) + fibonacci(n - 2)\n",
    "func f<T: Sendable>(_ x: borrowing T) async throws -> [Int] {\n  guard let y = x as? Int else { return [] }\n  return [y &+ 1]\n}\n",
    "#include <stdio.h>\nint main(void) {\n\tfor (int i = 0; i < 10; ++i) {\n\t\tprintf(\"%d\\n\", i);\n\t}\n\treturn 0;\n}\n",
    "const f = async ({a, ...rest}) => { await fetch(`/api/${a}?x=${rest.x ?? 1}`); }; // it's done\r\n",
    "SELECT COUNT(*) AS n, t.name FROM table_1 t WHERE t.id >= 100 AND name LIKE '%x%' GROUP BY 2;\n",
    "<div class=\"a b\"><p>Hello &amp; welcome</p><!-- note --></div>\n<br/>\n",
    "{\"a\": [1, 2.5, -3e10, null, true], \"b\": {\"c\": \"\\u00e9\\n\"}}",
    "fn main() -> Result<(), Box<dyn Error>> {\n    let v: Vec<u8> = vec![0; 16];\n    println!(\"{:?}\", &v[..4]);\n    Ok(())\n}\n",
    "#!/bin/bash\nset -euo pipefail\nfor f in *.txt; do echo \"${f%.txt}\" | sed 's/a/b/g' >> out; done\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n# Title\n\n* item\n  * nested\n\n```swift\nlet x = 1\n```\n",
    "\\begin{equation}\n  \\sum_{i=1}^{n} x_i^2 = \\frac{\\alpha}{\\beta}\n\\end{equation}\n",
    "module Main where\n\nmain :: IO ()\nmain = mapM_ print $ takeWhile (<100) [x*x | x <- [1..], odd x]\n",
]

SPACES = [" ", "  ", "   ", "\t", "\t\t", "\n", "\n\n", "\r\n", "\r", "\r\r\n", "\u00a0", "\u3000", "\u0085", "\u2028",
          "\u2029", "\u200b", "\u200d", "\ufeff", "\u2003", "\u2009", "\u202f", "\u205f", "\u1680", "\u180e", "\x0b",
          "\x0c", "\x1c", "\x1f", "        ", "\n \n", " \n", "\n ", " \t ", "\u00a0 ", " \u00a0"]

APOSTROPHES = ["'", "\u2019", "\u02bc", "`", "\uff07", "''", " '"]
CONTRACTIONS = ["s", "S", "t", "T", "re", "RE", "Re", "rE", "ve", "VE", "vE", "m", "M", "ll", "LL", "lL", "d", "D",
                "\u017f", "st", "\u017ft", "x", "l", "r", "v", "l\u017f", "\ufb06", "\ufb05", "\u212a", "1", "é", "sé"]

EMOJI = ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🇩🇪🇫🇷", "🇩", "❤️", "👩🏿‍💻", "🧑‍🚀", "☕", "#️⃣", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "✔", "™️", "🫠"]

COMBINING = ["e\u0301", "é", "e\u0323\u0302", "e\u0302\u0323", "ệ", "ẹ\u0302", "A\u030a", "Å", "\u212b", "\u2126", "q\u0307\u0323",
             "q\u0323\u0307", "\u0344", "\u0308\u0301", "\u1112\u1161\u11ab", "한", "\u1112\u1161", "하\u11ab", "가\u11a7", "\u11ab",
             "か\u3099", "が", "ハ\u309a", "\u0958", "\u0915\u093c", "\u09c7\u09be", "\u0b47\u0b57", "\u0dd9\u0dcf", "\u0ddd",
             "\ufb1d", "\ufb2a", "\u05e9\u05c1", "\u0f73", "\u0f71\u0f72", "\u1e9b\u0323", "\u2adc", "\u2add\u0338", "\uf900",
             "\ufa0e", "\U0002f800", "\U0001d15e", "\U0001d157\U0001d165", "\u0340", "\u0341", "\u0374", "\u037e", "\u0387",
             "\u1f71", "\u03ac", "\u1fee", "=\u0338", "\u2260", "\u0653\u0627", "\u0627\u0653", "\U00011099\U000110ba",
             "\U00016121\U0001611e", "\U000113c2\U000113c2", "\u30d5\u3099\u309a", "\u0345\u0334", "a\u0345\u0334\u0301"]

DIGITS = ["0123456789", "1", "12", "123", "1234", "12345", "1234567", "٠١٢٣٤", "۰۱۲", "०१२३", "๐๑๒๓", "０１２３", "²³¹", "½¼¾", "ⅣⅫⅷ",
          "〇一二三", "㉈㊿", "①②③⑳", "❶❷", "𝟎𝟏𝟐", "𐄇𐄈", "௧௨௩", "༠༡༢", "፩፪", "ↀↁ", "\U00011de0", "\U00016ff4", "\U00011f50", "0\u0663a",
          "3rd", "v1.2.3", "1,000", "1e5", "x2y3"]

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>",
           "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<repo_name>", "<file_sep>", "<|im_start", "im_end|>", "<|im_", "<|",
           "|>", "<<|im_end|>>", "<|IM_END|>", "<|endoftext|"]


def scalar(rng):
    while True:
        kind = rng.random()
        if kind < 0.35:
            c = rng.randrange(0x20, 0x250)
        elif kind < 0.65:
            c = rng.randrange(0x10000)
        elif kind < 0.9:
            c = rng.randrange(0x10000, 0x20000)
        else:
            c = rng.randrange(0x110000)
        if not 0xD800 <= c <= 0xDFFF:
            return chr(c)


def corpus():
    rng = random.Random(20240917)
    out = ["", " ", "  ", "\n", "a", "A", "é", "\x00", "'", "''", "'s", " 's", "\u00a0", "\ufffd", "\uffff", "\U0010ffff"]
    out += PROSE + CODE + SPACES + EMOJI + COMBINING + DIGITS + SPECIAL
    out += ["x" * 300, "ab" * 500, " " * 300, "\n" * 100, "=" * 200, "1" * 50, "é" * 100, "🙂" * 40, "a " * 100, " a" * 99,
            "\t" * 33 + "x", "x" + " " * 40 + "y", "\r\n" * 20, "-" * 80 + "\n", "a\u0301" * 60, "\u0301" * 70,
            "\u0334\u0345\u0301" * 30, "abcdefghij" * 40, "ACGT" * 90, "supercalifragilistic" * 12]
    for apostrophe in APOSTROPHES:
        for c in CONTRACTIONS:
            out.append(f"it{apostrophe}{c}")
            out.append(f"{apostrophe}{c} {apostrophe}{c}x")
    parts = [SPACES, EMOJI, COMBINING, DIGITS, SPECIAL]
    words = [w for line in PROSE for w in line.split(" ")] + [w for line in CODE for w in line.split(" ")]
    for space in SPACES:
        for _ in range(5):
            out.append(rng.choice(words) + space + rng.choice(words) + rng.choice(SPACES) + space)
            out.append(space + rng.choice(SPACES) + rng.choice(words) + rng.choice(DIGITS) + space)
    for special in SPECIAL:
        for _ in range(5):
            other = rng.choice(SPECIAL)
            out.append(rng.choice(["", " ", "a", "\n"]) + special + rng.choice(["", " ", "  ", "\n", "b"]) + other)
    for digits in DIGITS:
        for _ in range(3):
            out.append(rng.choice(words) + rng.choice(["", " ", "  "]) + digits + rng.choice(DIGITS) + rng.choice(words))
    for mark in COMBINING:
        for _ in range(4):
            out.append(rng.choice(words) + mark + rng.choice(COMBINING) + rng.choice(["", " ", "\u0301"]) + rng.choice(COMBINING))
    while len(out) < 1750:
        n = rng.randrange(1, 9)
        out.append("".join(
            rng.choice(rng.choice(parts)) if rng.random() < 0.4 else rng.choice(words) + rng.choice(["", " ", " ", ""])
            for _ in range(n)))
    while len(out) < 2050:
        out.append("".join(scalar(rng) for _ in range(rng.randrange(1, 24))))
    while len(out) < 2150:
        out.append("".join(rng.choice("ab '\n\r\t1é.<|>s\u0301\u3000") for _ in range(rng.randrange(1, 40))))
    while len(out) < 2200:
        out.append("".join(chr(rng.choice([*range(0x20), 0x7f, *range(0x80, 0xa0), 0xad, 0xfffe, 0xfdd0, 0xe000, 0xf8ff,
                                           0x1ffff, 0xf0000, 0x10fffd, 0x41])) for _ in range(rng.randrange(1, 12))))
    while len(out) < 2300:
        line = rng.choice(PROSE + CODE)
        i, j = sorted((rng.randrange(len(line)), rng.randrange(len(line))))
        out.append(line[:i] + rng.choice(rng.choice(parts)) + line[i:j] + scalar(rng) + line[j:])
    return out


# -------------------------------------------------------------------------------------------------------- pipelines


def pipelines():
    """(normalizer, pre-tokenizer, post-processor) of each family of models."""
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    gpt2 = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return {
        "gpt2": (None, gpt2, processors.ByteLevel(trim_offsets=False)),
        "smollm": (None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), gpt2]), None),
        "qwen2": (
            normalizers.NFC(),
            pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(QWEN2), "isolated"), level]),
            processors.ByteLevel(trim_offsets=False)),
        "llama3": (
            None, pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(LLAMA3), "isolated"), level]),
            "template"),
    }


SPECIALS = {
    "gpt2": ["<|endoftext|>"],
    "smollm": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<repo_name>", "<file_sep>"],
    "qwen2": ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>"],
    "llama3": ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|eot_id|>"],
}


def trained(name, strings):
    normalizer, pre_tokenizer, post_processor = pipelines()[name]
    tokenizer = Tokenizer(models.BPE(ignore_merges=name == "llama3"))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    first = name in ("gpt2", "smollm")
    # SmolLM2's own vocabulary lacks the tokens of some bytes, and so does this one.
    alphabet = [] if name == "smollm" else pre_tokenizers.ByteLevel.alphabet()
    training = [s for s in strings if not any(ord(c) < 9 or ord(c) > 0x2FFFF for c in s)] if name == "smollm" else strings
    trainer = trainers.BpeTrainer(
        vocab_size={"gpt2": 2200, "smollm": 1800, "qwen2": 2400, "llama3": 2000}[name], show_progress=False,
        initial_alphabet=alphabet, special_tokens=SPECIALS[name] if first else [])
    tokenizer.train_from_iterator([s for s in training if len(s) < 250], trainer)
    if not first:
        tokenizer.add_special_tokens(SPECIALS[name])
    if name == "qwen2":
        tokenizer.add_tokens([AddedToken(t, special=False, normalized=False) for t in ("<tool_call>", "</tool_call>")])
    if post_processor == "template":
        begin = "<|begin_of_text|>"
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single=f"{begin} $A", pair=f"{begin} $A {begin} $B:1",
                special_tokens=[(begin, tokenizer.token_to_id(begin))])])
    elif post_processor:
        tokenizer.post_processor = post_processor
    return tokenizer


def from_gguf(path, name):
    """A real vocabulary from a GGUF file, under the real pipeline of its family."""
    from gguf import GGUFReader

    fields = GGUFReader(path).fields
    tokens = fields["tokenizer.ggml.tokens"].contents()
    types = fields["tokenizer.ggml.token_type"].contents()
    merges = [tuple(m.split(" ")) for m in fields["tokenizer.ggml.merges"].contents()]
    normalizer, pre_tokenizer, _ = pipelines()[name]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    for token, kind in zip(tokens, types):
        if kind in (3, 4):
            tokenizer.add_tokens([AddedToken(token, special=kind == 3, normalized=False)])
    return tokenizer


# ----------------------------------------------------------------------------------------------------------- goldens


def dump(directory, name, value):
    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, separators=(",", ":"))




def encode(tokenizer, text, special=True, parse=True):
    tokenizer.encode_special_tokens = not parse
    ids = tokenizer.encode(text, add_special_tokens=special).ids
    tokenizer.encode_special_tokens = False
    return ids


def goldens(tokenizer, strings, seed, decodes=200):
    rng = random.Random(seed)
    size = max(tokenizer.get_vocab().values()) + 1
    random_ids = [[rng.randrange(size) for _ in range(rng.randrange(1, 14))] for _ in range(decodes)]
    marked = [i for i, s in enumerate(strings) if "<" in s]
    return {
        "ids": [encode(tokenizer, s) for s in strings],
        "plain": [[i, encode(tokenizer, strings[i], False, False)] for i in marked],
        "decoded": [[ids, tokenizer.decode(ids, skip_special_tokens=False), tokenizer.decode(ids, skip_special_tokens=True)]
                    for ids in random_ids],
    }


def variants(base, strings):
    """Changes to the top level and to the model of one small tokenizer, with what they give."""
    rng = random.Random(77)
    plain = json.loads(base.to_str())
    next_id = base.get_vocab_size()

    def added(*tokens):
        out = []
        for content, flags in tokens:
            known = base.token_to_id(content)
            new = next_id + sum(1 for token in out if token["id"] >= next_id)
            out.append({"id": known if known is not None else new, "content": content, "single_word": "w" in flags,
                        "lstrip": "l" in flags, "rstrip": "r" in flags, "normalized": "n" in flags, "special": "s" in flags})
        return plain["added_tokens"] + out

    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}

    def split(pattern, behavior, invert=False, last=level):
        return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}, last]}}

    nfc = {"type": "NFC"}
    special = [s for s in strings if "<" in s and len(s) < 120]
    mixed = [s for s in strings if 0 < len(s) < 120]
    cases = []

    merges = plain["model"]["merges"]

    def case(name, changes, pool, count=60, model=None, extra=(), order=None, dropped=(), lines=False):
        """`order`: which merges there are, by their index in the base; `dropped`: tokens that are not there;
        `lines`: whether merges are written as strings, after a version."""
        document = json.loads(json.dumps(plain))
        document.update(changes)
        document["model"].update(model or {})
        if order is not None:
            document["model"]["merges"] = [merges[i] for i in order]
        if lines:
            document["model"]["merges"] = ["#version: 0.2"] + [" ".join(m) for m in document["model"]["merges"]]
        for token in dropped:
            del document["model"]["vocab"][token]
        tokenizer = Tokenizer.from_str(json.dumps(document))
        texts = list(extra) + rng.sample(pool, min(count, len(pool)))
        cases.append({"name": name, "changes": changes, "model": model or {}, "order": order,
                      "dropped": list(dropped), "lines": lines, "texts": texts,
                      "ids": [encode(tokenizer, t) for t in texts],
                      "plain": [encode(tokenizer, t, False, False) for t in texts]})

    words = ["<mask>", "say", "é", "e\u0301", "Ω", "\u2126", " pad ", "ab"]
    playground = ["".join(rng.choice(words + [" ", "  ", "\t", "\n", "\u3000", "x", "1", "_", "-", "\u0301", "\u200d", "٣", ""])
                          for _ in range(rng.randrange(1, 12))) for _ in range(150)]
    for flags in ["", "s", "l", "r", "lr", "w", "wl", "wr", "wlr", "n", "nl", "nw", "nwlr", "slr", "sn", "sw"]:
        case(f"added {flags}", {"added_tokens": added(("<mask>", flags), ("say", flags))}, playground, 60)
        case(f"added NFC {flags}", {"normalizer": nfc, "added_tokens": added(
            ("<mask>", flags), ("e\u0301", flags), ("\u2126", flags), ("ab", flags))}, playground, 60)
    case("added overlapping", {"added_tokens": added(
        ("a", ""), ("ab", ""), ("abc", "s"), ("b", "n"), ("bc", "r"), (" pad ", "l"), ("<|im_start|>x", "s"))}, special, 60,
        extra=["abcabab abc bc", " pad  pad x pad ", "a<|im_start|>x<|im_start|>", "bcbc  b", "say abc"])
    case("added space", {"added_tokens": added(("x", "r"), (" y", ""), ("  ", ""))}, playground, 20,
         extra=["x y", "x  y", "x   y", "  x y  ", "x y y", "   x", "x    "])
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        for invert in (False, True):
            for label, pattern in [("number", {"Regex": r"\p{N}"}), ("numbers", {"Regex": r"\p{N}{1,3}"}),
                                   ("gpt2", {"Regex": GPT2}), ("string", {"String": "a"}), ("space", {"String": " "})]:
                case(f"split {label} {behavior} {invert}", split(pattern, behavior, invert), mixed, 14,
                     extra=["a1a22a333a4444 aa", "1234567", "a", " a a  a "])
    gpt2_level = dict(level, use_regex=True)
    case("prefix space", {"pre_tokenizer": dict(gpt2_level, add_prefix_space=True)}, mixed + special)
    case("prefix space, no expression", {"pre_tokenizer": dict(level, add_prefix_space=True)}, mixed + special)
    case("prefix space after split", split({"Regex": r"\p{N}"}, "Isolated", last=dict(gpt2_level, add_prefix_space=True)), mixed)
    case("digits together", {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Digits", "individual_digits": False}, gpt2_level]}}, mixed)
    case("nested sequences", {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [
        {"type": "Sequence", "pretokenizers": [{"type": "Digits", "individual_digits": True}]}, gpt2_level]},
        "normalizer": {"type": "Sequence", "normalizers": [nfc, {"type": "Sequence", "normalizers": []}]},
        "decoder": {"type": "Sequence", "decoders": [plain["decoder"], {"type": "Fuse"}]}}, mixed)
    case("whole text", {"pre_tokenizer": level}, mixed)
    for ignore in (False, True):
        case(f"ignore_merges {ignore}", {"pre_tokenizer": level}, mixed, model={"ignore_merges": ignore},
             extra=sorted(base.get_vocab())[:40])
    every = range(len(merges))
    shortened = [i for i in every if i % 3]
    case("ignore_merges with holes", {}, mixed, model={"ignore_merges": True}, order=shortened)
    case("merges missing", {}, mixed, order=shortened)
    case("merges as strings", {}, mixed, 20, lines=True)
    case("merges shuffled", {}, mixed, order=rng.sample(every, len(merges)))
    case("merges repeated", {}, mixed, order=[*every, *range(300)])
    # Without the tokens of two common bytes and of everything made from them.
    dropped = sorted(k for k in plain["model"]["vocab"] if ("e" in k or "Ġ" in k) and k != "<|endoftext|>")
    order = [i for i in every if not {*merges[i], "".join(merges[i])} & set(dropped)]
    for fuse in (False, True):
        for unknown in (None, "<|endoftext|>"):
            case(f"unknown {unknown} {fuse}", {}, mixed, 40, model={"fuse_unk": fuse, "unk_token": unknown},
                 order=order, dropped=dropped)
    template = {"type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "B", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                           {"SpecialToken": {"id": "E", "type_id": 0}}, {"SpecialToken": {"id": "B", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {"B": {"id": "B", "ids": [1, 2], "tokens": ["x", "y"]},
                                   "E": {"id": "E", "ids": [0], "tokens": ["z"]}}}
    case("template", {"post_processor": template}, mixed, 10, extra=[""])
    case("template in a sequence", {"post_processor": {"type": "Sequence", "processors": [
        {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}, template]}}, mixed, 5)
    return {"base": "gpt2", "cases": cases}


def nfc_pairs():
    rng = random.Random(5)
    nfc = normalizers.NFC()
    nfd = normalizers.NFD()
    decomposable = [chr(c) for c in range(0xC0, 0x110000) if not 0xD800 <= c <= 0xDFFF and not 0xAC00 <= c < 0xD7A4
                    and nfd.normalize_str(chr(c)) != chr(c)]
    alone = [c for c in decomposable if nfc.normalize_str(c) != c]
    parts = sorted({p for c in decomposable for p in nfd.normalize_str(c)})
    jamo = [chr(c) for c in [*range(0x1100, 0x1114), *range(0x1160, 0x1178), *range(0x11A6, 0x11C4), 0xAC00, 0xAC01, 0xD7A3]]
    marks = [p for p in parts if 0x300 <= ord(p) < 0x370] + ["\u0334", "\u05b0", "\u064b", "\u0301", "\u0345"]
    texts = ["".join(alone[i:i + 1]) + "x" for i in range(0, len(alone), 7)]
    for _ in range(700):
        pool = rng.choice([parts, decomposable, jamo, marks + ["a", "e", "o", "A"], parts + marks])
        texts.append("".join(rng.choice(pool) for _ in range(rng.randrange(1, 10))))
    for c in decomposable[::5]:
        texts.append(nfd.normalize_str(c) + rng.choice(marks))
    return [[t, nfc.normalize_str(t)] for t in texts]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory")
    parser.add_argument("--smollm2")
    parser.add_argument("--qwen")
    arguments = parser.parse_args()
    directory = arguments.directory
    strings = corpus()
    dump(directory, "corpus.json", strings)
    for name in pipelines():
        tokenizer = trained(name, strings)
        document = json.loads(tokenizer.to_str())
        # The library numbers its vocabulary in no fixed order; here it is in the order of identifiers.
        document["model"]["vocab"] = dict(sorted(document["model"]["vocab"].items(), key=lambda item: item[1]))
        dump(directory, f"{name}.tokenizer.json", document)
        dump(directory, f"{name}.ids.json", goldens(tokenizer, strings, name))
        if name == "gpt2":
            dump(directory, "variants.json", variants(tokenizer, strings))
    dump(directory, "nfc.json", nfc_pairs())
    for path, name, pipeline in [(arguments.smollm2, "smollm2", "smollm"), (arguments.qwen, "qwen2.5", "qwen2")]:
        if path:
            dump(directory, f"{name}.ids.json", goldens(from_gguf(path, pipeline), strings, name))


if __name__ == "__main__":
    main()
