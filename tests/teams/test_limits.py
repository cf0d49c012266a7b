"""So often and no more, whatever becomes of Redis."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from django.conf import LazySettings

from arena.teams import limits
from arena.teams.errors import TooMany
from arena.teams.limits import Allowance, AsyncCounts, Counts, Deed

THREE_AN_HOUR = Allowance(3, period_s=3600)
NOBODY = "unix:///nowhere/redis.sock"


@pytest.fixture
async def in_a_loop() -> AsyncIterator[AsyncCounts]:
    counts = AsyncCounts()
    yield counts
    await counts.close()


@pytest.fixture
def someone() -> str:
    """Redis is shared by all tests of the process, and remembers."""
    return f"someone {time.monotonic_ns()}"


def test_an_allowance_may_be_used_up_at_once_and_fills_up_evenly(someone: str) -> None:
    counts = Counts()
    assert [counts.wait_s(someone, THREE_AN_HOUR) for _ in range(3)] == [0, 0, 0]
    assert 1190 < counts.wait_s(someone, THREE_AN_HOUR) <= 1200
    assert counts.wait_s(f"not {someone}", THREE_AN_HOUR) == 0


def test_several_processes_count_together(someone: str) -> None:
    here, there = Counts(), Counts()
    assert [counts.wait_s(someone, THREE_AN_HOUR) for counts in (here, there, here)] == [0, 0, 0]
    assert there.wait_s(someone, THREE_AN_HOUR) > 0


def test_what_is_refused_is_not_counted(someone: str) -> None:
    soon = Allowance(100, period_s=1)
    counts = Counts()
    passed, deadline = 0, time.monotonic() + 10
    while passed < 103 and time.monotonic() < deadline:
        passed += counts.wait_s(someone, soon) == 0
    assert passed == 103


def test_nothing_is_counted_where_there_is_no_limit(someone: str) -> None:
    assert {Counts().wait_s(someone, Allowance(0)) for _ in range(5)} == {0}


def test_without_redis_each_process_counts_for_itself(settings: LazySettings, someone: str) -> None:
    settings.REDIS_URL = NOBODY
    here, there = Counts(), Counts()
    assert [here.wait_s(someone, THREE_AN_HOUR) for _ in range(3)] == [0, 0, 0]
    assert 1190 < here.wait_s(someone, THREE_AN_HOUR) <= 1200
    assert there.wait_s(someone, THREE_AN_HOUR) == 0


async def test_an_event_loop_counts_with_the_threads(in_a_loop: AsyncCounts, someone: str) -> None:
    assert [await in_a_loop.wait_s(someone, THREE_AN_HOUR) for _ in range(3)] == [0, 0, 0]
    assert await in_a_loop.wait_s(someone, THREE_AN_HOUR) > 0
    assert await asyncio.to_thread(Counts().wait_s, someone, THREE_AN_HOUR) > 0


async def test_an_event_loop_without_redis_counts_for_itself(settings: LazySettings, someone: str) -> None:
    settings.REDIS_URL = NOBODY
    counts = AsyncCounts()
    assert [await counts.wait_s(someone, THREE_AN_HOUR) for _ in range(3)] == [0, 0, 0]
    assert await counts.wait_s(someone, THREE_AN_HOUR) > 0


def test_addresses_and_names_are_not_readable_in_redis() -> None:
    assert "192.0.2.1" not in limits._key("address:vote:192.0.2.1")
    assert limits._key("address:vote:192.0.2.1") == limits._key("address:vote:192.0.2.1")


def test_no_more_is_remembered_than_has_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REMEMBERED", 10)
    now = time.monotonic()
    moments = {str(number): now - 5 + number for number in range(10)}
    limits._forget_past(moments)
    assert set(moments) == {"6", "7", "8", "9"} | ({"5"} & set(moments))
    crowd = {str(number): now + 60 for number in range(10)}
    limits._forget_past(crowd)
    assert set(crowd) == {"5", "6", "7", "8", "9"}


@pytest.mark.parametrize("network", ["127.0.0.1", "127.4.5.6", "::1"])
def test_questions_from_this_machine_are_its_operators_business(settings: LazySettings, network: str) -> None:
    settings.ARENA_ADDRESS_QUESTIONS_PER_MINUTE = settings.ARENA_PERSON_QUESTIONS_PER_MINUTE = 7
    settings.ARENA_ADDRESS_BALLOTS_PER_MINUTE = 9
    assert limits.of_address(Deed.ASK, network).times == limits.of_person(Deed.ASK, network).times == 0
    assert limits.of_address(Deed.VOTE, network).times == 9
    assert limits.of_address(Deed.ASK, "192.0.2.1").times == limits.of_person(Deed.ASK, "192.0.2.1").times == 7


def test_where_no_address_can_be_told_persons_are_still_held_back(settings: LazySettings, someone: str) -> None:
    settings.ARENA_ADDRESS_BALLOTS_PER_MINUTE = settings.ARENA_PERSON_BALLOTS_PER_MINUTE = 1
    assert limits.of_address(Deed.VOTE, "").times == 0
    limits.hold_back_person(Deed.VOTE, someone, "")
    with pytest.raises(TooMany, match="more than 1 ballots in a minute.*try again in 60 seconds") as refused:
        limits.hold_back_person(Deed.VOTE, someone, "")
    assert refused.value.retry_after_s in (59, 60)


def test_asking_and_voting_are_counted_apart(settings: LazySettings, someone: str) -> None:
    settings.ARENA_PERSON_QUESTIONS_PER_MINUTE = settings.ARENA_PERSON_BALLOTS_PER_MINUTE = 1
    limits.hold_back_person(Deed.VOTE, someone, "192.0.2.1")
    limits.hold_back_person(Deed.ASK, someone, "192.0.2.1")
    with pytest.raises(TooMany, match="questions"):
        limits.hold_back_person(Deed.ASK, someone, "192.0.2.1")


@pytest.mark.parametrize(
    ("wait_s", "words"),
    [(0.2, "1 second"), (1.5, "2 seconds"), (119, "119 seconds"), (121, "3 minutes"), (3600, "60 minutes")],
)
def test_waits_are_said_in_words(wait_s: float, words: str) -> None:
    assert limits.in_words(wait_s) == words
