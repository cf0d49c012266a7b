"""Frames from a real log, shared by all who watch."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from django.conf import settings

from arena.battles import relay as relay_module
from arena.battles.event_log import START, Position, encode, log_key, position_of
from arena.battles.events import ResponseFinished, TextDelta
from arena.battles.relay import Feed, Relay, Restatement

LIMIT_S = 60.0
NOTHING = {b"e": b"[]"}


@pytest.fixture
async def client() -> AsyncIterator[redis.asyncio.Redis]:
    async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as made:
        yield made


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    made = Relay()
    yield made
    await made.close()


async def write(client: redis.asyncio.Redis, battle_id: str, text: str) -> None:
    await client.xadd(log_key(battle_id), {"e": encode([TextDelta("A", 0, "a", text)])})


async def read_to(feed: Feed, end: str, position: Position = START) -> str:
    """Follow the feed until its text ends with `end`, as a socket would."""
    text = ""
    async with asyncio.timeout(LIMIT_S):
        while not text.endswith(end):
            if not await feed.news_after(position):
                continue
            frame = json.loads(feed.frame_after(position))
            position = feed.position
            assert position_of(frame["c"]) == position
            text += "".join(event[3] for event in frame["e"])
    return text


async def test_what_was_written_before_and_after_is_read_once(relay: Relay, client: redis.asyncio.Redis) -> None:
    battle_id = str(uuid.uuid4())
    await write(client, battle_id, "before ")
    async with relay.watch(battle_id) as feed:
        for number in range(50):
            await write(client, battle_id, f"{number} ")
        await write(client, battle_id, "end")
        assert await read_to(feed, "end") == "before " + "".join(f"{number} " for number in range(50)) + "end"


async def test_watcher_who_leaves_at_once_takes_nobodys_feed_away(
    relay: Relay, client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    battle_id = str(uuid.uuid4())

    async def come_and_leave() -> None:
        monkeypatch.undo()
        async with relay.watch(battle_id):
            pass

    monkeypatch.setattr(relay, "_interrupt_reader", come_and_leave)
    async with relay.watch(battle_id) as feed:
        await write(client, battle_id, "news end")
        assert await read_to(feed, "end") == "news end"


async def test_battle_that_joins_later_is_read_too(relay: Relay, client: redis.asyncio.Redis) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    async with relay.watch(first) as one, relay.watch(second) as two:
        await write(client, second, "two.")
        await write(client, first, "one.")
        assert (await read_to(one, "."), await read_to(two, ".")) == ("one.", "two.")


async def test_watchers_of_one_battle_share_its_feed(relay: Relay) -> None:
    battle_id = str(uuid.uuid4())
    async with relay.watch(battle_id) as one, relay.watch(battle_id) as two:
        assert one is two


async def test_reading_goes_on_after_the_connection_is_cut(relay: Relay, client: redis.asyncio.Redis) -> None:
    battle_id = str(uuid.uuid4())
    async with relay.watch(battle_id) as feed:
        await write(client, battle_id, "one ")
        assert await read_to(feed, "one ") == "one "
        await client.client_kill_filter(_type="normal", skipme=True)
        await write(client, battle_id, "two.")
        assert await read_to(feed, ".") == "one two."


def test_feed_without_the_cursors_past_does_not_reach_back() -> None:
    feed = Feed("x")
    feed.append(b"5-0", NOTHING)
    assert feed.reaches_back_to((5, 0))
    assert not feed.reaches_back_to((6, 0))


def test_cursor_of_a_log_that_has_expired_since_is_no_place_in_the_new_one() -> None:
    feed = Feed("x")
    assert feed.reaches_back_to(START)
    for entry_id in (b"5-0", b"9-0"):
        feed.append(entry_id, NOTHING)
    assert not feed.reaches_back_to((4, 0))
    assert [feed.reaches_back_to(place) for place in (START, (5, 0), (9, 0))] == [True] * 3


def test_feed_keeps_no_text_of_what_has_ended() -> None:
    feed = Feed("x")
    feed.append(b"5-0", {b"e": encode([TextDelta("A", 0, "a", "text"), TextDelta("B", 0, "a", "text")]).encode()})
    feed.append(b"6-0", {b"e": encode([ResponseFinished("A", 0)]).encode()})
    assert [feed.state.responses[0, slot].answer for slot in "AB"] == ["", "text"]


def test_feed_holds_so_many_entries_and_bytes_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "ENTRIES_HELD", 100)
    monkeypatch.setattr(relay_module, "BYTES_HELD", 5000)
    feed = Feed("x")
    for number in range(1, 200):
        feed.append(b"%d-0" % number, NOTHING)
    assert [feed.reaches_back_to((number, 0)) for number in (98, 99, 199)] == [False, True, True]
    for number in range(200, 210):
        feed.append(b"%d-0" % number, {b"e": encode([TextDelta("A", 0, "a", "x" * 1000)]).encode()})
    assert [feed.reaches_back_to((number, 0)) for number in (204, 205, 209)] == [False, True, True]
    feed.append(b"210-0", {b"e": encode([TextDelta("A", 0, "a", "x" * 10_000)]).encode()})
    assert [feed.reaches_back_to((number, 0)) for number in (208, 209)] == [False, True]


def test_browser_far_behind_and_browser_at_the_end_get_the_same_text() -> None:
    feed = Feed("x")
    texts = [f"{number} " for number in range(500)]
    for number, text in enumerate(texts, start=1):
        feed.append(b"%d-0" % number, {b"e": encode([TextDelta("A", 0, "a", text)]).encode()})
    for behind in (1, 2, relay_module.ENTRIES_AT_HAND, relay_module.ENTRIES_AT_HAND + 1, 400, 500):
        frame = json.loads(feed.frame_after((500 - behind, 0)))
        assert frame["e"] == [["A", 0, "a", "".join(texts[-behind:])]]


async def test_those_who_begin_at_once_are_told_what_was_read_once() -> None:
    feed, reads, may_end = Feed("x"), [], asyncio.Event()

    async def read() -> Restatement:
        reads.append(1)
        await may_end.wait()
        return START, ("told",)

    async with asyncio.timeout(LIMIT_S):
        asking = [asyncio.create_task(feed.restatement(read)) for _ in range(50)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who leaves takes it from nobody
        may_end.set()
        answers = await asyncio.gather(*asking[1:])
        assert answers == [(START, ("told",))] * 49
        assert len(reads) == 1
        await feed.restatement(read)
    assert len(reads) == 2
