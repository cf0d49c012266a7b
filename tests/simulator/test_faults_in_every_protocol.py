"""Every fault in all four protocols, read by the arena's own providers: the table of `docs/simulator.md`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from itertools import product

import httpx
import pytest
from _pytest.mark.structures import ParameterSet

from arena.contestants import errors
from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, ReasoningDelta, Usage
from arena.contestants.models import Provider
from arena.contestants.providers import anthropic, ollama, openai_chat, openai_responses
from arena.contestants.providers.call import Call
from arena.contestants.providers.http import make_client
from arena.contestants.providers.text import clean
from arena.contestants.simulator.directions import Fault
from arena.contestants.simulator.faults import HUGE_DELTA, ODD_CHARACTERS
from arena.contestants.simulator.generation import REFUSAL
from arena.contestants.simulator.server import Simulator

STREAMS = {
    Provider.OLLAMA: ollama.stream,
    Provider.OPENAI: openai_chat.stream,
    Provider.OPENAI_RESPONSES: openai_responses.stream,
    Provider.ANTHROPIC: anthropic.stream,
}
PROTOCOLS = tuple(STREAMS)
REASONING, ANSWER = "t0 t1 t2 ", "t3 t4 t5 t6 t7 t8 t9 "
HALF = "t0t1t2t3t4"

REFUSED = {
    Fault.KEY_MISSING: errors.KeyRefused,
    Fault.HTTP_401: errors.KeyRefused,
    Fault.HTTP_403: errors.KeyRefused,
    Fault.QUOTA: errors.QuotaSpent,
    Fault.QUOTA_402: errors.QuotaSpent,
    Fault.HTTP_429: errors.RateLimited,
    Fault.OVERLOADED: errors.Overloaded,
    Fault.HTTP_503: errors.Overloaded,
    Fault.HTTP_404: errors.ModelGone,
    Fault.RETIRED: errors.ModelGone,
    Fault.HTTP_400_CONTEXT: errors.ContextTooLong,
    Fault.CONTENT_REFUSED: errors.ContentRefused,
    Fault.HTTP_400: errors.BadRequest,
    Fault.HTTP_500: errors.ServerFailed,
    Fault.ERROR_200: errors.ServerFailed,
    Fault.HTML_200: errors.Garbage,
    Fault.HTML_502: errors.ServerFailed,
    Fault.EMPTY_200: errors.Garbage,
    Fault.RESET: errors.Unreachable,
}
BROKEN_OFF = {
    Fault.CUT: errors.Truncated,
    Fault.CUT_MID_LINE: errors.Truncated,
    Fault.CUT_MID_CHARACTER: errors.Truncated,
    Fault.MISSING_DONE: errors.Truncated,
    Fault.ERROR_MID_STREAM: errors.ServerFailed,
    Fault.OVERLOADED_MID_STREAM: errors.Overloaded,
    Fault.FAILED: errors.ServerFailed,
    Fault.GARBAGE: errors.Garbage,
    Fault.ERROR_LINE: errors.ServerFailed,
}
# Lines of JSON have no field `error`: there such a line is no JSON.
OTHERWISE = {(Fault.ERROR_LINE, Provider.OLLAMA): errors.Garbage}
WHOLE = (
    Fault.NONE,
    Fault.LATE_NULL_FINISH,
    Fault.NO_USAGE,
    Fault.SEVEN_BYTES,
    Fault.SLOW_HEADERS,
    Fault.GZIP,
    Fault.ODD_LINES,
)
HANGING = (Fault.SILENT_START, Fault.SILENT_BODY, Fault.SILENCE)
ADAPTED = (
    (Fault.REFUSE_STREAM, Provider.OPENAI, {}),
    (Fault.REFUSE_STREAM, Provider.OPENAI_RESPONSES, {}),
    (Fault.REFUSE_STREAM_OPTIONS, Provider.OPENAI, {}),
    (Fault.REFUSE_SYSTEM, Provider.OPENAI, {}),
    (Fault.REFUSE_MAX_TOKENS, Provider.OPENAI, {"max_tokens": 1000}),
    (Fault.REFUSE_THINK, Provider.OPENAI, {"reasoning_effort": "low"}),
    (Fault.REFUSE_THINK, Provider.OPENAI_RESPONSES, {"reasoning_effort": "low"}),
    (Fault.REFUSE_THINK, Provider.OLLAMA, {"think": True}),
)


@pytest.fixture
async def arena_client() -> AsyncIterator[httpx.AsyncClient]:
    async with make_client() as opened:
        yield opened


def call(simulator: Simulator, provider: str, directions: str, **options: object) -> Call:
    return Call(
        simulator.url if provider in (Provider.OLLAMA, Provider.ANTHROPIC) else f"{simulator.url}/v1",
        f"load?tokens=10&rate=0&think=0.3&{directions}",
        ({"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go."}),
        options=options,
    )


async def collected(
    client: httpx.AsyncClient, provider: str, asked: Call
) -> tuple[list[Delta], errors.ProviderError | None]:
    deltas: list[Delta] = []
    try:
        async with asyncio.timeout(60):
            deltas.extend([delta async for delta in STREAMS[Provider(provider)](client, asked)])
    except errors.ProviderError as error:
        return deltas, error
    return deltas, None


def each(faults: Iterable[Fault]) -> list[ParameterSet]:
    pairs = product(faults, PROTOCOLS)
    return [pytest.param(fault, provider, id=f"{fault or 'clean'}-{provider}") for fault, provider in pairs]


async def until(client: httpx.AsyncClient, holds: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """What the server says of itself once `holds`."""
    async with asyncio.timeout(30):
        while True:
            state: dict[str, int] = (await client.get("/simulator/state")).json()
            if holds(state):
                return state


async def finished(client: httpx.AsyncClient, provider: str, asked: Call) -> Finish:
    deltas, error = await collected(client, provider, asked)
    assert error is None
    assert isinstance(deltas[-1], Finish)
    return deltas[-1]


@pytest.mark.parametrize(("fault", "provider"), each(REFUSED))
async def test_refusals_are_named(
    arena_client: httpx.AsyncClient, simulator: Simulator, fault: Fault, provider: str
) -> None:
    deltas, error = await collected(arena_client, provider, call(simulator, provider, f"fault={fault}"))
    assert (deltas, type(error)) == ([], REFUSED[fault])


@pytest.mark.parametrize(("fault", "provider"), each(BROKEN_OFF))
async def test_broken_streams_are_named_and_what_came_is_kept(
    arena_client: httpx.AsyncClient, simulator: Simulator, fault: Fault, provider: str
) -> None:
    kept: list[Delta] = []
    with pytest.raises(errors.ProviderError) as broken:
        asked = call(simulator, provider, f"fault={fault}")
        async for delta in STREAMS[Provider(provider)](arena_client, asked):
            kept.append(delta)  # the loop ends with an exception
    assert type(broken.value) is OTHERWISE.get((fault, Provider(provider)), BROKEN_OFF[fault])
    text = "".join(delta.text for delta in kept if isinstance(delta, ReasoningDelta | AnswerDelta))
    assert "".join(text.split()).startswith(HALF)  # the white space at the seam is dropped


@pytest.mark.parametrize(("fault", "provider"), each(WHOLE))
async def test_odd_streams_are_read_exactly(
    arena_client: httpx.AsyncClient, simulator: Simulator, fault: Fault, provider: str
) -> None:
    finish = await finished(arena_client, provider, call(simulator, provider, f"fault={fault}"))
    assert (finish.reasoning, finish.answer, finish.reason) == (REASONING.strip(), ANSWER.strip(), FinishReason.STOP)


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_usage_is_that_of_the_script_or_unknown(
    arena_client: httpx.AsyncClient, simulator: Simulator, provider: str
) -> None:
    deltas, _ = await collected(arena_client, provider, call(simulator, provider, ""))
    [*_, usage] = [delta for delta in deltas if isinstance(delta, Usage)]
    assert (usage.output_tokens, bool(usage.input_tokens)) == (10, True)
    deltas, _ = await collected(arena_client, provider, call(simulator, provider, "fault=no-usage"))
    assert [delta for delta in deltas if isinstance(delta, Usage)] == []


@pytest.mark.parametrize("provider", PROTOCOLS)
@pytest.mark.parametrize("placement", ["inline", "unopened", "thought", "alternative", "separate"])
async def test_reasoning_is_found_wherever_it_is(
    arena_client: httpx.AsyncClient, simulator: Simulator, placement: str, provider: str
) -> None:
    finish = await finished(arena_client, provider, call(simulator, provider, f"reasoning={placement}"))
    assert (finish.reasoning, finish.answer) == (REASONING.strip(), ANSWER.strip())


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_big_and_odd_texts_arrive(arena_client: httpx.AsyncClient, simulator: Simulator, provider: str) -> None:
    huge = await finished(arena_client, provider, call(simulator, provider, "fault=huge-delta"))
    assert huge.answer == (ANSWER + HUGE_DELTA).strip()
    odd = await finished(arena_client, provider, call(simulator, provider, "fault=odd-characters"))
    assert odd.answer == clean(ANSWER + ODD_CHARACTERS).strip()


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_limit_filter_and_refusal_have_their_reasons(
    arena_client: httpx.AsyncClient, simulator: Simulator, provider: str
) -> None:
    cut = await finished(arena_client, provider, call(simulator, provider, "fault=length"))
    assert (cut.reason, cut.answer) == (FinishReason.LENGTH, "t3 t4")
    filtered = await finished(arena_client, provider, call(simulator, provider, "fault=content-filter"))
    assert filtered.reason == FinishReason.CONTENT_FILTER or provider == Provider.OLLAMA
    assert filtered.answer == "t3 t4"
    refused = await finished(arena_client, provider, call(simulator, provider, "fault=refusal"))
    assert refused.answer == REFUSAL


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_reasoning_that_never_closes_has_no_answer(
    arena_client: httpx.AsyncClient, simulator: Simulator, provider: str
) -> None:
    asked = call(simulator, provider, "fault=no-closing-tag&reasoning=inline")
    finish = await finished(arena_client, provider, asked)
    assert (finish.reasoning, finish.answer) == (REASONING.strip(), "")


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_text_without_end_is_too_large(
    arena_client: httpx.AsyncClient, simulator: Simulator, provider: str
) -> None:
    _, error = await collected(arena_client, provider, call(simulator, provider, "fault=too-large"))
    assert type(error) is errors.TooLarge


@pytest.mark.parametrize(("fault", "provider"), each(HANGING))
async def test_silence_lasts_until_the_client_leaves(
    arena_client: httpx.AsyncClient, client: httpx.AsyncClient, simulator: Simulator, fault: Fault, provider: str
) -> None:
    received: list[Delta] = []

    async def listen() -> None:
        async for delta in STREAMS[Provider(provider)](arena_client, call(simulator, provider, f"fault={fault}")):
            received.append(delta)  # never ends

    listening = asyncio.create_task(listen())
    await until(client, lambda state: state["open_streams"] == 1 and (fault != Fault.SILENCE or "t4" in str(received)))
    assert not listening.done()
    listening.cancel()
    await asyncio.wait([listening])
    state = await until(client, lambda state: state["open_streams"] == 0)
    assert state["streams_closed_by_client"] == 1


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_endless_streams_go_on_until_the_client_leaves(
    arena_client: httpx.AsyncClient, client: httpx.AsyncClient, simulator: Simulator, provider: str
) -> None:
    stream = STREAMS[Provider(provider)](arena_client, call(simulator, provider, "fault=never-ends"))
    text = ""
    async with asyncio.timeout(30):
        async for delta in stream:
            text += getattr(delta, "text", "")
            if text.count("t9") > 3:
                break
    await stream.aclose()
    state = await until(client, lambda state: state["open_streams"] == 0)
    assert state["streams_closed_by_client"] == 1


@pytest.mark.parametrize(("fault", "provider", "options"), ADAPTED)
async def test_what_is_refused_is_left_out_of_the_next_request(
    arena_client: httpx.AsyncClient, simulator: Simulator, fault: Fault, provider: str, options: dict[str, object]
) -> None:
    finish = await finished(arena_client, provider, call(simulator, provider, f"fault={fault}", **options))
    assert finish.answer == ANSWER.strip()


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_fault_can_pass(arena_client: httpx.AsyncClient, simulator: Simulator, provider: str) -> None:
    asked = call(simulator, provider, "refusals=2&retry-after=7.5")
    for _ in range(2):
        _, error = await collected(arena_client, provider, asked)
        assert isinstance(error, errors.RateLimited)
        assert error.retry_after_s is not None and 7.5 <= error.retry_after_s <= 8
    assert (await finished(arena_client, provider, asked)).answer == ANSWER.strip()


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_passing_fault_is_counted_for_each_conversation(
    arena_client: httpx.AsyncClient, simulator: Simulator, provider: str
) -> None:
    asked = call(simulator, provider, "fault=cut&refusals=1")
    _, error = await collected(arena_client, provider, asked)
    assert isinstance(error, errors.Truncated)
    other = Call(asked.base_url, asked.model, ({"role": "user", "content": "Something else."},))
    _, error = await collected(arena_client, provider, other)
    assert isinstance(error, errors.Truncated)
    assert (await finished(arena_client, provider, asked)).answer == ANSWER.strip()


@pytest.mark.parametrize("provider", PROTOCOLS)
async def test_demanded_key_must_be_sent(arena_client: httpx.AsyncClient, simulator: Simulator, provider: str) -> None:
    asked = call(simulator, provider, "key=any")
    _, error = await collected(arena_client, provider, asked)
    assert isinstance(error, errors.KeyRefused)
    with_key = Call(asked.base_url, asked.model, asked.messages, api_key="some-key")
    assert (await finished(arena_client, provider, with_key)).answer == ANSWER.strip()


def test_the_table_knows_every_fault() -> None:
    told = {*REFUSED, *BROKEN_OFF, *WHOLE, *HANGING, *(fault for fault, _, _ in ADAPTED)}
    told |= {Fault.LENGTH, Fault.CONTENT_FILTER, Fault.REFUSAL, Fault.NO_CLOSING_TAG}
    told |= {Fault.TOO_LARGE, Fault.NEVER_ENDS, Fault.HUGE_DELTA, Fault.ODD_CHARACTERS, Fault.REFUSE_DEVELOPER}
    assert told == set(Fault)
