"""Frames from a real log, shared by all who watch: told once, kept no longer than need be."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import redis.asyncio
from django.conf import settings

from arena.battles import feeds
from arena.battles import relay as relay_module
from arena.battles.event_log import START, encode, log_key, position_of
from arena.battles.events import Event, ResponseFinished, TextDelta
from arena.battles.feeds import Feed
from arena.battles.relay import Relay

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


async def write(client: redis.asyncio.Redis, battle_id: str, *said: str | Event) -> None:
    events = [TextDelta("A", 0, "a", some) if isinstance(some, str) else some for some in said]
    await client.xadd(log_key(battle_id), {"e": encode(events)})


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not is_so():  # noqa: ASYNC110  # what is waited for has no event of its own
            await asyncio.sleep(0.01)


async def blocked_reader(client: redis.asyncio.Redis) -> None:
    """Wait until one waits for news: after text it rests a little."""
    async with asyncio.timeout(LIMIT_S):
        while not any(one["cmd"] == "xread" and "b" in one["flags"] for one in await client.client_list()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


class Reader:
    """Follows a feed as a socket does that always has room."""

    def __init__(self) -> None:
        self.feed: Feed | None = None
        self.position = START
        self.text = ""
        self.frames: list[str] = []
        self.signs_of_life = 0
        self.is_to_come_again = False

    def look(self) -> None:
        assert self.feed is not None
        if self.feed.position > self.position:
            frame = self.feed.frame_after(self.position)
            self.position = self.feed.position
            assert position_of(json.loads(frame)["c"]) in {
                self.position,
                START,
            }  # that is none, while the log is in doubt
            self.frames.append(frame)
            self.text += "".join(event[3] for event in json.loads(frame)["e"] if isinstance(event, list))

    def say_alive(self) -> None:
        self.signs_of_life += 1

    def come_again(self) -> None:
        self.is_to_come_again = True

    async def read_to(self, end: str) -> str:
        await until(lambda: self.text.endswith(end))
        return self.text


@asynccontextmanager
async def watching(relay: Relay, battle_id: str) -> AsyncIterator[Reader]:
    reader = Reader()
    async with relay.watch(battle_id, reader) as feed:
        reader.feed = feed
        reader.look()
        yield reader


async def test_what_was_written_before_and_after_is_read_once(relay: Relay, client: redis.asyncio.Redis) -> None:
    battle_id = str(uuid.uuid4())
    await write(client, battle_id, "before ")
    async with watching(relay, battle_id) as reader:
        for number in range(50):
            await write(client, battle_id, f"{number} ")
        await write(client, battle_id, "end")
        assert await reader.read_to("end") == "before " + "".join(f"{number} " for number in range(50)) + "end"


async def test_watcher_who_leaves_at_once_takes_nobodys_feed_away(relay: Relay, client: redis.asyncio.Redis) -> None:
    battle_id = str(uuid.uuid4())
    async with watching(relay, battle_id):
        async with watching(relay, battle_id) as reader:
            pass
        await write(client, battle_id, "nothing")
    async with watching(relay, battle_id) as reader:
        await write(client, battle_id, "news end")
        assert await reader.read_to("end") == "nothingnews end"


async def test_battle_that_joins_later_is_read_too(relay: Relay, client: redis.asyncio.Redis) -> None:
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    async with watching(relay, first) as one, watching(relay, second) as two:
        await write(client, second, "two.")
        await write(client, first, "one.")
        assert (await one.read_to("."), await two.read_to(".")) == ("one.", "two.")


async def test_two_hundred_watchers_cost_one_feed_and_one_encoding_of_each_frame(
    relay: Relay, client: redis.asyncio.Redis
) -> None:
    battle_id = str(uuid.uuid4())
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(watching(relay, battle_id)) for _ in range(200)]
        assert len({id(reader.feed) for reader in readers}) == 1
        for number in range(20):
            await write(client, battle_id, f"{number} ")
        await write(client, battle_id, "end")
        for reader in readers:
            await reader.read_to("end")
        assert len({id(frame) for reader in readers for frame in reader.frames}) == len(readers[0].frames)
        blocked = [one for one in await client.client_list() if one["cmd"] == "xread"]
        assert len(blocked) <= 2


async def test_reading_goes_on_after_the_connection_is_cut(relay: Relay, client: redis.asyncio.Redis) -> None:
    battle_id = str(uuid.uuid4())
    async with watching(relay, battle_id) as reader:
        await write(client, battle_id, "one ")
        assert await reader.read_to("one ") == "one "
        await client.client_kill_filter(_type="normal", skipme=True)
        await write(client, battle_id, "two.")
        assert await reader.read_to(".") == "one two."


async def test_those_who_watch_a_log_that_redis_has_forgotten_come_again(
    relay: Relay, client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What still ran has ended meanwhile, and nobody tells them. Those who have seen the end may stay."""
    monkeypatch.setattr(relay_module, "TOLD_ANEW_WITHIN_S", 0.0)
    lost, ended, kept = (str(uuid.uuid4()) for _ in range(3))
    async with watching(relay, lost) as one, watching(relay, ended) as two, watching(relay, kept) as three:
        await write(client, lost, "one.")
        await write(client, ended, "two.", ResponseFinished("A", 0))
        await write(client, kept, "three.")
        for reader in (one, two, three):
            await reader.read_to(".")
        await until(lambda: two.feed and two.feed.is_at_rest)
        await client.delete(log_key(lost), log_key(ended))
        await client.client_kill_filter(_type="normal", skipme=True)
        await until(lambda: one.is_to_come_again)
        async with watching(relay, lost) as again:
            await write(client, lost, "anew.")
            assert await again.read_to(".") == "anew."
        await write(client, kept, " And on.")
        assert await three.read_to("on.") == "three. And on."
        assert not two.is_to_come_again


async def test_no_cursor_is_given_while_a_log_may_be_lost(
    relay: Relay, client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read then may be of a new log: a cursor in that one would hide for ever what only the old one told."""
    monkeypatch.setattr(relay_module, "TOLD_ANEW_WITHIN_S", LIMIT_S)
    battle_id = str(uuid.uuid4())
    async with watching(relay, battle_id) as reader:
        await write(client, battle_id, "one ")
        await reader.read_to("one ")
        feed, before = reader.feed, reader.feed.position if reader.feed else START
        assert feed and position_of(feed.cursor) == before
        await client.delete(log_key(battle_id))
        await client.client_kill_filter(_type="normal", skipme=True)
        await until(lambda: feed.last_seen)
        await write(client, battle_id, "of another log.")
        await until(lambda: feed.position > before)
        assert position_of(feed.cursor) == START
        assert json.loads(feed.frame_after(before))["c"] == feed.cursor


async def test_cursors_are_given_again_once_a_log_is_known_to_be_there(
    relay: Relay, client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "TOLD_ANEW_WITHIN_S", 0.0)
    battle_id = str(uuid.uuid4())
    async with watching(relay, battle_id) as reader:
        await write(client, battle_id, "one ")
        await reader.read_to("one ")
        feed = reader.feed
        assert feed
        doubts: list[bytes] = []
        monkeypatch.setattr(feed, "doubt", lambda: (type(feed).doubt(feed), doubts.append(feed.last_seen)))
        await client.client_kill_filter(_type="normal", skipme=True)
        await until(lambda: doubts and not feed.last_seen)
        assert doubts == [feed.entry_id]
        assert position_of(feed.cursor) == feed.position


async def test_command_to_unblock_that_comes_too_early_is_repeated(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may overtake the one that blocks: the battle that has joined would wait for the end of the block."""
    monkeypatch.setattr(relay_module, "BLOCK_MS", 600_000)
    made = Relay()
    unblock, asked = made._client.client_unblock, []

    async def lost_at_first(reader_id: int) -> object:
        asked.append(reader_id)
        return await unblock(reader_id) if len(asked) > 3 else 0

    monkeypatch.setattr(made._client, "client_unblock", lost_at_first)
    try:
        first, second = str(uuid.uuid4()), str(uuid.uuid4())
        async with watching(made, first) as one:
            await write(client, first, "one.", ResponseFinished("A", 0))  # after text the reader would rest, unblocked
            await one.read_to(".")
            await blocked_reader(client)
            async with watching(made, second) as two:
                await write(client, second, "two.")
                assert await two.read_to(".") == "two."
        assert len(asked) > 3
    finally:
        await made.close()


async def test_battle_at_rest_is_read_apart_holds_nothing_and_wakes_with_its_news(
    client: redis.asyncio.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "QUIET_AFTER_S", 0.0)
    monkeypatch.setattr(relay_module, "ALIVE_EVERY_S", 0.6)
    made = Relay()
    ended, running = str(uuid.uuid4()), str(uuid.uuid4())
    try:
        async with watching(made, ended) as one, watching(made, running) as two:
            await write(client, running, "still running")
            await write(client, ended, "text", ResponseFinished("A", 0))
            await one.read_to("text")
            await two.read_to("running")
            await until(lambda: log_key(ended).encode() in made._quiet.feeds)
            assert log_key(running).encode() in made._live.feeds
            assert one.feed is not None
            assert one.feed.reaches_back_to(one.position)
            assert not one.feed.reaches_back_to(START)
            assert not one.feed.state.responses
            await write(client, ended, " and news")
            assert await one.read_to("news") == "text and news"
            assert log_key(ended).encode() in made._live.feeds
    finally:
        await made.close()


async def test_signs_of_life_are_spread_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand sockets written to in one moment would hold up those that stream."""
    monkeypatch.setattr(relay_module, "ALIVE_EVERY_S", 0.6)
    monkeypatch.setattr(relay_module, "BEATS", 6)
    made = Relay()
    try:
        async with AsyncExitStack() as stack:
            readers = [await stack.enter_async_context(watching(made, str(uuid.uuid4()))) for _ in range(12)]
            assert {len(group) for group in made._groups} == {2}
            await until(lambda: all(reader.signs_of_life for reader in readers))
        assert {len(group) for group in made._groups} == {0}
    finally:
        await made.close()


def test_feed_holds_no_more_than_a_browser_should_have_to_catch_up_with() -> None:
    feed = Feed("x")
    entry = encode([TextDelta("A", 0, "a", "x" * 1000)]).encode()
    for number in range(1, 1001):
        feed.append(b"%d-0" % number, entry)
    assert feed._bytes_held <= feeds.BYTES_HELD
    assert feed.reaches_back_to((900, 0))
    assert not feed.reaches_back_to((100, 0))


def test_feed_without_the_cursors_past_does_not_reach_back() -> None:
    feed = Feed("x")
    feed.append(b"5-0", b"[]")
    assert feed.reaches_back_to((5, 0))
    assert not feed.reaches_back_to((6, 0))


def test_cursor_of_a_log_that_has_expired_since_is_no_place_in_the_new_one() -> None:
    feed = Feed("x")
    assert feed.reaches_back_to(START)
    for entry_id in (b"5-0", b"9-0"):
        feed.append(entry_id, b"[]")
    assert not feed.reaches_back_to((4, 0))
    assert [feed.reaches_back_to(place) for place in (START, (5, 0), (9, 0))] == [True] * 3


def test_feed_keeps_no_text_of_what_has_ended() -> None:
    feed = Feed("x")
    feed.append(b"5-0", encode([TextDelta("A", 0, "a", "text"), TextDelta("B", 0, "a", "text")]).encode())
    feed.append(b"6-0", encode([ResponseFinished("A", 0)]).encode())
    assert [feed.state.responses[0, slot].answer for slot in "AB"] == ["", "text"]


def test_feed_holds_so_many_entries_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "ENTRIES_HELD", 100)
    feed = Feed("x")
    for number in range(1, 200):
        feed.append(b"%d-0" % number, b"[]")
    assert [feed.reaches_back_to((number, 0)) for number in (98, 99, 199)] == [False, True, True]


def test_browser_far_behind_and_browser_at_the_end_get_the_same_text() -> None:
    feed = Feed("x")
    texts = [f"{number} " for number in range(500)]
    for number, text in enumerate(texts, start=1):
        feed.append(b"%d-0" % number, encode([TextDelta("A", 0, "a", text)]).encode())
    for behind in (1, 2, feeds.ENTRIES_AT_HAND, feeds.ENTRIES_AT_HAND + 1, 400, 500):
        frame = json.loads(feed.frame_after((500 - behind, 0)))
        assert frame["e"] == [["A", 0, "a", "".join(texts[-behind:])]]
