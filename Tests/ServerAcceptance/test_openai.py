"""The routes as the openai client uses them."""

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


def test_tools_reach_the_template_or_are_harmless(server):
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    client = server.client()
    answer = client.chat.completions.create(model="test", messages=MESSAGES, tools=[tool], max_tokens=8, temperature=0)
    assert answer.choices[0].finish_reason in ("stop", "length", "tool_calls")
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    history = MESSAGES + [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
    ]
    answer = client.chat.completions.create(model="test", messages=history, tools=[tool], max_tokens=8)
    assert answer.choices[0].message.role == "assistant"


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
    with pytest.raises(openai.InternalServerError) as caught:
        client.embeddings.create(model="test", input="a")
    assert caught.value.status_code == 501


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
