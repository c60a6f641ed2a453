"""Grammars for the golden files of guided decoding."""

import json

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


def closed(properties, required=None):
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
        "additionalProperties": False,
    }


INTEGER, NUMBER, STRING, BOOLEAN, NULL = ({"type": name} for name in ("integer", "number", "string", "boolean", "null"))

SCHEMAS = {
    "string": STRING,
    "integer": INTEGER,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "null": NULL,
    "types": {"type": ["string", "null", "integer"]},
    "object": {"type": "object"},
    "array": {"type": "array"},
    "anything": True,
    "enum-strings": {"enum": ["red", "green", "blue", "a\"b\\c"]},
    "enum-mixed": {"enum": [1, "one", None, True, -20, [1, "x"], {"a": 1}]},
    "const": {"const": {"kind": "point", "at": [0, 1]}},
    "enum-filtered": {"type": "string", "enum": ["x", 1, "yz"]},
    "person": PERSON,
    "person-optional": dict(PERSON, required=["age"]),
    "person-all-optional": dict(PERSON, required=[]),
    "empty-object": closed({}),
    "nested": closed({"a": closed({"b": closed({"c": INTEGER})})}),
    "list-of-objects": {"type": "array", "items": closed({"id": INTEGER, "ok": BOOLEAN})},
    "min-items": {"type": "array", "items": BOOLEAN, "minItems": 2},
    "max-items": {"type": "array", "items": BOOLEAN, "maxItems": 3},
    "min-max-items": {"type": "array", "items": NULL, "minItems": 1, "maxItems": 2},
    "exact-items": {"type": "array", "items": {"enum": [0, 1]}, "minItems": 3, "maxItems": 3},
    "many-items": {"type": "array", "items": {"enum": [0, 1]}, "minItems": 40, "maxItems": 70},
    "no-items": {"type": "array", "maxItems": 0},
    "prefix-items": {"type": "array", "prefixItems": [STRING, INTEGER], "items": False, "minItems": 2},
    "prefix-items-rest": {"type": "array", "prefixItems": [NULL, BOOLEAN], "items": {"enum": ["r"]}},
    "prefix-items-bounds": {"type": "array", "prefixItems": [NULL], "items": BOOLEAN, "minItems": 2, "maxItems": 4},
    "min-length": {"type": "string", "minLength": 3},
    "max-length": {"type": "string", "maxLength": 5},
    "min-max-length": {"type": "string", "minLength": 2, "maxLength": 4},
    "long-max-length": {"type": "string", "maxLength": 300},
    "length-zero": {"type": "string", "maxLength": 0},
    "pattern": {"type": "string", "pattern": "^[a-z]{2,4}-[0-9]+$"},
    "pattern-choice": {"type": "string", "pattern": "^(cat|dog|catfish)s?$"},
    "pattern-unanchored": {"type": "string", "pattern": "ab"},
    "pattern-digits": {"type": "string", "pattern": "^\\d{3}\\.\\d{2}$"},
    "minimum": {"type": "integer", "minimum": 10},
    "maximum": {"type": "integer", "maximum": 25},
    "range": {"type": "integer", "minimum": -12, "maximum": 345},
    "range-exclusive": {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 100},
    "range-negative": {"type": "integer", "minimum": -1000, "maximum": -7},
    "range-one": {"type": "integer", "minimum": 42, "maximum": 42},
    "range-wide": {"type": "integer", "minimum": 99, "maximum": 1000001},
    "any-of": {"anyOf": [STRING, INTEGER]},
    "any-of-objects": {"anyOf": [closed({"a": INTEGER}), closed({"b": STRING})]},
    "any-of-overlap": {"anyOf": [closed({"a": INTEGER, "x": BOOLEAN}), closed({"a": INTEGER, "y": BOOLEAN})]},
    "one-of-const": {
        "oneOf": [
            closed({"kind": {"const": "circle"}, "radius": INTEGER}),
            closed({"kind": {"const": "square"}, "side": INTEGER}),
        ]
    },
    "ref": {"$defs": {"id": {"type": "integer", "minimum": 1}}, **closed({"id": {"$ref": "#/$defs/id"}, "n": {"$ref": "#/$defs/id"}})},
    "recursive-list": {
        "$defs": {"node": closed({"value": INTEGER, "next": {"anyOf": [{"$ref": "#/$defs/node"}, NULL]}})},
        "$ref": "#/$defs/node",
    },
    "recursive-tree": {
        "$defs": {"tree": closed({"v": {"enum": [1, 2]}, "c": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}, ["v"])},
        "$ref": "#/$defs/tree",
    },
    "recursive-root": closed({"a": BOOLEAN, "b": {"$ref": "#"}}, ["a"]),
    "all-of-bounds": {"allOf": [{"type": "integer", "minimum": 3}, {"maximum": 12}]},
    "all-of-objects": {
        "allOf": [
            {"type": "object", "properties": {"a": INTEGER}, "required": ["a"]},
            {"type": "object", "properties": {"b": STRING}, "required": ["b"]},
        ],
        "additionalProperties": False,
        "properties": {"a": True, "b": True},
    },
    "tool-call": closed(
        {
            "name": {"const": "get_weather"},
            "arguments": closed(
                {
                    "place": STRING,
                    "unit": {"enum": ["celsius", "fahrenheit"]},
                    "days": {"type": "integer", "minimum": 1, "maximum": 14},
                },
                ["place"],
            ),
        }
    ),
    "keys-escaped": closed({"a\"b": INTEGER, "c\\d": BOOLEAN, "é": NULL, "a/b": NULL}),
    "unicode-enum": {"enum": ["é", "漢字", "👍", "日本"]},
    "matrix": {"type": "array", "items": {"type": "array", "items": {"enum": [0, 1]}, "minItems": 2, "maxItems": 2}},
    "nullable": closed({"x": {"type": ["integer", "null"]}, "y": {"anyOf": [STRING, NULL]}}),
    "map": {"type": "object", "additionalProperties": BOOLEAN},
    "date": {"type": "string", "format": "uuid"},
    "ipv4": {"type": "string", "format": "ipv4"},
    "number-bounds": {"type": "number", "minimum": 0, "maximum": 1},
    "number-bounds-fraction": {"type": "number", "minimum": 1.25, "maximum": 10.5},
    "undeclared-allowed": {"type": "object", "properties": {"a": INTEGER}, "required": ["a"]},
    "required-undeclared": {"type": "object", "properties": {"a": INTEGER}, "required": ["z", "a"], "additionalProperties": BOOLEAN},
}
for _count in (1, 5, 12):
    SCHEMAS[f"optional-{_count}"] = closed({f"p{index}": BOOLEAN for index in range(_count)}, [])
    SCHEMAS[f"required-{_count}"] = closed({f"key{index}": {"enum": [index, "v"]} for index in range(_count)})
for _low, _high in ((0, 9), (1, 10), (5, 55), (-5, 5), (100, 999), (-99, -10), (7, 12345)):
    SCHEMAS[f"integers-{_low}-{_high}"] = {"type": "integer", "minimum": _low, "maximum": _high}
for _type in ("string", "integer", "boolean", "null", "number"):
    SCHEMAS[f"array-of-{_type}"] = {"type": "array", "items": {"type": _type}}
    SCHEMAS[f"member-{_type}"] = closed({"value": {"type": _type}, "more": {"type": _type}})

# More schemas, for documents only: here the references do less, or something else on purpose.
DOCUMENT_SCHEMAS = {
    "pattern-properties": {
        "type": "object",
        "properties": {"id": INTEGER},
        "patternProperties": {"^x_": BOOLEAN, "_n$": INTEGER},
        "additionalProperties": False,
        "required": ["id"],
    },
    "pattern-properties-open": {"type": "object", "patternProperties": {"^s": STRING}, "additionalProperties": NULL},
    "property-names": {"type": "object", "propertyNames": {"pattern": "^[a-z]{1,3}$"}, "additionalProperties": INTEGER},
    "min-properties": dict(closed({f"p{n}": BOOLEAN for n in range(5)}, []), minProperties=2),
    "max-properties": dict(closed({f"p{n}": BOOLEAN for n in range(5)}, []), maxProperties=2),
    "min-max-properties": dict(closed({f"p{n}": BOOLEAN for n in range(6)}, ["p3"]), minProperties=2, maxProperties=4),
    "max-properties-open": {"type": "object", "properties": {"a": NULL}, "additionalProperties": BOOLEAN, "maxProperties": 3},
    "min-properties-open": {"type": "object", "properties": {"a": NULL}, "additionalProperties": BOOLEAN, "minProperties": 1},
    "exclusive-number": {"type": "number", "exclusiveMinimum": 0.1, "exclusiveMaximum": 0.3},
    "exclusive-number-wide": {"type": "number", "exclusiveMinimum": -1000.5, "exclusiveMaximum": 2e6},
    "number-minimum": {"type": "number", "minimum": 0.001},
    "number-maximum": {"type": "number", "maximum": -2.5},
    "number-tiny": {"type": "number", "minimum": 1e-7, "maximum": 2.5e-6},
    "number-or-string": {"type": ["number", "string"], "minimum": 5, "maxLength": 3},
    "untyped-bounds": {"minimum": 3, "maxLength": 2, "maxItems": 1, "maxProperties": 1},
    "integer-64": {"type": "integer", "minimum": -9223372036854775808, "maximum": 9223372036854775807},
    "all-of-any-of": {
        "allOf": [{"anyOf": [INTEGER, STRING]}, {"anyOf": [{"minimum": 5}, {"maxLength": 2}]}],
    },
    "all-of-refs": {
        "$defs": {
            "named": {"type": "object", "properties": {"name": STRING}, "required": ["name"]},
            "aged": {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0}}, "required": ["age"]},
        },
        "allOf": [{"$ref": "#/$defs/named"}, {"$ref": "#/$defs/aged"}],
    },
    "all-of-patterns": {"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "z$"}, {"pattern": "m"}]},
    "pattern-length": {"type": "string", "pattern": "^[a-z]*$", "minLength": 3, "maxLength": 6},
    "pattern-inner-anchors": {"type": "string", "pattern": "(^ab|cd$)"},
    "pattern-escapes": {"type": "string", "pattern": "^[\\n\"\\\\]{1,4}$"},
    "pattern-unicode": {"type": "string", "pattern": "^[à-ü]{2}[一-龥]$"},
    "pattern-large-count": {"type": "string", "pattern": "^x{100,200}$"},
    "format-date": {"type": "string", "format": "date"},
    "format-time": {"type": "string", "format": "time"},
    "format-date-time": {"type": "string", "format": "date-time"},
    "format-duration": {"type": "string", "format": "duration"},
    "format-email": {"type": "string", "format": "email"},
    "format-hostname": {"type": "string", "format": "hostname"},
    "format-ipv6": {"type": "string", "format": "ipv6"},
    "format-uri": {"type": "string", "format": "uri"},
    "format-json-pointer": {"type": "string", "format": "json-pointer"},
    "format-length": {"type": "string", "format": "email", "maxLength": 12},
    "enum-and-type": {"type": ["integer", "null"], "enum": [1, 1.5, "1", None, 3], "minimum": 2},
    "enum-objects": {"enum": [{"a": [1, {"b": None}]}, {"a": 2}], "required": ["a"]},
    "const-float": {"const": 1.5},
    "one-of-types": {"oneOf": [INTEGER, STRING, {"type": "array", "items": BOOLEAN}]},
    "one-of-ranges": {"oneOf": [{"type": "integer", "maximum": 3}, {"type": "integer", "minimum": 10}]},
    "one-of-patterns": {"type": "string", "oneOf": [{"pattern": "^a"}, {"pattern": "^b"}]},
    "any-of-parent": {"type": "object", "properties": {"a": INTEGER}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    "deep-defs": {
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/c"}, "c": {"type": "array", "items": {"$ref": "#/$defs/d"}}, "d": INTEGER},
        "$ref": "#/$defs/a",
    },
    "mutual-recursion": {
        "$defs": {
            "folder": closed({"name": STRING, "entries": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/folder"}, {"$ref": "#/$defs/file"}]}}}),
            "file": closed({"name": STRING, "size": {"type": "integer", "minimum": 0}}),
        },
        "$ref": "#/$defs/folder",
    },
    "ref-escaped": {"$defs": {"a/b~c%": BOOLEAN}, "type": "array", "items": {"$ref": "#/$defs/a~1b~0c%25"}},
    "ref-properties": {"properties": {"a": INTEGER, "b": {"$ref": "#/properties/a"}}, "type": "object", "required": ["b"]},
    "expression": {
        "$defs": {
            "e": {
                "anyOf": [
                    {"type": "number"},
                    closed({"op": {"enum": ["+", "-"]}, "left": {"$ref": "#/$defs/e"}, "right": {"$ref": "#/$defs/e"}}),
                ]
            }
        },
        "$ref": "#/$defs/e",
    },
    "keys-control": {"type": "object", "properties": {"a\tb": INTEGER, "\u007f": NULL}, "required": ["a\tb"], "additionalProperties": BOOLEAN},
    "prefix-objects": {"type": "array", "prefixItems": [closed({"a": INTEGER}), closed({"b": INTEGER})], "minItems": 1},
    "false-property": {"type": "object", "properties": {"a": INTEGER, "b": False}},
    "no-additional-required": {"type": "object", "required": ["x", "y"], "additionalProperties": {"type": "string", "maxLength": 3}},
    "empty-items": {"type": "array", "items": False},
    "wide": closed({f"field_{n}": [INTEGER, STRING, BOOLEAN, NUMBER][n % 4] for n in range(60)}, [f"field_{n}" for n in range(0, 60, 7)]),
}

REGEXES = {
    "literal": "hello",
    "choice": "yes|no|maybe",
    "star": "a*b",
    "plus-class": "[a-c]+",
    "counted": "(ab){2,3}c",
    "counted-large": "[ab]{50}",
    "counted-range": "x{3,40}y",
    "optional": "colou?r",
    "digits": "\\d{1,3}(\\.\\d{1,3}){3}",
    "negated": "[^\"\\n]*\"",
    "unicode": "[é-ü]+漢?",
    "dot": "a.c",
    "dots": ".{2,4}",
    "words": "\\w+ \\w+",
    "nested": "((a|b)c)*(d(e|f))?",
    "hex": "0x[0-9a-fA-F]+",
    "escape": "\\[\\]\\{\\}\\.\\*\\\\",
    "email": "[a-z]+@[a-z]+\\.(com|org|net)",
    "date": "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])",
    "lazy": "a+?b*?",
    "empty-branch": "(a|)b",
    "phone": "\\([0-9]{3}\\) [0-9]{3}-[0-9]{4}",
    "think": "<think>[^<]*</think>(true|false)",
    "emoji": "(👍|👎)+",
}

GRAMMARS = {
    "arithmetic": """
root ::= expression
expression ::= term (("+" | "-") term)*
term ::= factor (("*" | "/") factor)*
factor ::= number | "(" expression ")"
number ::= [0-9]+
""",
    "left-recursive": """
root ::= expression
expression ::= expression "+" term | term
term ::= "a" | "(" expression ")"
""",
    "right-recursive": """
root ::= item list
list ::= "," item list | ""
item ::= [a-z]+
""",
    "balanced": 'root ::= "(" root ")" root | ""',
    "palindrome": 'root ::= "a" root "a" | "b" root "b" | "c"',
    "list": """
root ::= ("- " line "\\n"){1,3}
line ::= [^\\n]+
""",
    "json": """
root ::= object
value ::= object | array | string | number | ("true" | "false" | "null")
object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? ws "}"
array ::= "[" ws (value ("," ws value)*)? ws "]"
string ::= "\\"" ([^"\\\\\\x7F\\x00-\\x1F] | "\\\\" (["\\\\bfnrt] | "u" [0-9a-fA-F]{4}))* "\\""
number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9]{1,15})?
ws ::= | " " | "\\n" [ \\t]{0,20}
""",
    "chess": """
root ::= "1. " move " " move "\\n" ([1-9] [0-9]? ". " move " " move "\\n")*
move ::= (pawn | nonpawn | castle) [+#]?
nonpawn ::= [NBKQR] [a-h]? [1-8]? "x"? [a-h] [1-8]
pawn ::= ([a-h] "x")? [a-h] [1-8] ("=" [NBKQR])?
castle ::= "O-O" "-O"?
""",
    "ambiguous": 'root ::= (a | b)+\na ::= "x" | "xx"\nb ::= "xxx" | "y"',
    "optional-chain": 'root ::= "a"? "b"? "c"? "d"?',
    "counts": 'root ::= [0-9]{3} "-" [a-z]{2,} "!"{0,2}',
    "unicode": 'root ::= [ぁ-ゟ]+ "。" | "é" [à-ÿ]*',
    "nullable": 'root ::= x x "end"\nx ::= "a" | ""',
    "comment": 'root ::= "a" # comment\n  | "b"  # another\n',
}

CHOICES = {
    "colours": ["red", "green", "blue"],
    "prefixes": ["a", "ab", "abc"],
    "unicode": ["é", "è", "日本", "日"],
    "one": ["the only answer"],
}

TAGS = {
    "function": {
        "tags": [
            {"begin": "<function=add>", "schema": closed({"a": INTEGER, "b": INTEGER}), "end": "</function>"},
            {"begin": "<function=say>", "schema": closed({"text": STRING}), "end": "</function>"},
        ],
        "triggers": ["<function="],
    },
    "two-triggers": {
        "tags": [
            {"begin": "<tool>", "schema": closed({"x": BOOLEAN}), "end": "</tool>"},
            {"begin": "[[", "schema": INTEGER, "end": "]]"},
        ],
        "triggers": ["<tool>", "[["],
    },
}

if __name__ == "__main__":
    print(json.dumps({"schemas": len(SCHEMAS), "regexes": len(REGEXES), "grammars": len(GRAMMARS)}))
