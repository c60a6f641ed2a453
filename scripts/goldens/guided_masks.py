"""Golden file of guided decoding: the token masks of llguidance and xgrammar for many grammars and partial outputs.

Needs: pip install llguidance==1.9.1 xgrammar==0.2.8 torch transformers

    python scripts/goldens/guided_masks.py      writes Tests/GuidedTests/Goldens/masks.json and schemas.json

The vocabulary is made here. Outputs are drawn at random from the reference's own masks. For each grammar the file has
steps of a few outputs: the tokens so far and the mask of the next, as bytes in hexadecimal, token 0 in the lowest bit.
JSON is compact. Where the two references disagree about a grammar, REFERENCES says whose masks are taken.
"""

import json
import pathlib
import random
import sys

import xgrammar
from llguidance import LLInterpreter, LLMatcher, LLTokenizer, TokenizerWrapper
from llguidance.gbnf_to_lark import gbnf_to_lark

import guided_cases as cases

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "Tests" / "GuidedTests" / "Goldens" / "masks.json"

WORDS = """the of and to in is you that it he was for on are as with his they at be this have from or one had by word but not
what all were we when your can said there use an each which she do how their if will up other about out many then them these
so some her would make like him into time has look two more write go see number no way could people my than first water been
call who oil its now find long down day did get come made may part red green blue yes maybe true false null name age tags
value more kind circle square radius side place unit celsius fahrenheit days arguments get_weather hello abc end cat dog fish
catfish com org net function add say text tool answer only colour color point at key id ok next""".split()
PIECES = """{" "} "} ," ", ": ":" "," ":{" ":[ ":" ]} }] }} ]] [[ [" "] "], }, },{ [{ [] {} "" "a" "b" "c" : , : " "id" "ok" "name"
"age" "tags" "value" "next" "kind" -1 -2 -10 0. 1. .5 0.5 1.5 10 11 12 13 20 25 42 50 55 99 100 101 123 150 255 345 999 1000
1e 1e5 E+ e- 00 000 aa ab abc bc ca xy xx xxx yy 12: 2024 -0 -01 \\n \\t \\" \\\\ \\u \\u00 \\ud8 \\u00e9 \\/ é è ü à 漢 字 漢字 日本
👍 👎 。 あ い ÿ </ <f <function= <function </function> > =add> =say> <tool> </tool> <think> </think> !! (( )) () + - * / O-O e4
Nf3 a? x= u00 :// .. @ ## ** ' ;""".split()
SPACED = [" ", "  ", "    ", "\n", "\n\n", " \n", "\t", ", ", ": ", " {", " [", ' "', "\n  ", ".\n", " +", " a", " the", " and", " is"]


def vocabulary():
    tokens = [bytes([byte]) for byte in range(256)]
    texts = WORDS + PIECES + SPACED + [" " + word for word in WORDS[:60]] + ["p%d" % n for n in range(12)]
    texts += ["key%d" % n for n in range(12)]
    for text in texts:
        if text.encode() not in tokens:
            tokens.append(text.encode())
    # Pieces of characters, alone and beside text, as byte-level vocabularies have them.
    for piece in (b"\xe6\xbc", b"\xa2", b"\xf0\x9f", b"\x91\x8d", b"\xf0\x9f\x91", b" \xe6", b"a\xc3", b"\xa9a", b"\xe6\x97\xa5\xe6", b"\xed\xa0", b"\xc0\x80"):
        if piece not in tokens:
            tokens.append(piece)
    return tokens


TOKENS = vocabulary()
END = len(TOKENS)
ALL = TOKENS + [b"</s>", b"<pad>"]


class Tokenizer:
    eos_token_id = END
    bos_token_id = None
    tokens = ALL
    special_token_ids = [END, END + 1]

    def __call__(self, text):
        return list(text if isinstance(text, bytes) else text.encode())


LL = LLTokenizer(TokenizerWrapper(Tokenizer()), n_vocab=len(ALL))
XG = xgrammar.TokenizerInfo(TOKENS + [b"</s>", b""], xgrammar.VocabType.RAW, vocab_size=len(ALL), stop_token_ids=[END])
COMPILER = xgrammar.GrammarCompiler(XG, max_threads=1)
BYTES = (len(ALL) + 7) // 8


class LLGuidance:
    name = "llguidance"

    def __init__(self, kind, source):
        if kind == "schema":
            source = {} if source is True else source
            options = {"whitespace_flexible": False, "item_separator": ",", "key_separator": ":"}
            grammar = LLMatcher.grammar_from_json_schema(json.dumps(source), overrides=options)
        elif kind == "regex":
            grammar = LLMatcher.grammar_from_regex(source)
        elif kind == "grammar":
            grammar = LLMatcher.grammar_from_lark(gbnf_to_lark(source))
        elif kind == "choice":
            grammar = LLMatcher.grammar_from_lark("start: " + " | ".join(json.dumps(text, ensure_ascii=False) for text in source))
        else:
            raise ValueError(kind)
        error = LLMatcher.validate_grammar(grammar, LL)
        if error:
            raise ValueError(error)
        # Without tokens of its own choice where bytes are forced: those would hide other spellings of the same bytes.
        self.matcher = LLInterpreter(LL, grammar, enable_backtrack=False, enable_ff_tokens=False, log_level=0)
        self.matcher.start_without_prompt()

    def mask(self):
        mask, _ = self.matcher.compute_mask()
        if mask is None:
            return 1 << END
        result = sum(1 << token for token, allowed in enumerate(mask) if allowed)
        if result.bit_count() == 1 and not result >> END & 1:
            # Where bytes are forced the mask has the first token of one spelling of them: ask for all the others.
            for token in range(END):
                if self.matcher.validate_tokens_raw([token]) == 1:
                    result |= 1 << token
        return result

    def accept(self, token):
        self.matcher.commit_token(token)


class XGrammar:
    name = "xgrammar"

    def __init__(self, kind, source):
        if kind == "schema":
            compiled = COMPILER.compile_json_schema(
                json.dumps(source), any_whitespace=False, separators=(",", ":"), strict_mode=False)
        elif kind == "regex":
            compiled = COMPILER.compile_regex(source)
        elif kind == "grammar":
            compiled = COMPILER.compile_grammar(source)
        elif kind == "choice":
            compiled = COMPILER.compile_grammar("root ::= " + " | ".join(json.dumps(text, ensure_ascii=False) for text in source))
        else:
            content = [
                {"type": "tag", "begin": tag["begin"], "content": {"type": "json_schema", "json_schema": tag["schema"]}, "end": tag["end"]}
                for tag in source["tags"]
            ]
            spec = {"type": "structural_tag", "format": {"type": "triggered_tags", "triggers": source["triggers"], "tags": content}}
            compiled = COMPILER.compile_structural_tag(spec)
        self.matcher = xgrammar.GrammarMatcher(compiled)
        self.buffer = xgrammar.allocate_token_bitmask(1, len(ALL))

    def mask(self):
        self.buffer.fill_(-1)
        self.matcher.fill_next_token_bitmask(self.buffer)
        return int.from_bytes(self.buffer.numpy().tobytes(), "little") & ((1 << len(ALL)) - 1)

    def accept(self, token):
        assert self.matcher.accept_token(token)


def shown(tokens):
    return b"".join(ALL[token] for token in tokens)


def walk(kind, source, primary, other, seed, limit, removed):
    """One random output: (tokens so far, mask) for every step; and where the other reference differs."""
    generator = random.Random(seed)
    matcher = primary(kind, source)
    second = None
    try:
        second = other(kind, source) if other else None
    except Exception:
        pass
    tokens, steps, differences = [], [], []
    for _ in range(limit):
        mask = matcher.mask() & ~removed
        if second is not None:
            mask2 = second.mask()
            if mask2 != mask:
                differences.append((shown(tokens), mask, mask2))
                second = None
        steps.append((list(tokens), mask))
        allowed = [token for token in range(END) if mask >> token & 1]
        if not allowed or (mask >> END & 1 and generator.random() < 0.2):
            break
        # Longer tokens more often, so that many borders are crossed, and structure more often than text.
        weights = [len(ALL[token]) ** 2 * (4 if any(c in b'"{}[],:' for c in ALL[token]) else 1) for token in allowed]
        token = generator.choices(allowed, weights)[0]
        matcher.accept(token)
        if second is not None:
            try:
                second.accept(token)
            except AssertionError:
                second = None
        tokens.append(token)
    return steps, differences


# Whose masks are taken where they differ; the default is llguidance.
REFERENCES = {
    # \d and \w are ASCII in ECMAScript; llguidance has all of Unicode's.
    "regex/digits": "xgrammar",
    "regex/words": "xgrammar",
    "grammar/comment": "xgrammar",
    # llguidance has a whole number -0 where the bounds lie on both sides of 0, and none elsewhere.
    "schema/range": "xgrammar",
    "schema/integers--5-5": "xgrammar",
}

# Tokens that are taken out of the reference's masks. llguidance allows any escape in keys that are not declared, but only
# those that are needed in all other strings; here they are the same everywhere.
REMOVED = {
    "schema/undeclared-allowed": [b"\\ud8", b"\\u00e9"],
    "schema/required-undeclared": [b"\\ud8", b"\\u00e9"],
}


def main():
    masks, result, disagreements = {}, [], []
    lists = [("schema", cases.SCHEMAS), ("regex", cases.REGEXES), ("grammar", cases.GRAMMARS), ("choice", cases.CHOICES), ("tags", cases.TAGS)]
    for kind, entries in lists:
        for name, source in entries.items():
            order = [XGrammar, None] if kind == "tags" else [LLGuidance, XGrammar]
            preferred = REFERENCES.get(f"{kind}/{name}", order[0].name)
            if preferred == "xgrammar" and kind != "tags":
                order.reverse()
            steps = []
            removed = sum(1 << ALL.index(token) for token in REMOVED.get(f"{kind}/{name}", []))
            for seed in range(4):
                try:
                    found, differences = walk(kind, source, *order, f"{name}/{seed}", 14, removed)
                except Exception as error:
                    print(f"{kind}/{name}: {order[0].name} refuses: {str(error)[:200]}")
                    break
                steps += found
                for text, mask, mask2 in differences:
                    extra = [ALL[t] for t in range(len(ALL)) if mask2 >> t & 1 and not mask >> t & 1]
                    missing = [ALL[t] for t in range(len(ALL)) if mask >> t & 1 and not mask2 >> t & 1]
                    disagreements.append(f"{kind}/{name}: after {text!r} {order[1].name} adds {extra[:6]} and lacks {missing[:6]}")
            unique = {}
            for tokens, mask in steps:
                unique[tuple(tokens)] = masks.setdefault(mask, len(masks))
            result.append(
                {"name": name, "kind": kind, "reference": order[0].name, "source": source,
                 "steps": [[list(tokens), index] for tokens, index in unique.items()]})
    document = {
        "vocabulary": [token.hex() for token in ALL],
        "end": END,
        "special": [END, END + 1],
        "masks": [mask.to_bytes(BYTES, "little").hex() for mask in masks],
        "cases": result,
    }
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    with open(TARGET, "w") as file:
        file.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
    schemas = dict(cases.SCHEMAS, **cases.DOCUMENT_SCHEMAS)
    lines = ",\n".join(f"{json.dumps(name)}:{json.dumps(schema, ensure_ascii=False)}" for name, schema in schemas.items())
    (TARGET.parent / "schemas.json").write_text("{\n" + lines + "\n}\n")
    print(f"{len(result)} grammars, {sum(len(case['steps']) for case in result)} steps, {len(masks)} masks, {TARGET.stat().st_size} bytes")
    for line in disagreements:
        print(line)


if __name__ == "__main__":
    main()
