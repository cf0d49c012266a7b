"""The official SDK judges the OpenAI side, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import openai
import pytest

from arena.contestants.simulator import reasoners
from arena.contestants.simulator.generation import REFUSAL, Message
from arena.contestants.simulator.server import Simulator
from tests.simulator.sdk_models import surprises

QUESTION = "How many r in strawberry?"
ASK: list[Message] = [{"role": "user", "content": QUESTION}]
AT_ONCE = {"simulator": {"rate": 0, "delay": 0}}


@pytest.fixture
async def official(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{simulator.url}/v1", api_key="none", max_retries=0, _strict_response_validation=True
    ) as opened:
        yield opened


async def complete(official: openai.AsyncOpenAI, model: str, **more: Any) -> Any:
    return await official.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], extra_body=AT_ONCE, **more
    )


async def test_stream_adds_up_to_the_script(official: openai.AsyncOpenAI) -> None:
    reasoning, content, finish, usage = "", "", None, None
    stream = await complete(official, "sim-hasty", stream=True, stream_options={"include_usage": True})
    async for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            reasoning += getattr(choice.delta, "reasoning_content", None) or ""
            content += choice.delta.content or ""
            finish = choice.finish_reason or finish
    assert (reasoning, content) == reasoners.hasty(ASK)
    assert finish == "stop"
    assert usage.completion_tokens > usage.completion_tokens_details.reasoning_tokens > 0


@pytest.mark.parametrize("model", ["sim-chatty", "sim-terse", "sim-formal", "sim-hasty"])
async def test_helper_of_the_sdk_accumulates_the_same(official: openai.AsyncOpenAI, model: str) -> None:
    plain = await complete(official, model)
    async with official.chat.completions.stream(
        model=model, messages=[{"role": "user", "content": QUESTION}], extra_body=AT_ONCE
    ) as stream:
        accumulated = await stream.get_final_completion()
    assert accumulated.choices[0].message.content == plain.choices[0].message.content
    assert accumulated.choices[0].finish_reason == "stop"


async def test_the_sdk_knows_every_field(official: openai.AsyncOpenAI) -> None:
    """The one for reasoning, which OpenAI itself does not have, is what compatible servers add."""
    stream = await complete(official, "sim-hasty", stream=True, stream_options={"include_usage": True})
    found = {surprise async for chunk in stream for surprise in surprises(chunk)}
    assert found == {"ChatCompletionChunk.choices[0].delta.reasoning_content"}
    assert surprises(await complete(official, "sim-formal")) == []


async def test_the_synchronous_client_reads_it_too(simulator: Simulator) -> None:
    def content() -> str:
        with (
            openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="none", _strict_response_validation=True) as client,
            client.chat.completions.create(
                model="sim-hasty", messages=[{"role": "user", "content": QUESTION}], stream=True, extra_body=AT_ONCE
            ) as chunks,
        ):
            return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)

    assert await asyncio.to_thread(content) == reasoners.hasty(ASK)[1]


async def test_refusal_is_a_field_of_its_own(official: openai.AsyncOpenAI) -> None:
    message = (await complete(official, "load?fault=refusal")).choices[0].message
    assert (message.content, message.refusal) == (None, REFUSAL)
    stream = await complete(official, "load?fault=refusal", stream=True)
    assert "".join([chunk.choices[0].delta.refusal or "" async for chunk in stream]) == REFUSAL


async def test_plain_response_equals_the_script(official: openai.AsyncOpenAI) -> None:
    message = (await complete(official, "sim-hasty")).choices[0].message
    assert (message.reasoning_content, message.content) == reasoners.hasty(ASK)


async def test_formal_one_hides_its_reasoning_and_counts_it(official: openai.AsyncOpenAI) -> None:
    reply = await complete(official, "sim-formal")
    assert reply.choices[0].message.content == reasoners.formal(ASK)[1]
    assert not hasattr(reply.choices[0].message, "reasoning_content")
    assert reply.usage.completion_tokens_details.reasoning_tokens > 10


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        ("inline", "<think>\nt0 \n</think>\n\nt1 "),
        ("unopened", "t0 \n</think>\n\nt1 "),
        ("thought", "<Thought>\nt0 \n</Thought>\n<Output>\nt1 \n</Output>"),
        ("untagged", "t0 \n\n**Final Answer**\n\nt1 "),
        ("hidden", "t1 "),
    ],
)
async def test_reasoning_is_put_where_it_is_wanted(official: openai.AsyncOpenAI, placement: str, expected: str) -> None:
    reply = await complete(official, f"load?tokens=2&think=0.5&reasoning={placement}")
    assert reply.choices[0].message.content == expected


async def test_alternative_field_is_named_reasoning(official: openai.AsyncOpenAI) -> None:
    reply = await complete(official, "load?tokens=2&think=0.5&reasoning=alternative")
    assert reply.choices[0].message.reasoning == "t0 "


async def test_models_are_listed(official: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in official.models.list()]
    assert names == ["sim-chatty", "sim-terse", "sim-formal", "sim-hasty", "qwq:32b", "o1"]
    assert (await official.models.retrieve("qwq:32b")).id == "qwq:32b"


async def test_unknown_model_is_not_found(official: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refusal:
        await complete(official, "nobody")
    assert refusal.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        await official.models.retrieve("nobody")


async def test_hidden_tokens_count_against_the_limit(official: openai.AsyncOpenAI) -> None:
    reply = await complete(official, "load?tokens=20&think=0.5&reasoning=hidden", max_completion_tokens=8)
    assert (reply.choices[0].message.content, reply.choices[0].finish_reason) == ("", "length")


@pytest.mark.parametrize(
    "more",
    [{"max_tokens": 5}, {"temperature": 0.2}, {"reasoning_effort": "low"}],
)
async def test_rules_of_o1_mini_are_kept(official: openai.AsyncOpenAI, more: dict[str, object]) -> None:
    with pytest.raises(openai.BadRequestError, match="nsupported"):
        await complete(official, "o1", **more)


async def test_o1_mini_refuses_a_system_message(official: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="does not support 'system'"):
        await official.chat.completions.create(
            model="o1", messages=[{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
        )


async def test_text_parts_are_read_as_one_text(official: openai.AsyncOpenAI) -> None:
    reply = await official.chat.completions.create(
        model="sim-terse",
        messages=[{"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
        extra_body=AT_ONCE,
    )
    assert reply.choices[0].message.content == reasoners.terse(ASK)[1]


@pytest.mark.parametrize(
    "body",
    [b"{", b"null", b'{"model": "load"}', b'{"model": "load", "messages": ["x"]}', b'{"model": "load", "messages": 3}'],
)
async def test_malformed_body_is_refused_in_its_own_form(client: httpx.AsyncClient, body: bytes) -> None:
    page = await client.post("/v1/chat/completions", content=body)
    assert page.status_code == 400
    assert page.json()["error"]["type"] == "invalid_request_error"


async def test_unknown_direction_in_the_body_is_refused(client: httpx.AsyncClient) -> None:
    page = await client.post("/v1/chat/completions", json={"model": "load", "messages": ASK, "simulator": {"speed": 1}})
    assert page.status_code == 400
    assert "speed" in page.json()["error"]["message"]
