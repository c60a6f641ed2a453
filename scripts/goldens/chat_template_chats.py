"""Conversations for the golden files of chat templates."""

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Says what the weather is in a place.",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A city, such as \"Zürich\" or <Köln>"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
                "days": {"type": "integer", "minimum": 1},
                "detail": {
                    "type": "object",
                    "properties": {"wind": {"type": "boolean"}, "hours": {"type": "array", "items": {"type": "number"}}},
                },
            },
            "required": ["place"],
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "number"}, "b": {"type": ["number", "null"]}},
            "required": ["a", "b"],
        },
        "return": {"type": "number", "description": "the sum"},
    },
}


def system(text="You are a helpful assistant."):
    return {"role": "system", "content": text}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


def call(name, arguments, id="call00001"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


SIMPLE = [
    {"messages": [user("Hello!")], "add_generation_prompt": True},
    {"messages": [user("Hello!")], "add_generation_prompt": False},
    {"messages": [system(), user("Hi")], "add_generation_prompt": True},
    {"messages": [system("  Be brief.\n\n"), user(" What is 2+2? \n"), assistant(" 4 "), user("And 3+3?")],
     "add_generation_prompt": True},
    {"messages": [system(""), user("a"), assistant("b"), user("c"), assistant("d")], "add_generation_prompt": False},
    {"messages": [user("Grüße, 世界 👩‍👩‍👧‍👦 e\u0301 — ‘q’ \"d\" <b>&amp;</b> {{ x }} {% y %}"), assistant("naïve\tété\r\n")],
     "add_generation_prompt": True},
    {"messages": [user("one"), user("two")], "add_generation_prompt": True},
    {"messages": [assistant("first"), user("second")], "add_generation_prompt": True},
    {"messages": [], "add_generation_prompt": True},
    {"messages": [user([{"type": "text", "text": "part one"}, {"type": "text", "text": "part two"}])],
     "add_generation_prompt": True},
    {"messages": [user([{"type": "image"}, {"type": "text", "text": "what is it?"}])], "add_generation_prompt": True},
    {"messages": [{"role": "developer", "content": "Speak French."}, user("Hi")], "add_generation_prompt": True},
]

THINKING = [
    {"messages": [user("q"), assistant("<think>\nhm\n</think>\n\nanswer"), user("again")], "add_generation_prompt": True},
    {"messages": [user("q"), assistant("answer", reasoning_content="because"), user("again")],
     "add_generation_prompt": True},
    {"messages": [user("q"), assistant("answer", reasoning_content="because")], "add_generation_prompt": False},
    {"messages": [system(), user("q /no_think")], "add_generation_prompt": True, "extra": {"enable_thinking": False}},
    {"messages": [system(), user("q")], "add_generation_prompt": True, "extra": {"enable_thinking": True}},
    {"messages": [user("q")], "add_generation_prompt": True, "extra": {"thinking": True, "reasoning_effort": "high"}},
]

TOOLS = [
    {"messages": [user("Weather?")], "tools": [WEATHER], "add_generation_prompt": True},
    {"messages": [system(), user("Weather?")], "tools": [WEATHER, ADD], "add_generation_prompt": True},
    {"messages": [system(), user("Weather?"), assistant(None, tool_calls=[call("get_weather", {"place": "Bern", "days": 2})]),
                  {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "{\"sky\": \"ütrüb\"}"}],
     "tools": [WEATHER], "add_generation_prompt": True},
    {"messages": [user("Both?"),
                  assistant("", tool_calls=[call("get_weather", {"place": "Bern"}, "call00001"),
                                            call("add", {"a": 1, "b": 2.5}, "call00002")]),
                  {"role": "tool", "name": "get_weather", "tool_call_id": "call00001", "content": "sunny"},
                  {"role": "tool", "name": "add", "tool_call_id": "call00002", "content": "3.5"},
                  assistant("Sunny, and 3.5."), user("Thanks")],
     "tools": [WEATHER, ADD], "add_generation_prompt": True},
    {"messages": [user("Sum?"), assistant("Let me see.", tool_calls=[call("add", "{\"a\": 1, \"b\": 2}")]),
                  {"role": "tool", "name": "add", "tool_call_id": "call00001", "content": "3"}],
     "tools": [ADD], "add_generation_prompt": True},
    {"messages": [user("Sum?"), assistant("", tool_calls=[call("add", {"a": 1, "b": None})], reasoning_content="I add."),
                  {"role": "tool", "name": "add", "tool_call_id": "call00001", "content": "3"},
                  assistant("It is 3.", reasoning_content="Done.")],
     "tools": [ADD], "add_generation_prompt": False},
    {"messages": [user("Sum?")], "tools": [], "add_generation_prompt": True},
    {"messages": [user("Docs?")], "add_generation_prompt": True,
     "extra": {"documents": [{"title": "A", "text": "alpha"}, {"title": "B", "text": "beta\nbeta"}],
               "date_string": "01 Jan 2026"}},
    {"messages": [system(), user("Weather?")], "tools": [WEATHER], "add_generation_prompt": True,
     "extra": {"builtin_tools": ["brave_search", "code_interpreter"], "tools_in_user_message": False,
               "date_string": "26 Jul 2024", "model_identity": "You are a test.", "controls": {"length": "long"}}},
]

CHATS = SIMPLE + THINKING + TOOLS
TEMPLATE_CHATS = CHATS
