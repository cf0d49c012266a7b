"""The official client judges the Ollama side, over a real socket."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import ollama
import pytest

from arena.contestants.simulator import reasoners
from arena.contestants.simulator.generation import Message
from arena.contestants.simulator.server import Simulator
from tests.simulator.sdk_models import surprises

ASK: list[Message] = [{"role": "user", "content": "How many r in strawberry?"}]
TOKENS = [f"t{number} " for number in range(20)]


@pytest.fixture
async def official(simulator: Simulator) -> AsyncIterator[ollama.AsyncClient]:
    opened = ollama.AsyncClient(host=simulator.url, trust_env=False)
    yield opened
    await opened.close()


async def test_stream_adds_up_to_the_script(official: ollama.AsyncClient) -> None:
    thinking, content, last = "", "", None
    async for chunk in await official.chat("sim-terse", ASK, stream=True, options={"rate": 0, "delay": 0}):
        thinking += chunk.message.thinking or ""
        content += chunk.message.content or ""
        last = chunk
    assert (thinking, content) == reasoners.terse(ASK)
    assert last is not None and last.done and last.done_reason == "stop"
    assert last.eval_count and last.prompt_eval_count and last.total_duration


async def test_the_synchronous_client_reads_it_too(simulator: Simulator) -> None:
    def spoken() -> tuple[str, str]:
        client = ollama.Client(host=simulator.url, trust_env=False)
        chunks = list(client.chat("sim-terse", ASK, stream=True, think=True, options={"rate": 0, "delay": 0}))
        assert [model.model for model in client.ps().models] == ["sim-terse:latest"]
        client.close()
        return "".join(chunk.message.thinking or "" for chunk in chunks), "".join(
            chunk.message.content or "" for chunk in chunks
        )

    assert await asyncio.to_thread(spoken) == reasoners.terse(ASK)


async def test_the_client_knows_every_field(official: ollama.AsyncClient) -> None:
    chunks = [chunk async for chunk in await official.chat("load?tokens=4&rate=0&think=0.5", ASK, stream=True)]
    described = [await official.list(), await official.ps(), await official.show("sim-terse")]
    assert [surprises(answer) for answer in (*chunks, *described) if surprises(answer)] == []


async def test_plain_response_equals_the_script(official: ollama.AsyncClient) -> None:
    reply = await official.chat("sim-terse", ASK, options={"rate": 0, "delay": 0})
    assert (reply.message.thinking, reply.message.content) == reasoners.terse(ASK)


async def test_load_writes_numbered_tokens_through_reasoning_and_answer(official: ollama.AsyncClient) -> None:
    chunks = [chunk async for chunk in await official.chat("load?tokens=20&rate=0&think=0.5", ASK, stream=True)]
    assert [chunk.message.thinking for chunk in chunks if chunk.message.thinking] == TOKENS[:10]
    assert [chunk.message.content for chunk in chunks if chunk.message.content] == TOKENS[10:]


async def test_thinking_can_be_switched_off(official: ollama.AsyncClient) -> None:
    reply = await official.chat("sim-terse", ASK, think=False, options={"rate": 0, "delay": 0})
    assert not reply.message.thinking
    assert reply.message.content == reasoners.terse(ASK)[1]


async def test_chatty_one_leaves_the_opening_tag_out(official: ollama.AsyncClient) -> None:
    reply = await official.chat("sim-chatty", ASK, options={"rate": 0, "delay": 0})
    reasoning, answer = reasoners.chatty(ASK)
    assert reply.message.content == f"{reasoning}\n</think>\n\n{answer}"


async def test_thinking_is_refused_by_one_that_cannot(official: ollama.AsyncClient) -> None:
    with pytest.raises(ollama.ResponseError, match='"sim-formal" does not support thinking') as refusal:
        await official.chat("sim-formal", ASK, think=True)
    assert refusal.value.status_code == 400


async def test_token_limit_ends_with_length(official: ollama.AsyncClient) -> None:
    reply = await official.chat("load?tokens=20&rate=0", ASK, options={"num_predict": 5})
    assert (reply.message.content, reply.done_reason) == ("".join(TOKENS[:5]), "length")


async def test_unknown_model_is_not_found(official: ollama.AsyncClient) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'nobody' not found") as refusal:
        await official.chat("nobody", ASK)
    assert refusal.value.status_code == 404


async def test_models_are_listed_and_described(official: ollama.AsyncClient) -> None:
    names = [model.model for model in (await official.list()).models]
    assert names == [
        "sim-chatty:latest",
        "sim-terse:latest",
        "sim-formal:latest",
        "sim-hasty:latest",
        "qwq:32b",
        "o1:latest",
    ]
    assert (await official.show("sim-terse:latest")).capabilities == ["completion", "thinking"]
    assert (await official.show("qwq:32b")).capabilities == ["completion"]


async def test_used_models_are_running(official: ollama.AsyncClient) -> None:
    assert (await official.ps()).models == []
    await official.chat("sim-hasty", ASK, options={"rate": 0, "delay": 0})
    assert [model.model for model in (await official.ps()).models] == ["sim-hasty:latest"]


async def test_pull_of_an_unknown_model_fails_inside_http_200(official: ollama.AsyncClient) -> None:
    steps = [step.status async for step in await official.pull("sim-terse", stream=True)]
    assert steps[-1] == "success"
    with pytest.raises(ollama.ResponseError, match="file does not exist"):
        [step async for step in await official.pull("nobody", stream=True)]


async def test_chat_without_messages_only_loads(client: httpx.AsyncClient) -> None:
    page = await client.post("/api/chat", json={"model": "sim-terse"})
    assert page.json()["done_reason"] == "load"


async def test_version_and_greeting(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/version")).json()["version"]
    assert (await client.get("/")).text == "Ollama is running"
    assert (await client.head("/")).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 50_000, b'{"model": 1}', b'{"messages": []}'])
async def test_malformed_body_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    page = await client.post("/api/chat", content=body)
    assert page.status_code == 400
    assert list(page.json()) == ["error"]


@pytest.mark.parametrize(
    "wish", ["rate=-1", "rate=x", "tokens=1e9", "fault=nonsense", "speed=3", "think=2", "rate=nan"]
)
async def test_wrong_direction_is_refused_by_name(client: httpx.AsyncClient, wish: str) -> None:
    page = await client.post("/api/chat", json={"model": f"load?{wish}", "messages": ASK})
    assert page.status_code == 400
    assert wish.partition("=")[0] in page.json()["error"]
