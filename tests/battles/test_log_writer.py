"""Fenced, repeatable appends on a real Redis."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import redis.asyncio
from django.conf import settings

from arena.battles import log_writer
from arena.battles.event_log import LogState, decode, log_key
from arena.battles.events import ResponseSnapshot, TextDelta
from arena.battles.leases import SWEPT, lease_key
from arena.battles.log_writer import PENDING_MAX, LogWriter, RunLog

LIMIT_S = 60.0


class Bench:
    def __init__(self, client: redis.asyncio.Redis, writer: LogWriter, log: RunLog, battle_id: uuid.UUID) -> None:
        self.client, self.writer, self.log, self.battle_id = client, writer, log, battle_id
        self.calls: list[str] = []

    async def answer(self) -> str:
        state = LogState()
        for _, fields in await self.client.xrange(log_key(self.battle_id)):
            state.apply(decode(fields))
        return state.responses[0, "A"].answer if state.responses else ""


@asynccontextmanager
async def bench(*, is_given_up: bool = False) -> AsyncIterator[Bench]:
    async def is_ours() -> bool:
        return not is_given_up

    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    writer = LogWriter(client)
    battle_id, run_id = uuid.uuid4(), uuid.uuid4().hex
    calls: list[str] = []
    log = RunLog(
        run_id,
        battle_id,
        restate=lambda: [ResponseSnapshot("A", 0, "", "all so far", "streaming")],
        is_ours=is_ours,
        on_fenced=lambda: calls.append("fenced"),
    )
    await client.set(lease_key(run_id), "0", px=10_000)
    work = asyncio.create_task(writer.work())
    try:
        made = Bench(client, writer, log, battle_id)
        made.calls = calls
        yield made
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        await client.aclose()


async def test_text_arrives_whole_and_in_order() -> None:
    async with bench() as made:
        for number in range(200):
            made.writer.add(made.log, TextDelta("A", 0, "a", f"{number} "), urgent=number == 0)
            if number % 50 == 0:
                await made.log.drained()
        await made.log.drained()
        assert await made.answer() == "".join(f"{number} " for number in range(200))


async def test_repeated_append_is_not_doubled() -> None:
    async with bench() as made:
        made.writer.add(made.log, TextDelta("A", 0, "a", "once"))
        await made.log.drained()
        made.log.entry = '[["A",0,"a","once"]]'  # as after a connection that was cut before the reply
        made.log._idle.clear()
        made.writer.mark(made.log)
        await made.log.drained()
        assert await made.answer() == "once"


async def test_swept_run_writes_nothing_more() -> None:
    async with bench() as made:
        await made.client.set(made.log.lease, SWEPT)
        made.writer.add(made.log, TextDelta("A", 0, "a", "zombie"))
        await made.log.drained()
        assert (made.calls, await made.answer()) == (["fenced"], "")


async def test_closed_run_waits_for_nothing_that_comes_late() -> None:
    async with bench() as made:
        made.log.close()
        made.writer.add(made.log, TextDelta("A", 0, "a", "too late"))
        made.log.begin_anew()
        async with asyncio.timeout(LIMIT_S):
            await made.log.drained()
        assert await made.answer() == ""


async def test_forgotten_run_says_everything_again() -> None:
    async with bench() as made:
        made.writer.add(made.log, TextDelta("A", 0, "a", "all "))
        await made.log.drained()
        await made.client.delete(made.log.lease, made.log.log)
        made.writer.add(made.log, TextDelta("A", 0, "a", "so far"))
        async with asyncio.timeout(LIMIT_S):
            await made.log.drained()
        made.writer.add(made.log, TextDelta("A", 0, "a", ", and more"))
        await made.log.drained()
        assert await made.answer() == "all so far, and more"


async def test_forgotten_script_is_loaded_again() -> None:
    async with bench() as made:
        made.writer.add(made.log, TextDelta("A", 0, "a", "one "))
        await made.log.drained()
        await made.client.script_flush()
        made.writer.add(made.log, TextDelta("A", 0, "a", "two"))
        async with asyncio.timeout(LIMIT_S):
            await made.log.drained()
        assert await made.answer() == "one two"


async def test_run_that_was_given_up_before_redis_forgot_it_writes_nothing_more() -> None:
    async with bench(is_given_up=True) as made:
        await made.client.delete(lease_key(made.log.run_id))  # and with it the mark of the sweep
        made.writer.add(made.log, TextDelta("A", 0, "a", "from the dead"), urgent=True)
        async with asyncio.timeout(LIMIT_S):
            await made.log.drained()
        assert (made.calls, await made.answer(), made.log.is_fenced) == (["fenced"], "", True)
        assert not await made.client.exists(lease_key(made.log.run_id))


async def test_what_gathers_while_redis_is_away_is_joined() -> None:
    async with bench() as made:
        for number in range(5000):
            made.writer.add(made.log, TextDelta("A", 0, "a", f"{number} "))
            assert len(made.log.pending) <= PENDING_MAX
        async with asyncio.timeout(LIMIT_S):
            await made.log.drained()
        assert await made.answer() == "".join(f"{number} " for number in range(5000))


async def test_urgent_append_of_one_run_leaves_the_others_to_gather(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "FLUSH_EVERY_S", LIMIT_S)
    async with bench() as made:
        await made.client.set(lease_key("other"), "0", px=10_000)
        other = RunLog("other", uuid.uuid4(), restate=list, on_fenced=lambda: None, is_ours=made.log.is_ours)
        made.writer.add(made.log, TextDelta("A", 0, "a", "at once, "), urgent=True)
        await made.log.drained()
        made.writer.add(made.log, TextDelta("A", 0, "a", "and later"))
        made.writer.add(other, TextDelta("A", 0, "a", "at once"), urgent=True)
        await other.drained()
        assert made.log.has_work
        assert await made.answer() == "at once, "


async def test_many_streams_take_turns_and_few_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "STREAMS_PER_TURN", 2)
    async with bench() as made, asyncio.timeout(LIMIT_S):
        assert await turns_of(made.writer, streams=2) == [1, 1]
        assert await turns_of(made.writer, streams=9) == [1, 1, 2, 2, 3, 3, 3, 3, 3]


async def turns_of(writer: LogWriter, *, streams: int) -> list[int]:
    """In which flush from now on each of them, pausing one after the other, is read again."""

    async def turn() -> int:
        began_at = writer._flushes
        await writer.before_next_flush()
        return writer._flushes - began_at

    return await asyncio.gather(*(turn() for _ in range(streams)))
