"""Golden files for the Jinja engine: what jinja2 renders, set up as transformers sets it up for chat templates.

Needs: pip install "jinja2>=3.1.6" gguf

    python scripts/goldens/chat_templates.py                      writes Tests/TokenizationTests/Goldens/Jinja/*.json
    python scripts/goldens/chat_templates.py --templates DIR OUT  writes goldens for every *.jinja file of DIR to OUT,
                                                                  for the test run with INFLIGHT_TEMPLATE_GOLDENS=OUT
    python scripts/goldens/chat_templates.py --extract FILE.gguf  prints the chat template of a GGUF file
"""

import datetime
import json
import pathlib
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chat_template_cases import CASES, CONTEXT
from chat_template_chats import CHATS, TEMPLATE_CHATS

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "Tests" / "TokenizationTests" / "Goldens" / "Jinja"
NOW = datetime.datetime(2026, 3, 7, 9, 5, 2)


class Generation(jinja2.ext.Extension):
    """The tag `generation`, whose body is rendered as the body of a call."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_pass"), [], [], body).set_lineno(line)

    def _pass(self, caller):
        return caller()


class TemplateNamespace(jinja2.utils.Namespace):
    """A namespace that takes no names with an underscore in front."""

    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        values = dict(*args, **kwargs)
        for name in values:
            TemplateNamespace._check(name)
        jinja2.utils.Namespace.__init__(self, values)

    def __setitem__(self, name, value):
        TemplateNamespace._check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def _check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError("underscore")


class TemplateDict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


def environment():
    result = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols]
    )
    result.filters["tojson"] = tojson
    result.globals["raise_exception"] = raise_exception
    result.globals["strftime_now"] = NOW.strftime
    result.globals["dict"] = TemplateDict()
    result.globals["namespace"] = TemplateNamespace
    return result


ENVIRONMENT = environment()


def outcome(source, context):
    """The rendered text, or the reason why there is none."""
    try:
        text = ENVIRONMENT.from_string(source).render(**context)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    if any(0xD800 <= ord(character) < 0xE000 for character in text):
        return {"error": "has half a surrogate pair, which is no text"}
    if " at 0x" in text:
        return {"error": "prints an address, which no template can mean"}
    return {"expected": text}


def with_reasoning_names(message):
    """As transformers passes reasoning on, under both names that templates read."""
    names = ("reasoning_content", "thinking", "reasoning")
    reasoning = next((message[name] for name in names if message.get(name) is not None), None)
    if reasoning is None:
        return message
    return {"thinking": reasoning, **message, "reasoning_content": reasoning}


SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}


def chat_outcome(source, chat):
    context = dict(SPECIAL, documents=None)
    context.update(chat.get("extra", {}))
    context["messages"] = [with_reasoning_names(message) for message in chat["messages"]]
    context["tools"] = chat.get("tools")
    context["add_generation_prompt"] = chat.get("add_generation_prompt", False)
    return outcome(source, context)


def template_goldens(name, source, chats):
    return {"name": name, "source": source, "results": [chat_outcome(source, chat) for chat in chats]}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def main():
    if sys.argv[1:2] == ["--extract"]:
        import gguf

        field = gguf.GGUFReader(sys.argv[2]).fields["tokenizer.chat_template"]
        sys.stdout.write(bytes(field.parts[field.data[0]]).decode("utf-8"))
        return
    if sys.argv[1:2] == ["--templates"]:
        directory, out = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
        templates = [
            template_goldens(path.name, path.read_text(encoding="utf-8"), CHATS)
            for path in sorted(directory.glob("*.jinja"))
        ]
        write(out, {"chats": CHATS, "templates": templates})
        return
    cases = []
    for source in CASES:
        source, extra = source if isinstance(source, tuple) else (source, {})
        case = {"template": source}
        if extra:
            case["context"] = extra
        cases.append({**case, **outcome(source, {**CONTEXT, **extra})})
    write(GOLDENS / "conformance.json", {"context": CONTEXT, "cases": cases})
    templates = [
        template_goldens(path.name, path.read_text(encoding="utf-8"), TEMPLATE_CHATS)
        for path in sorted((GOLDENS / "Templates").glob("*.jinja"))
    ]
    write(GOLDENS / "chats.json", {"chats": TEMPLATE_CHATS, "templates": templates})
    errors = sum("error" in case for case in cases)
    print(f"{len(cases)} cases, {errors} of them errors; {len(templates)} templates, {len(TEMPLATE_CHATS)} chats")


main()
