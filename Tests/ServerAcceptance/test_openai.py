"""The routes as the openai client uses them."""

import json

import openai
import pytest

MESSAGES = [{"role": "user", "content": "Name three colours."}]


def test_models(server):
    client = server.client()
    assert [model.id for model in client.models.list()] == ["test"]
    assert client.models.retrieve("test").id == "test"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("other")


def test_completion(server):
    answer = server.client().completions.create(
        model="test", prompt="The capital of France is", max_tokens=8, temperature=0
    )
    assert answer.choices[0].text.startswith(" Paris")
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 8
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 8


def test_completions_of_several_prompts_are_in_their_order(server):
    client = server.client()
    prompts = ["The capital of France is", "One, two, three,"]
    alone = [client.completions.create(model="test", prompt=p, temperature=0).choices[0].text for p in prompts]
    together = client.completions.create(model="test", prompt=prompts, temperature=0)
    assert [choice.text for choice in together.choices] == alone
    texts = ["", ""]
    for event in client.completions.create(model="test", prompt=prompts, temperature=0, stream=True):
        for choice in event.choices:
            texts[choice.index] += choice.text
    assert texts == alone


def test_tokens_as_prompt(server):
    client = server.client()
    tokens = server.post("/tokenize", {"prompt": "The capital of France is"})[1]["tokens"]
    of_text = client.completions.create(model="test", prompt="The capital of France is", temperature=0)
    of_tokens = client.completions.create(model="test", prompt=tokens, temperature=0)
    assert of_tokens.choices[0].text == of_text.choices[0].text
    assert server.post("/detokenize", {"tokens": tokens})[1]["prompt"] == "The capital of France is"


def test_chat(server):
    answer = server.client().chat.completions.create(
        model="test", messages=MESSAGES, max_completion_tokens=16, temperature=0
    )
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")


@pytest.mark.parametrize("options", [{"temperature": 0}, {"seed": 7, "top_p": 0.9}, {"seed": -1}])
def test_stream_says_the_same_as_a_whole_answer(server, options):
    client = server.client()
    whole = client.chat.completions.create(model="test", messages=MESSAGES, max_tokens=24, **options)
    stream = client.chat.completions.create(
        model="test", messages=MESSAGES, max_tokens=24, stream=True, stream_options={"include_usage": True}, **options
    )
    text, reasons, usage = "", [], None
    for event in stream:
        for choice in event.choices:
            text += choice.delta.content or ""
            reasons += [choice.finish_reason] if choice.finish_reason else []
        usage = event.usage or usage
    assert text == whole.choices[0].message.content
    assert reasons == [whole.choices[0].finish_reason]
    assert usage.completion_tokens == whole.usage.completion_tokens


def test_cached_tokens_are_told(server):
    client = server.client()
    prompt = "A prompt that nobody has sent before, and that is long enough to fill some blocks of the cache. " * 4
    first = client.completions.create(model="test", prompt=prompt, max_tokens=1, temperature=0)
    second = client.completions.create(model="test", prompt=prompt, max_tokens=1, temperature=0)
    salted = client.completions.create(
        model="test", prompt=prompt, max_tokens=1, temperature=0, extra_body={"cache_salt": "mine"}
    )
    assert first.usage.prompt_tokens_details.cached_tokens == 0
    assert second.usage.prompt_tokens_details.cached_tokens > 0
    assert salted.usage.prompt_tokens_details.cached_tokens == 0
    assert first.choices[0].text == second.choices[0].text == salted.choices[0].text


def test_logprobs(server):
    client = server.client()
    chat = client.chat.completions.create(
        model="test", messages=MESSAGES, max_tokens=4, temperature=0, logprobs=True, top_logprobs=3
    )
    content = chat.choices[0].logprobs.content
    assert len(content) == chat.usage.completion_tokens
    for entry in content:
        assert entry.top_logprobs[0].logprob == entry.logprob <= 0
        assert len(entry.top_logprobs) == 3
        assert bytes(entry.bytes).decode(errors="replace") == entry.token
    text = client.completions.create(model="test", prompt="One, two,", max_tokens=4, temperature=0, logprobs=2)
    lists = text.choices[0].logprobs
    assert len(lists.tokens) == len(lists.token_logprobs) == len(lists.top_logprobs) == len(lists.text_offset) == 4
    assert "".join(lists.tokens) == text.choices[0].text


def shows_tools(server):
    """Whether the model's template shows tools to it; the default model's does not."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    return server.post("/tokenize", {"messages": MESSAGES, "tools": [tool]})[0] == 200


def test_tools_reach_the_model_or_are_refused(server):
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    client = server.client()
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    history = MESSAGES + [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    for messages in (MESSAGES, history):
        options = dict(model="test", messages=messages, tools=[tool], max_tokens=8, temperature=0)
        if shows_tools(server):
            choice = client.chat.completions.create(**options).choices[0]
            assert choice.finish_reason == ("tool_calls" if choice.message.tool_calls else "length")
        else:
            with pytest.raises(openai.BadRequestError) as caught:
                client.chat.completions.create(**options)
            assert caught.value.param == "tools"
        free = client.chat.completions.create(**options, tool_choice="none").choices[0]
        assert free.message.role == "assistant" and free.message.tool_calls is None


@pytest.mark.parametrize(
    "field, value",
    [
        ("temperature", -1), ("temperature", "hot"), ("top_p", 0), ("max_tokens", 0), ("max_tokens", 1.5),
        ("no_such_field", 1), ("top_logprobs", 3), ("audio", {"voice": "x"}), ("stream_options", {"include_usage": True}),
        ("tool_choice", "auto"), ("messages", []), ("seed", 2**70),
    ],
)
def test_a_wrong_field_is_named(server, field, value):
    body = {"model": "test", "messages": MESSAGES, field: value}
    status, answer = server.post("/v1/chat/completions", body)
    assert status == 400
    assert answer["error"]["param"] == field
    assert field in answer["error"]["message"]
    assert answer["error"]["type"] == "invalid_request_error"


def test_errors_are_those_of_the_client(server):
    client = server.client()
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="test", prompt="a", max_tokens=100_000)
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="test", prompt="word " * 3000)
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="other", prompt="a")
    with pytest.raises(openai.BadRequestError):
        client.completions.create(model="test", prompt="")


def test_embeddings(server):
    client = server.client()
    texts = ["A cat sleeps on the sofa.", "A kitten naps on the couch.", "Interest rates rose again."]
    pooling = {"extra_body": {"pooling": "mean"}}
    both = client.embeddings.create(model="test", input=texts, **pooling)
    points = [one.embedding for one in both.data]
    assert [one.index for one in both.data] == [0, 1, 2]
    assert all(abs(sum(number * number for number in point) - 1) < 1e-4 for point in points)
    alone = client.embeddings.create(model="test", input=texts[1], encoding_format="float", **pooling)
    assert alone.data[0].embedding == pytest.approx(points[1], abs=1e-6)

    def cosine(a, b):
        return sum(x * y for x, y in zip(a, b))

    assert cosine(points[0], points[1]) > cosine(points[0], points[2])
    assert both.usage.prompt_tokens == both.usage.total_tokens > alone.usage.prompt_tokens > 0
    last = client.embeddings.create(model="test", input=[texts[0]])
    assert last.data[0].embedding != points[0]
    for wrong in ({"input": ""}, {"input": []}, {"input": "a " * 3000}, {"input": "a", "dimensions": 8}):
        with pytest.raises(openai.BadRequestError):
            client.embeddings.create(**{"model": "test", **wrong})


def test_responses(server):
    client = server.client()
    whole = client.responses.create(
        model="test", input="Name three colours.", instructions="Be brief.", max_output_tokens=12, temperature=0
    )
    assert whole.output_text
    assert whole.status in ("completed", "incomplete")
    assert whole.usage.output_tokens <= 12
    again = client.responses.create(
        model="test", temperature=0, max_output_tokens=12,
        input=[{"role": "system", "content": "Be brief."},
               {"role": "user", "content": [{"type": "input_text", "text": "Name three colours."}]}],
    )
    assert again.output_text == whole.output_text
    events = list(
        client.responses.create(
            model="test", input="Name three colours.", instructions="Be brief.", max_output_tokens=12, temperature=0,
            stream=True,
        )
    )
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert events[-1].type == f"response.{whole.status}"
    assert events[-1].response.output_text == whole.output_text
    with pytest.raises(openai.BadRequestError):
        client.responses.create(model="test", input="a", previous_response_id="resp_1")


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 120}},
    "required": ["name", "age"], "additionalProperties": False,
}


def test_structured_output(server):
    client = server.client()
    form = {"type": "json_schema", "json_schema": {"name": "pet", "schema": SCHEMA, "strict": True}}
    for seed in range(3):
        answer = client.chat.completions.create(
            model="test", messages=MESSAGES, response_format=form, seed=seed, max_tokens=200)
        pet = json.loads(answer.choices[0].message.content)
        assert set(pet) == {"name", "age"} and 0 <= pet["age"] <= 120 and len(pet["name"]) <= 20
        assert answer.choices[0].finish_reason == "stop"
    anything = client.chat.completions.create(
        model="test", messages=MESSAGES, response_format={"type": "json_object"}, seed=1, max_tokens=300)
    if anything.choices[0].finish_reason == "stop":
        assert isinstance(json.loads(anything.choices[0].message.content), dict)
    response = client.responses.create(
        model="test", input="A pet.", text={"format": {"type": "json_schema", "name": "pet", "schema": SCHEMA}})
    assert set(json.loads(response.output_text)) == {"name", "age"}
    choice = client.completions.create(
        model="test", prompt="The sky is ", extra_body={"guided_choice": ["blue", "green"]}, n=4, seed=3)
    assert {one.text for one in choice.choices} <= {"blue", "green"}
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="test", prompt="a", extra_body={"guided_json": {"type": "colour"}})
    assert caught.value.param == "guided_json"


def accumulated(chunks):
    """The calls of a stream, its ends, and of how many deltas the calls were."""
    calls, reasons, count = [], [], 0
    for chunk in chunks:
        for one in chunk.choices:
            reasons += [one.finish_reason] if one.finish_reason else []
            for delta in one.delta.tool_calls or []:
                count += 1
                if delta.index == len(calls):
                    assert delta.id and delta.type == "function" and delta.function.name
                    calls.append({"id": delta.id, "name": delta.function.name, "arguments": ""})
                else:
                    assert delta.id is None and delta.function.name is None
                calls[delta.index]["arguments"] += delta.function.arguments or ""
    return calls, reasons, count


def test_forced_calls_of_tools(server):
    client = server.client()
    tools = [{"type": "function", "function": {"name": "set_pet", "parameters": SCHEMA, "strict": True}}]
    for choice in ("required", {"type": "function", "function": {"name": "set_pet"}}):
        options = dict(model="test", messages=MESSAGES, tools=tools, tool_choice=choice, seed=2, max_tokens=200)
        whole = client.chat.completions.create(**options).choices[0]
        assert whole.finish_reason == "tool_calls" and whole.message.content is None
        [call] = whole.message.tool_calls
        assert call.function.name == "set_pet"
        assert set(json.loads(call.function.arguments)) == {"name", "age"}
        calls, reasons, count = accumulated(client.chat.completions.create(**options, stream=True))
        assert [(one["name"], one["arguments"]) for one in calls] == [("set_pet", call.function.arguments)]
        assert reasons == ["tool_calls"] and count > 3


def test_the_clients_own_helper_reads_calls_as_they_come(server):
    client = server.client()
    tools = [{"type": "function", "function": {"name": "set_pet", "parameters": SCHEMA, "strict": True}}]
    options = dict(model="test", messages=MESSAGES, tools=tools, tool_choice="required", seed=2, max_tokens=200)
    whole = client.chat.completions.create(**options).choices[0].message.tool_calls[0]
    deltas = []
    with client.chat.completions.stream(**options) as stream:
        for event in stream:
            if event.type == "tool_calls.function.arguments.delta":
                deltas.append(event.arguments_delta)
        [call] = stream.get_final_completion().choices[0].message.tool_calls
    assert len([delta for delta in deltas if delta]) > 3
    assert call.function.name == "set_pet" and call.function.arguments == whole.function.arguments == "".join(deltas)
    assert call.function.parsed_arguments == json.loads(whole.function.arguments)


def test_strict_tools_may_be_called_or_not(server):
    if not shows_tools(server):
        pytest.skip("the model does not see tools")
    client = server.client()
    tools = [{"type": "function", "function": {"name": "set_pet", "parameters": SCHEMA, "strict": True}}]
    for seed in range(2):
        answer = client.chat.completions.create(
            model="test", messages=MESSAGES, tools=tools, seed=seed, max_tokens=24)
        assert answer.choices[0].finish_reason in ("stop", "length", "tool_calls")


def test_a_form_and_tools_exclude_each_other(server):
    client = server.client()
    tools = [{"type": "function", "function": {"name": "set_pet", "parameters": SCHEMA}}]
    form = {"type": "json_schema", "json_schema": {"name": "pet", "schema": SCHEMA, "strict": True}}
    options = dict(model="test", messages=MESSAGES, tools=tools, response_format=form, seed=1, max_tokens=200)
    for choice in ("auto", "required"):
        with pytest.raises(openai.BadRequestError) as caught:
            client.chat.completions.create(**options, tool_choice=choice)
        assert caught.value.param in ("response_format", "tools")
    answer = client.chat.completions.create(**options, tool_choice="none")
    assert answer.choices[0].message.tool_calls is None
    assert set(json.loads(answer.choices[0].message.content)) == {"name", "age"}


def test_copies_with_log_probabilities_cost_what_one_does(server):
    body = {
        "messages": MESSAGES, "n": 64, "temperature": 0, "max_tokens": 300, "ignore_eos": True, "logprobs": True,
        "top_logprobs": 20,
    }
    before = server.resident_bytes()
    status, answer = server.post("/v1/chat/completions", body)
    assert status == 200
    entries = [choice["logprobs"]["content"] for choice in answer["choices"]]
    assert len(entries) == 64 and all(len(content) == 300 and content == entries[0] for content in entries)
    assert server.resident_bytes() - before < 300 << 20
    status, answer = server.post("/v1/chat/completions", {**body, "n": 128, "max_tokens": 800})
    assert status == 400 and answer["error"]["param"] == "top_logprobs"


def test_offsets_of_an_echo_are_those_of_its_characters(server):
    choice = server.post(
        "/v1/completions", {"prompt": "h\u00e9\U0001f600 x", "echo": True, "logprobs": 1, "max_tokens": 2})[1]["choices"][0]
    offsets = choice["logprobs"]["text_offset"]
    assert offsets == sorted(offsets) and offsets[:2] == [0, 1] and 3 in offsets and 4 not in offsets
    assert offsets[-2] == 5


def test_large_answers_come_whole_and_take_little_memory(server):
    prompt = " " * 60_000
    body = {"prompt": [prompt, prompt], "temperature": 0, "echo": True, "max_tokens": 1}
    assert server.post("/v1/completions", body)[0] == 200
    before = server.resident_bytes("VmHWM")
    status, answer = server.post("/v1/completions", {**body, "n": 128})
    assert status == 200
    assert [choice["index"] for choice in answer["choices"]] == list(range(256))
    texts = [choice["text"] for choice in answer["choices"]]
    assert texts == [texts[0]] * 256 and texts[0].startswith(prompt) and len(texts[0]) > len(prompt)
    assert server.resident_bytes("VmHWM") - before < 8 << 20


def test_offsets_do_not_depend_on_what_is_held_back(server):
    body = {"prompt": "1, 2, 3,", "logprobs": 0, "max_tokens": 12, "temperature": 0}
    plain = server.post("/v1/completions", body)[1]["choices"][0]
    text = plain["text"]
    # Each begins somewhere in the text and never comes to its end.
    stops = [text[place : place + 3] + "\u0001" for place in range(0, len(text) - 3, 2)]
    held = server.post("/v1/completions", {**body, "stop": stops})[1]["choices"][0]
    assert held == plain


def test_keys_of_log_probabilities_are_different(server):
    def pairs(members):
        assert len({key for key, _ in members}) == len(members), members
        return dict(members)

    _, _, data = server.request(
        "POST", "/v1/completions", {"prompt": "\u65e5\u672c\u8a9e\u306f", "max_tokens": 12, "logprobs": 20, "seed": 1})
    lists = json.loads(data, object_pairs_hook=pairs)["choices"][0]["logprobs"]
    assert all(token in best and len(best) >= 20 for token, best in zip(lists["tokens"], lists["top_logprobs"]))


def test_several_answers(server):
    client = server.client()
    whole = client.chat.completions.create(model="test", messages=MESSAGES, n=3, seed=5, max_tokens=12)
    assert [one.index for one in whole.choices] == [0, 1, 2]
    texts = {}
    for chunk in client.chat.completions.create(
            model="test", messages=MESSAGES, n=3, seed=5, max_tokens=12, stream=True):
        for one in chunk.choices:
            texts[one.index] = texts.get(one.index, "") + (one.delta.content or "")
    assert [texts[index] for index in range(3)] == [one.message.content for one in whole.choices]
    best = client.completions.create(model="test", prompt="Once", best_of=4, n=2, seed=5, max_tokens=8, stop=["."])
    assert len(best.choices) == 2
