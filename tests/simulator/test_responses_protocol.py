"""The official SDK judges OpenAI's Responses, over a real socket, with strict validation."""

import asyncio
from collections.abc import AsyncIterator
from itertools import groupby
from typing import Any

import httpx
import openai
import pytest
from openai.types.responses import Response

from arena.contestants.simulator import reasoners
from arena.contestants.simulator.generation import REFUSAL, Message
from arena.contestants.simulator.server import Simulator
from tests.simulator.sdk_models import surprises

QUESTION = "How many r in strawberry?"
ASK: list[Message] = [{"role": "user", "content": QUESTION}]
AT_ONCE = {"simulator": {"rate": 0, "delay": 0}}
BEGINNING = ["response.created", "response.in_progress"]
MESSAGE = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]
SUMMARY_PART = [
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_summary_part.done",
]


@pytest.fixture
async def official(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{simulator.url}/v1", api_key="none", max_retries=0, _strict_response_validation=True
    ) as opened:
        yield opened


async def ask(official: openai.AsyncOpenAI, model: str, **more: Any) -> Any:
    return await official.responses.create(model=model, input=QUESTION, extra_body=AT_ONCE, **more)


async def events_of(official: openai.AsyncOpenAI, model: str, **more: Any) -> list[Any]:
    return [event async for event in await ask(official, model, stream=True, **more)]


def kinds(events: list[Any]) -> list[str]:
    """Their types, deltas in a row counted once."""
    return [kind for kind, _ in groupby(event.type for event in events)]


def texts(response: Response) -> tuple[str, str]:
    """What it says of its reasoning, and the answer."""
    reasoning = ""
    for item in response.output:
        if item.type == "reasoning":
            parts = item.content or item.summary
            reasoning += "\n\n".join(part.text for part in parts)
    return reasoning, response.output_text


async def test_stream_is_the_whole_sequence_of_typed_events(official: openai.AsyncOpenAI) -> None:
    events = await events_of(official, "load?tokens=6&think=0.5")
    reasoning = ["response.output_item.added", *SUMMARY_PART, "response.output_item.done"]
    assert kinds(events) == [*BEGINNING, *reasoning, *MESSAGE, "response.completed"]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [surprises(event) for event in events if surprises(event)] == []


async def test_stream_adds_up_to_the_script(official: openai.AsyncOpenAI) -> None:
    events = await events_of(official, "sim-terse")
    summary = [event.delta for event in events if event.type == "response.reasoning_summary_text.delta"]
    answer = [event.delta for event in events if event.type == "response.output_text.delta"]
    reasoning, expected = reasoners.terse(ASK)
    assert ("".join(summary), "".join(answer)) == (reasoning.replace("\n\n", ""), expected)
    assert texts(events[-1].response) == (reasoning, expected)
    usage = events[-1].response.usage
    assert usage.output_tokens > usage.output_tokens_details.reasoning_tokens > 0


async def test_each_paragraph_is_a_part_of_the_summary(official: openai.AsyncOpenAI) -> None:
    response = await ask(official, "sim-terse")
    assert [part.text for part in response.output[0].summary] == reasoners.terse(ASK)[0].split("\n\n")


@pytest.mark.parametrize("model", ["sim-chatty", "sim-terse", "sim-formal", "sim-hasty"])
async def test_helper_of_the_sdk_accumulates_the_same(official: openai.AsyncOpenAI, model: str) -> None:
    plain = await ask(official, model)
    async with official.responses.stream(model=model, input=QUESTION, extra_body=AT_ONCE) as stream:
        accumulated = await stream.get_final_response()
    assert texts(accumulated) == texts(plain)
    assert surprises(plain) == []
    assert [item.type for item in accumulated.output] == [item.type for item in plain.output]


async def test_the_synchronous_client_reads_it_too(simulator: Simulator) -> None:
    def accumulated() -> Response:
        with (
            openai.OpenAI(base_url=f"{simulator.url}/v1", api_key="none", _strict_response_validation=True) as client,
            client.responses.stream(model="sim-hasty", input=QUESTION, extra_body=AT_ONCE) as stream,
        ):
            return stream.get_final_response()

    assert texts(await asyncio.to_thread(accumulated)) == reasoners.hasty(ASK)


async def test_open_servers_send_the_reasoning_itself(official: openai.AsyncOpenAI) -> None:
    events = await events_of(official, "load?tokens=4&think=0.5&reasoning=alternative")
    assert kinds(events)[2:8] == [
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]
    assert texts(events[-1].response) == ("t0 t1 ", "t2 t3 ")


async def test_hidden_reasoning_is_an_empty_item_and_a_count(official: openai.AsyncOpenAI) -> None:
    for response in (await ask(official, "sim-formal"), (await events_of(official, "sim-formal"))[-1].response):
        assert [item.type for item in response.output] == ["reasoning", "message"]
        assert texts(response) == ("", reasoners.formal(ASK)[1])
        assert response.usage.output_tokens_details.reasoning_tokens > 10


async def test_no_effort_means_no_reasoning(official: openai.AsyncOpenAI) -> None:
    response = await ask(official, "sim-terse", reasoning={"effort": "none"})
    assert texts(response) == ("", reasoners.terse(ASK)[1])


async def test_limit_makes_it_incomplete(official: openai.AsyncOpenAI) -> None:
    events = await events_of(official, "load?tokens=20&think=0.5", max_output_tokens=12)
    assert events[-1].type == "response.incomplete"
    response = events[-1].response
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert response.output_text == "t10 t11 "
    plain = await ask(official, "load?tokens=20", max_output_tokens=12)
    assert (plain.status, plain.max_output_tokens) == ("incomplete", 12)


async def test_filter_makes_it_incomplete(official: openai.AsyncOpenAI) -> None:
    response = (await events_of(official, "load?tokens=6&fault=content-filter"))[-1].response
    assert (response.incomplete_details.reason, response.output_text) == ("content_filter", "t0 t1 t2 ")


async def test_refusal_has_its_own_part_and_events(official: openai.AsyncOpenAI) -> None:
    events = await events_of(official, "load?fault=refusal")
    assert "".join(event.delta for event in events if event.type == "response.refusal.delta") == REFUSAL
    [message] = events[-1].response.output
    assert [(part.type, part.refusal) for part in message.content] == [("refusal", REFUSAL)]


async def test_failure_and_error_in_mid_stream(official: openai.AsyncOpenAI) -> None:
    failed = await events_of(official, "load?tokens=6&fault=failed")
    assert (failed[-1].type, failed[-1].response.error.code) == ("response.failed", "server_error")
    error = await events_of(official, "load?tokens=6&fault=error-mid-stream")
    assert (error[-1].type, error[-1].code) == ("error", "server_error")
    assert error[-1].sequence_number == len(error) - 1


async def test_waiting_in_line_is_told_as_queued(official: openai.AsyncOpenAI) -> None:
    events = await events_of(official, "load?tokens=2&load-time=0.05")
    assert kinds(events)[:3] == ["response.created", "response.queued", "response.in_progress"]
    assert [events[0].response.status, events[1].response.status] == ["queued", "queued"]
    assert [event.sequence_number for event in events] == list(range(len(events)))


async def test_conversation_and_instructions_are_read(official: openai.AsyncOpenAI) -> None:
    response = await official.responses.create(
        model="sim-terse",
        instructions="Be brief.",
        input=[
            {"role": "user", "content": "What is 2 + 2?"},
            {"role": "assistant", "content": "4"},
            {"role": "user", "content": [{"type": "input_text", "text": QUESTION}]},
        ],
        extra_body=AT_ONCE,
    )
    assert response.output_text == reasoners.terse(ASK)[1]
    assert response.instructions == "Be brief."


async def test_refused_requests_have_the_vendors_errors(official: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as gone:
        await ask(official, "nobody")
    assert gone.value.code == "model_not_found"
    with pytest.raises(openai.BadRequestError) as refused:
        await ask(official, "load?fault=refuse-stream", stream=True)
    assert (refused.value.code, refused.value.param) == ("unsupported_value", "stream")
    with pytest.raises(openai.BadRequestError, match="stores no responses"):
        await ask(official, "load", previous_response_id="resp_1")


@pytest.mark.parametrize("given", [None, 3, [], ["x"], [{"content": "x"}], ""])
async def test_malformed_input_is_refused(client: httpx.AsyncClient, given: object) -> None:
    page = await client.post("/v1/responses", json={"model": "load", "input": given})
    assert (page.status_code, page.json()["error"]["type"]) == (400, "invalid_request_error")
