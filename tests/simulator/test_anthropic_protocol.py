"""The official SDK judges Anthropic's Messages, over a real socket, with strict validation."""

import asyncio
from collections.abc import AsyncIterator
from itertools import groupby
from typing import Any

import anthropic
import httpx
import pytest
from anthropic.types import Message as AnthropicMessage

from arena.contestants.simulator import reasoners
from arena.contestants.simulator.generation import REFUSAL, Message
from arena.contestants.simulator.server import Simulator
from arena.contestants.simulator.wire.anthropic import REDACTED, SIGNATURE
from tests.simulator.sdk_models import surprises

ASK: list[Message] = [{"role": "user", "content": "How many r in strawberry?"}]
AT_ONCE = {"simulator": {"rate": 0, "delay": 0}}
MAX_TOKENS = 4096
TEXT_BLOCK = ["content_block_start", "content_block_delta", "content_block_stop"]


@pytest.fixture
async def official(simulator: Simulator) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        base_url=simulator.url, api_key="none", max_retries=0, _strict_response_validation=True
    ) as opened:
        yield opened


async def ask(official: anthropic.AsyncAnthropic, model: str, **more: Any) -> Any:
    wanted: dict[str, Any] = {"max_tokens": MAX_TOKENS, "messages": ASK, "extra_body": AT_ONCE} | more
    return await official.messages.create(model=model, **wanted)


async def events_of(official: anthropic.AsyncAnthropic, model: str, **more: Any) -> list[Any]:
    return [event async for event in await ask(official, model, stream=True, **more)]


async def accumulated(official: anthropic.AsyncAnthropic, model: str) -> Any:
    async with official.messages.stream(
        model=model, max_tokens=MAX_TOKENS, messages=[{"role": "user", "content": ASK[0]["content"]}],
        extra_body=AT_ONCE,
    ) as stream:  # fmt: skip
        return await stream.get_final_message()


def kinds(events: list[Any]) -> list[str]:
    return [kind for kind, _ in groupby(event.type for event in events)]


def texts(message: AnthropicMessage) -> tuple[str, str]:
    thinking = "".join(block.thinking for block in message.content if block.type == "thinking")
    return thinking, "".join(block.text for block in message.content if block.type == "text")


async def test_stream_is_the_whole_sequence_of_typed_events(official: anthropic.AsyncAnthropic) -> None:
    events = await events_of(official, "load?tokens=6&think=0.5")
    assert kinds(events) == ["message_start", *TEXT_BLOCK, *TEXT_BLOCK, "message_delta", "message_stop"]
    assert [event.index for event in events if event.type == "content_block_start"] == [0, 1]
    signed = [event.delta.signature for event in events if getattr(event, "delta", None) and
              getattr(event.delta, "type", "") == "signature_delta"]  # fmt: skip
    assert signed == [SIGNATURE]
    assert [surprises(event) for event in events if surprises(event)] == []


async def test_pings_come_between(client: httpx.AsyncClient) -> None:
    body = {"model": "load?tokens=2&rate=0", "max_tokens": 9, "stream": True, "messages": ASK}
    page = await client.post("/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
    assert b'event: ping\ndata: {"type":"ping"}\n\n' in page.content
    assert page.headers["request-id"].startswith("req_")


@pytest.mark.parametrize("model", ["sim-chatty", "sim-terse", "sim-formal", "sim-hasty"])
async def test_helper_of_the_sdk_accumulates_the_script(official: anthropic.AsyncAnthropic, model: str) -> None:
    message, plain = await accumulated(official, model), await ask(official, model)
    assert texts(message) == texts(plain)
    assert [block.type for block in message.content] == [block.type for block in plain.content]
    assert surprises(plain) == []
    assert (message.stop_reason, message.usage.output_tokens) == ("end_turn", plain.usage.output_tokens)


async def test_script_is_told_exactly(official: anthropic.AsyncAnthropic) -> None:
    assert texts(await accumulated(official, "sim-terse")) == reasoners.terse(ASK)
    assert texts(await accumulated(official, "sim-formal")) == ("", reasoners.formal(ASK)[1])


async def test_the_synchronous_client_reads_it_too(simulator: Simulator) -> None:
    def final() -> Any:
        with (
            anthropic.Anthropic(base_url=simulator.url, api_key="none", _strict_response_validation=True) as client,
            client.messages.stream(
                model="sim-hasty",
                max_tokens=MAX_TOKENS,
                messages=[{"role": "user", "content": ASK[0]["content"]}],
                extra_body=AT_ONCE,
            ) as stream,
        ):
            return stream.get_final_message()

    assert texts(await asyncio.to_thread(final)) == reasoners.hasty(ASK)


async def test_usage_is_cumulative(official: anthropic.AsyncAnthropic) -> None:
    events = await events_of(official, "load?tokens=6&think=0.5")
    start, end = events[0].message.usage, events[-2].usage
    assert start.input_tokens == end.input_tokens > 0
    assert (start.output_tokens, end.output_tokens) == (1, 6)
    assert end.output_tokens_details.thinking_tokens == 3


async def test_thinking_can_be_switched_off(official: anthropic.AsyncAnthropic) -> None:
    message = await ask(official, "sim-terse", thinking={"type": "disabled"})
    assert texts(message) == ("", reasoners.terse(ASK)[1])


async def test_redacted_thinking_has_opaque_data_only(official: anthropic.AsyncAnthropic) -> None:
    model = "load?tokens=4&think=0.5&reasoning=redacted"
    for message in (await accumulated(official, model), await ask(official, model)):
        assert [block.type for block in message.content] == ["redacted_thinking", "text"]
        assert message.content[0].data == REDACTED
        assert texts(message) == ("", "t2 t3 ")


async def test_limit_stops_with_max_tokens(official: anthropic.AsyncAnthropic) -> None:
    message = await ask(official, "load?tokens=20", max_tokens=5)
    assert (message.stop_reason, texts(message)[1]) == ("max_tokens", "t0 t1 t2 t3 t4 ")


async def test_refusals_have_their_stop_reason(official: anthropic.AsyncAnthropic) -> None:
    refused = await accumulated(official, "load?fault=refusal")
    assert (refused.stop_reason, refused.stop_details.type, texts(refused)[1]) == ("refusal", "refusal", REFUSAL)
    filtered = await accumulated(official, "load?tokens=6&fault=content-filter")
    assert (filtered.stop_reason, texts(filtered)[1]) == ("refusal", "t0 t1 t2 ")


@pytest.mark.parametrize(
    ("fault", "error", "kind"),
    [
        ("key-missing", anthropic.AuthenticationError, "authentication_error"),
        ("http-401", anthropic.AuthenticationError, "authentication_error"),
        ("http-403", anthropic.PermissionDeniedError, "permission_error"),
        ("quota", anthropic.BadRequestError, "invalid_request_error"),
        ("http-429", anthropic.RateLimitError, "rate_limit_error"),
        ("overloaded", anthropic.InternalServerError, "overloaded_error"),
        ("http-404", anthropic.NotFoundError, "not_found_error"),
        ("http-400-context", anthropic.BadRequestError, "invalid_request_error"),
        ("http-500", anthropic.InternalServerError, "api_error"),
    ],
)
async def test_errors_are_those_of_the_vendor(
    official: anthropic.AsyncAnthropic, fault: str, error: type[anthropic.APIStatusError], kind: str
) -> None:
    with pytest.raises(anthropic.APIStatusError) as refusal:
        await ask(official, f"load?fault={fault}")
    body = refusal.value.body
    assert isinstance(refusal.value, error) or fault == "overloaded"
    assert isinstance(body, dict) and body["error"]["type"] == kind
    assert body["request_id"] == refusal.value.request_id


async def test_overload_after_200_is_an_error_event(official: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.APIStatusError) as error:
        await events_of(official, "load?tokens=6&fault=overloaded-mid-stream")
    assert isinstance(error.value.body, dict) and error.value.body["error"]["type"] == "overloaded_error"


async def test_unknown_model_is_not_found(official: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="model: nobody"):
        await ask(official, "nobody")
    with pytest.raises(anthropic.NotFoundError):
        await official.models.retrieve("nobody")


async def test_models_are_listed_in_the_vendors_shape(official: anthropic.AsyncAnthropic) -> None:
    listed = [model async for model in official.models.list()]
    assert [model.id for model in listed][-2:] == ["qwq:32b", "o1"]
    assert listed[0].display_name == "sim-chatty (simulated)"
    assert surprises(listed) == []
    assert (await official.models.retrieve("qwq:32b")).id == "qwq:32b"


async def test_tokens_are_counted(official: anthropic.AsyncAnthropic) -> None:
    counted = await official.messages.count_tokens(
        model="sim-terse", messages=[{"role": "user", "content": ASK[0]["content"]}]
    )
    assert counted.input_tokens == (await ask(official, "sim-terse")).usage.input_tokens


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"messages": []}, "at least one message"),
        ({"messages": [{"role": "system", "content": "x"}]}, "Unexpected role"),
        ({"thinking": {"type": "enabled", "budget_tokens": 10}}, "greater than or equal to 1024"),
        ({"thinking": {"type": "enabled", "budget_tokens": 5000}}, "must be greater than"),
        ({"model": ""}, "model"),
        ({"simulator": {"speed": 1}}, "speed"),
    ],
)
async def test_malformed_requests_are_refused(
    client: httpx.AsyncClient, change: dict[str, object], sentence: str
) -> None:
    body = {"model": "load", "max_tokens": MAX_TOKENS, "messages": ASK} | change
    page = await client.post("/v1/messages", json=body, headers={"anthropic-version": "2023-06-01"})
    assert (page.status_code, page.json()["type"]) == (400, "error")
    assert sentence in page.json()["error"]["message"]


async def test_version_must_be_said(client: httpx.AsyncClient) -> None:
    page = await client.post("/v1/messages", json={"model": "load", "max_tokens": 5, "messages": ASK})
    assert page.json()["error"]["message"] == "anthropic-version: header is required"


async def test_key_can_be_demanded(simulator: Simulator, official: anthropic.AsyncAnthropic) -> None:
    with pytest.raises(anthropic.AuthenticationError, match="invalid x-api-key"):
        await ask(official, "load?tokens=1&key=right")
    async with anthropic.AsyncAnthropic(base_url=simulator.url, api_key="right") as allowed:
        assert texts(await ask(allowed, "load?tokens=1&key=right"))[1] == "t0 "
