"""Why an Ollama is silent before its first word, against a small one whose memory and pace a test holds in hand."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, Waiting, WaitReason
from arena.contestants.errors import ModelGone
from arena.contestants.nearness import is_ollama_cloud
from arena.contestants.providers import ollama_ps, ollama_waiting
from arena.contestants.providers.call import Call
from arena.contestants.providers.ollama_ps import Listing, short_name
from tests.contestants.servers import Asked, Connection, serving

LIMIT_S = 60
LOADING, QUEUED, UNKNOWN = Waiting(WaitReason.LOADING), Waiting(WaitReason.QUEUED), Waiting(None)
SOME_DAY = "2030-01-02T03:04:05.678901234+01:00"


class Ollama:
    """`memory` is what `/api/ps` lists: by model, until when. Who is asked writes what is put on their line."""

    def __init__(self) -> None:
        self.url = ""
        self.memory: dict[str, str | Callable[[], str]] = {}
        self.ps: object = None  # answered instead of the list
        self.looks = 0
        self.looked = asyncio.Semaphore(0)
        self.asked: asyncio.Queue[str] = asyncio.Queue()
        self.left: asyncio.Queue[str] = asyncio.Queue()
        self._lines: dict[str, asyncio.Queue[str | None]] = defaultdict(asyncio.Queue)

    def say(self, who: str, text: str | None) -> None:
        """None is the end."""
        self._lines[who].put_nowait(text)

    async def answer(self, asked: Asked, connection: Connection) -> None:
        if asked.path == "/api/ps":
            self.looks += 1
            self.looked.release()
            await connection.reply(self._list() if self.ps is None else self.ps)
            return
        who = str(asked.body["messages"][0]["content"])  # type: ignore[index]
        self.asked.put_nowait(who)
        speaking = asyncio.create_task(self._speak(who, connection))
        leaving = asyncio.create_task(connection.gone())
        try:
            await asyncio.wait((speaking, leaving), return_when=asyncio.FIRST_COMPLETED)
            if not speaking.done():
                self.left.put_nowait(who)
        finally:
            for task in (speaking, leaving):
                task.cancel()
            await asyncio.wait((speaking, leaving))

    async def _speak(self, who: str, connection: Connection) -> None:
        text = await self._lines[who].get()
        await connection.head()  # not before its first word, as Ollama does it
        while text is not None:
            await connection.send(json.dumps({"message": {"content": text}}).encode() + b"\n")
            text = await self._lines[who].get()
        await connection.send(b'{"done": true}\n')

    def _list(self) -> object:
        rows = [(name, until if isinstance(until, str) else until()) for name, until in self.memory.items()]
        return {"models": [{"name": name, "expires_at": until} for name, until in rows]}


@pytest.fixture
async def server() -> AsyncIterator[Ollama]:
    made = Ollama()
    async with asyncio.timeout(LIMIT_S), serving(made.answer) as listener:
        made.url = listener.url
        yield made


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama_waiting, "FIRST_LOOK_S", 0.01)
    monkeypatch.setattr(ollama_waiting, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(ollama_waiting, "AT_ONCE_S", 0.0)


def never_idle() -> str:
    """How the real one writes a model that is being loaded: the keep-alive from now on."""
    return (datetime.now(UTC) + timedelta(minutes=5)).isoformat()


@asynccontextmanager
async def asking(
    client: httpx.AsyncClient, server: Ollama, who: str, model: str = "qwq"
) -> AsyncIterator[AsyncGenerator[Delta, None]]:
    call = Call(server.url, model, ({"role": "user", "content": who},))
    async with aclosing(ollama_waiting.stream(client, call)) as deltas:
        yield deltas


async def begun(deltas: AsyncGenerator[Delta, None], server: Ollama, who: str) -> None:
    server.say(who, "So.")
    assert await anext(deltas) == AnswerDelta("So.")


async def rest_of(deltas: AsyncGenerator[Delta, None], server: Ollama, who: str) -> list[Delta]:
    server.say(who, "So.")
    server.say(who, None)
    return [delta async for delta in deltas]


async def test_model_that_is_not_in_memory_is_being_loaded_until_it_is(
    http_client: httpx.AsyncClient, server: Ollama
) -> None:
    async with asking(http_client, server, "A") as deltas:
        assert await anext(deltas) == LOADING
        server.memory["qwq:latest"] = SOME_DAY
        assert await anext(deltas) == UNKNOWN
        assert await rest_of(deltas, server, "A") == [AnswerDelta("So."), Finish(FinishReason.STOP, "", "So.", "So.")]


async def test_model_in_the_list_that_has_never_been_idle_is_still_being_loaded(
    http_client: httpx.AsyncClient, server: Ollama
) -> None:
    server.memory["qwq:latest"] = never_idle
    async with asking(http_client, server, "A") as deltas:
        assert await anext(deltas) == LOADING


@pytest.mark.parametrize("until", [SOME_DAY, never_idle])
async def test_request_waits_in_line_while_this_worker_has_another_answered(
    http_client: httpx.AsyncClient, server: Ollama, until: str | Callable[[], str]
) -> None:
    server.memory["qwq:latest"] = until
    async with asking(http_client, server, "A") as first, asking(http_client, server, "B") as second:
        await begun(first, server, "A")
        assert await anext(second) == QUEUED
        await rest_of(first, server, "A")
        assert await anext(second) == UNKNOWN
        await begun(second, server, "B")


async def test_model_without_room_beside_one_at_work_waits_in_line(
    http_client: httpx.AsyncClient, server: Ollama
) -> None:
    server.memory["gemma2:9b"] = SOME_DAY
    async with asking(http_client, server, "A", "gemma2:9b") as first, asking(http_client, server, "B") as second:
        await begun(first, server, "A")
        assert await anext(second) == QUEUED
        assert server.looks > 1
        await rest_of(first, server, "A")
        assert await anext(second) == LOADING


async def test_server_that_answers_several_at_once_keeps_as_many_out_of_the_line(
    http_client: httpx.AsyncClient, server: Ollama
) -> None:
    server.memory["qwq:latest"] = SOME_DAY
    async with (
        asking(http_client, server, "A") as first,
        asking(http_client, server, "B") as second,
        asking(http_client, server, "C") as third,
    ):
        await begun(first, server, "A")
        await begun(second, server, "B")
        assert await anext(third) == QUEUED
        await rest_of(first, server, "A")
        assert await anext(third) == UNKNOWN


async def test_server_that_is_quick_is_not_looked_at(
    http_client: httpx.AsyncClient, server: Ollama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ollama_waiting, "FIRST_LOOK_S", 60)
    async with asking(http_client, server, "A") as deltas:
        assert len(await rest_of(deltas, server, "A")) == 2
    assert server.looks == 0


async def test_one_look_is_enough_for_all_silent_requests(
    http_client: httpx.AsyncClient, server: Ollama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ollama_waiting, "LOOK_EVERY_S", 60)
    async with (
        asking(http_client, server, "A") as first,
        asking(http_client, server, "B", "QwQ:latest") as second,
        asking(http_client, server, "C", "gemma2") as third,
    ):
        assert await asyncio.gather(anext(first), anext(second), anext(third)) == [LOADING] * 3
    assert server.looks == 1


@pytest.mark.parametrize("ps", [b"<html>", b"", {"models": 3}, [], {"error": "no"}, b'{"models": ["' + b"x" * 300_000])
async def test_server_that_does_not_say_is_left_alone(
    http_client: httpx.AsyncClient, server: Ollama, ps: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ollama_waiting, "LOOK_EVERY_S", 0.0)
    server.ps = ps
    async with asking(http_client, server, "A") as deltas:
        upcoming = asyncio.create_task(anext(deltas))
        for _ in range(ollama_waiting.MAX_FAILED_LOOKS):
            await server.looked.acquire()
        server.say("A", "So.")
        assert await upcoming == AnswerDelta("So.")
    assert server.looks == ollama_waiting.MAX_FAILED_LOOKS


async def test_list_that_is_not_there_any_more_takes_the_reason_back(
    http_client: httpx.AsyncClient, server: Ollama
) -> None:
    async with asking(http_client, server, "A") as deltas:
        assert await anext(deltas) == LOADING
        server.ps = b"<html>"
        assert await anext(deltas) == UNKNOWN


async def test_look_that_is_never_answered_holds_nothing_up(
    http_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()

    async def answer(asked: Asked, connection: Connection) -> None:
        if asked.path == "/api/ps":
            looked.set()
            await connection.gone()
        await looked.wait()
        await connection.reply(b'{"message": {"content": "So."}, "done": true}\n')

    monkeypatch.setattr(ollama_ps, "LOOK_TIMEOUT_S", 3600.0)
    async with asyncio.timeout(LIMIT_S), serving(answer) as listener:
        call = Call(listener.url, "qwq", ({"role": "user", "content": "A"},))
        assert [delta async for delta in ollama_waiting.stream(http_client, call)][0] == AnswerDelta("So.")


async def test_stop_while_it_waits_closes_the_connection(http_client: httpx.AsyncClient, server: Ollama) -> None:
    async def listen() -> None:
        async with asking(http_client, server, "A") as deltas:
            async for delta in deltas:
                assert delta == LOADING
                told.set()

    told = asyncio.Event()
    listener = asyncio.create_task(listen())
    await told.wait()
    listener.cancel()
    assert await server.left.get() == "A"
    with pytest.raises(asyncio.CancelledError):
        await listener


async def test_stop_before_the_first_look_closes_the_connection(
    http_client: httpx.AsyncClient, server: Ollama, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ollama_waiting, "FIRST_LOOK_S", 60)
    async with asking(http_client, server, "A") as deltas:
        upcoming = asyncio.create_task(anext(deltas))
        assert await server.asked.get() == "A"
        upcoming.cancel()
        assert await server.left.get() == "A"
        with pytest.raises(asyncio.CancelledError):
            await upcoming


async def test_closing_it_where_it_waits_closes_the_connection(http_client: httpx.AsyncClient, server: Ollama) -> None:
    async with asking(http_client, server, "A") as deltas:
        assert await anext(deltas) == LOADING
        await deltas.aclose()
        assert await server.left.get() == "A"


async def test_closing_it_in_mid_stream_closes_the_connection_and_frees_the_line(
    http_client: httpx.AsyncClient, server: Ollama
) -> None:
    server.memory["qwq:latest"] = SOME_DAY
    async with asking(http_client, server, "A") as first, asking(http_client, server, "B") as second:
        await begun(first, server, "A")
        assert await anext(second) == QUEUED
        await first.aclose()
        assert await server.left.get() == "A"
        assert await anext(second) == UNKNOWN


async def test_refusal_comes_through(http_client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ollama_waiting, "FIRST_LOOK_S", 60)

    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.reply({"error": "model 'qwq' not found"}, 404)

    async with asyncio.timeout(LIMIT_S), serving(answer) as listener:
        call = Call(listener.url, "qwq", ({"role": "user", "content": "A"},))
        with pytest.raises(ModelGone):
            await anext(ollama_waiting.stream(http_client, call))


async def test_model_that_its_server_only_passes_on_is_never_loaded(
    http_client: httpx.AsyncClient, server: Ollama
) -> None:
    async with asking(http_client, server, "A", "gpt-oss:120b-cloud") as deltas:
        upcoming = asyncio.create_task(anext(deltas))
        assert await server.asked.get() == "A"
        async with asking(http_client, server, "B") as other:
            assert await anext(other) == LOADING
        server.say("A", "So.")
        assert await upcoming == AnswerDelta("So.")


@pytest.mark.parametrize(
    ("model", "listed"),
    [
        ("qwq", "qwq:latest"),
        ("QwQ:32B", "qwq:32b"),
        ("library/qwq", "qwq:latest"),
        ("registry.ollama.ai/library/qwq:32b", "qwq:32b"),
        ("hf.co/someone/marco-o1", "hf.co/someone/marco-o1:latest"),
        ("localhost:5000/someone/x", "localhost:5000/someone/x:latest"),
    ],
)
def test_model_is_found_under_the_name_that_the_list_has(model: str, listed: str) -> None:
    assert short_name(model) == short_name(listed) == listed


def test_only_tags_of_the_cloud_are_the_clouds() -> None:
    models = ["gpt-oss:120b-cloud", "glm-4.6:cloud", "cloud", "cloud:7b", "someone/cloud-cover"]
    assert [is_ollama_cloud(model) for model in models] == [True, True, True, False, False]


NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before_s", "after_s", "is_new"),
    [(0, 2.5, True), (0, 2.9, True), (0, 0, False), (0, 300, False), (0, -2.5, False), (None, 2.5, None)],
)
def test_expiry_that_moves_with_the_clock_was_never_set(
    before_s: float | None, after_s: float, is_new: bool | None
) -> None:
    earlier = {} if before_s is None else {"qwq:latest": NOON + timedelta(seconds=before_s)}
    before = Listing(10.0, {**earlier})
    assert Listing(12.5, {"qwq:latest": NOON + timedelta(seconds=after_s)}).is_new("qwq", before) is is_new


def test_list_without_expiries_has_what_is_loaded() -> None:
    before, after = Listing(10.0, {"qwq:latest": None}), Listing(12.5, {"qwq:latest": None})
    assert (after.has("qwq"), after.is_new("qwq", before)) == (True, False)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from([SOME_DAY, "9999999-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["models", "name", "expires_at"]), inner),
)


@given(st.one_of(st.binary(), JSON.map(lambda value: json.dumps(value).encode())))
def test_list_of_any_shape_is_read_or_left(body: bytes) -> None:
    try:
        listing = ollama_ps.listing(body, looked_at=1.0)
    except ValueError:
        return
    assert all(isinstance(name, str) for name in listing.expiries)
