"""Several clocks: one sends, the others stand by and take over."""

from collections.abc import Iterator

import pytest
import redis
from django.conf import settings

from arena.celery import app
from arena.running import clock, redis_clients
from arena.running.clock import LOOK_EVERY_S, SharedClock

EVERYTHING = sorted(settings.CELERY_BEAT_SCHEDULE)
OFTEN = "show that a worker takes tasks"  # every 5 s


class Clock(SharedClock):
    """One whose messages are only noted."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        super().__init__(app)

    def apply_entry(self, entry: object, producer: object = None) -> None:
        self.sent.append(entry.name)  # type: ignore[attr-defined]

    @property
    def producer(self) -> None:  # type: ignore[override]
        """None is needed."""


class Time:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(clock, "time", time)
    return time


@pytest.fixture(autouse=True)
def own_lease(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(clock, "LEASE_KEY", "test:clock")
    yield
    redis_clients.client().delete("test:clock")


def test_the_first_sends_everything_at_once(time: Time) -> None:
    first = Clock()
    assert 0 <= first.tick() <= LOOK_EVERY_S
    assert sorted(first.sent) == EVERYTHING


def test_what_was_sent_is_sent_again_when_its_time_has_come(time: Time) -> None:
    first = Clock()
    first.tick()
    first.sent.clear()
    time.now += 4.9
    first.tick()
    assert first.sent == []
    time.now += 0.2
    first.tick()
    assert first.sent == [OFTEN]


def test_of_two_only_one_sends(time: Time) -> None:
    first, second = Clock(), Clock()
    for _ in range(60):
        first.tick()
        assert second.tick() == LOOK_EVERY_S
        time.now += 1
    assert second.sent == []
    assert first.sent.count(OFTEN) == 12


def test_the_second_takes_over_at_once_when_the_first_is_stopped(time: Time) -> None:
    first, second = Clock(), Clock()
    first.tick()
    second.tick()
    first.close()
    second.tick()
    assert sorted(second.sent) == EVERYTHING


def test_the_second_takes_over_when_the_first_has_died(time: Time) -> None:
    first, second = Clock(), Clock()
    first.tick()
    redis_clients.client().delete("test:clock")  # as it does by itself after LEASE_S
    second.tick()
    assert sorted(second.sent) == EVERYTHING


def test_one_that_was_paused_sends_nothing_once_another_has_taken_over(time: Time) -> None:
    first, second = Clock(), Clock()
    first.tick()
    first.sent.clear()
    redis_clients.client().delete("test:clock")
    second.tick()
    time.now += 3600
    first.tick()
    assert first.sent == []
    first.close()
    first.tick()
    assert first.sent == [], "it let go of a lease that was not its own"


def test_the_lease_runs_out_by_itself(time: Time) -> None:
    Clock().tick()
    assert 0 < redis_clients.client().pttl("test:clock") <= clock.LEASE_S * 1000  # type: ignore[operator]


def test_without_redis_nothing_is_sent_and_one_line_says_so(
    time: Time, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone() -> redis.Redis:
        raise redis.ConnectionError("nobody listens")

    first = Clock()
    with monkeypatch.context() as away:
        away.setattr(redis_clients, "client", gone)
        assert [first.tick() for _ in range(5)] == [LOOK_EVERY_S] * 5
        assert len([line for line in caplog.messages if "Redis is away" in line]) == 1
    assert first.sent == []
    first.tick()
    assert sorted(first.sent) == EVERYTHING
