"""Folding a log changes nothing for those who begin, and takes nothing from those who follow."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import redis.asyncio
from django.conf import settings
from hypothesis import given

from arena.battles import log_keeping
from arena.battles.event_log import LOG_EXPIRY_S, LOG_LINGERS_S, LogState, encode, log_key, publish, read_log
from arena.battles.events import (
    Event,
    ResponseFailed,
    ResponseFinished,
    ResponseRestarted,
    ResponseStarted,
    ResponseWaiting,
    TextDelta,
)
from arena.battles.log_keeping import FOLD_SCRIPT, LogKeeper, fold
from arena.battles.relay import Relay
from tests.battles.test_event_log import Texts, texts_in
from tests.battles.test_event_log import events as streams
from tests.battles.test_relay import until, watching


@pytest.fixture(scope="module")
def client(redis_server: object) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(settings.REDIS_URL) as made:
        yield made


@pytest.fixture
async def relay() -> AsyncIterator[Relay]:
    made = Relay()
    yield made
    await made.close()


def say(client: redis.Redis, battle_id: uuid.UUID, *events: Event) -> None:
    client.xadd(log_key(battle_id), {"e": encode(events)})


def read(client: redis.Redis, battle_id: uuid.UUID) -> LogState:
    state = LogState(keeps_ended=False)
    for _, events in read_log(client, battle_id):
        state.apply(events)
    return state


def what_readers_know(client: redis.Redis, battle_id: uuid.UUID) -> Texts:
    """The text of what has ended is nobody's to take from the log."""
    ended = {"finished", "failed", "stopped"}
    known = texts_in(read(client, battle_id))
    return {key: (text[0], "", "", "") if text[0] in ended else text for key, text in known.items()}


@given(before=streams, after=streams)
def test_folded_log_adds_up_to_the_same(client: redis.Redis, before: list[Event], after: list[Event]) -> None:
    battle_id = uuid.uuid4()
    say(client, battle_id, *before)
    say(client, battle_id, *after)
    whole = what_readers_know(client, battle_id)
    positions = [position for position, _ in read_log(client, battle_id)]
    fold(client, battle_id)
    assert what_readers_know(client, battle_id) == whole
    assert [position for position, _ in read_log(client, battle_id)] == positions[-1:]
    say(client, battle_id, *before)
    fold(client, battle_id)
    assert client.xlen(log_key(battle_id)) == 1


def test_what_is_appended_while_a_log_is_being_folded_stays(client: redis.Redis) -> None:
    battle_id = uuid.uuid4()
    key = log_key(battle_id)
    say(client, battle_id, ResponseStarted("A", 0), TextDelta("A", 0, "r", "So "))
    end = client.xrevrange(key, count=1)[0][0]
    base = encode([*_events_of(read(client, battle_id))])
    say(client, battle_id, TextDelta("A", 0, "r", "on"))
    client.expire(key, 1000)
    assert client.eval(FOLD_SCRIPT, 2, key, f"{key}:folded", end, base) == 1
    assert read(client, battle_id).responses[0, "A"].reasoning == "So on"
    assert 0 < client.ttl(key) <= 1000
    assert client.eval(FOLD_SCRIPT, 2, key, f"{key}:folded", "1-1", base) == 0
    assert read(client, battle_id).responses[0, "A"].reasoning == "So on"


def test_base_leaves_the_text_of_what_has_ended_to_the_database(client: redis.Redis) -> None:
    battle_id = uuid.uuid4()
    say(client, battle_id, TextDelta("A", 0, "a", "x" * 10_000), ResponseFinished("A", 0))
    say(client, battle_id, TextDelta("B", 0, "a", "kept"), ResponseFailed("C", 0, "busy", "Busy."))
    fold(client, battle_id)
    assert client.memory_usage(log_key(battle_id)) < 8000
    responses = read(client, battle_id).responses
    assert [responses[0, slot].status for slot in "ABC"] == ["finished", "waiting", "failed"]
    assert responses[0, "B"].answer == "kept"
    assert responses[0, "C"].failure == ("busy", "Busy.")


def test_log_that_is_not_there_is_not_folded(client: redis.Redis) -> None:
    battle_id = uuid.uuid4()
    fold(client, battle_id)
    assert not client.exists(log_key(battle_id))


async def test_who_follows_a_log_notices_nothing_when_it_is_folded(client: redis.Redis, relay: Relay) -> None:
    battle_id = uuid.uuid4()
    say(client, battle_id, TextDelta("A", 0, "a", "begin "))

    def write() -> None:
        for number in range(300):
            say(client, battle_id, TextDelta("A", 0, "a", f"{number} "))
            if number % 10 == 0:
                fold(client, battle_id)

    async with watching(relay, str(battle_id)) as reader:
        await asyncio.to_thread(write)
        await until(lambda: reader.feed and reader.feed.state.responses[0, "A"].answer.endswith(" 299 "))
        assert reader.feed
        whole = "begin " + "".join(f"{number} " for number in range(300))
        assert reader.feed.state.responses[0, "A"].answer == whole


async def test_who_begins_with_a_base_gets_what_follows_it(client: redis.Redis, relay: Relay) -> None:
    battle_id = uuid.uuid4()
    say(client, battle_id, TextDelta("A", 0, "a", "before "))
    fold(client, battle_id)
    async with watching(relay, str(battle_id)) as reader:
        feed = reader.feed
        assert feed and feed.state.responses[0, "A"].answer == "before "
        base = reader.position = feed.position
        assert feed.reaches_back_to(base)
        assert not feed.reaches_back_to((base[0] - 1, 0))
        say(client, battle_id, TextDelta("A", 0, "a", "end"))
        assert await reader.read_to("end") == "end"


async def test_log_of_a_battle_that_plays_is_prolonged_and_folded_once_it_is_long(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_keeping, "FOLD_ENTRIES", 20)
    long, short = uuid.uuid4(), uuid.uuid4()
    for number in range(21):
        publish(client, long, [TextDelta("A", 0, "a", f"{number} ")])
    publish(client, short, [ResponseRestarted("A", 0), ResponseWaiting("A", 0, "queued")])
    assert client.ttl(log_key(long)) <= LOG_LINGERS_S
    async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as connection:
        await LogKeeper(connection).look_after([short, long, uuid.uuid4()])
    assert client.xlen(log_key(long)) == 1
    assert read(client, long).responses[0, "A"].answer == "".join(f"{number} " for number in range(21))
    assert read(client, short).responses[0, "A"].why == "queued"
    assert all(client.ttl(log_key(battle_id)) > LOG_EXPIRY_S - 60 for battle_id in (long, short))


async def test_log_of_few_large_entries_is_folded_for_its_size_and_not_for_that_of_its_base(
    client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_keeping, "FOLD_BYTES", 100_000)
    battle_id = uuid.uuid4()
    async with redis.asyncio.Redis.from_url(settings.REDIS_URL) as connection:
        keeper = LogKeeper(connection)
        lengths = []
        for _ in range(8):
            say(client, battle_id, TextDelta("A", 0, "a", "x" * 60_000))
            await keeper.look_after([battle_id])
            lengths.append(client.xlen(log_key(battle_id)))
    assert lengths == [1, 1, 2, 1, 2, 1, 2, 1]
    assert len(read(client, battle_id).responses[0, "A"].answer) == 480_000


def _events_of(state: LogState) -> Iterator[Event]:
    for (turn, slot), response in state.responses.items():
        yield ResponseStarted(slot, turn)
        yield TextDelta(slot, turn, "r", response.reasoning)
