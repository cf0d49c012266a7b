"""Frames from a real log, shared by all who watch."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator

import pytest
import redis.asyncio
from django.conf import settings

from arena.battles.event_log import START, encode, log_key, position_of
from arena.battles.events import TextDelta
from arena.battles.relay import Feed, Relay

LIMIT_S = 60.0


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


async def read_to(feed: Feed, end: str) -> str:
    """Follow the feed until its text ends with `end`, as a socket would."""
    text, position = "", START
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
    feed.append(b"5-0", [])
    assert feed.reaches_back_to((5, 0))
    assert not feed.reaches_back_to((6, 0))


def test_cursor_of_a_log_that_has_expired_since_is_no_place_in_the_new_one() -> None:
    feed = Feed("x")
    assert feed.reaches_back_to(START)
    for entry_id in (b"5-0", b"9-0"):
        feed.append(entry_id, [])
    assert not feed.reaches_back_to((4, 0))
    assert [feed.reaches_back_to(place) for place in (START, (5, 0), (9, 0))] == [True] * 3
