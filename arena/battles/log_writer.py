"""The writing end of the logs in a worker: gathers the events of all its runs and appends them in batches.

The first text of a response is appended at once; after that one call per `FLUSH_EVERY_S` carries what all runs of the
process have gathered, one log entry per run. Where many run, each stream is read before every second or third flush
only, and brings more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import redis.asyncio
from redis.exceptions import RedisError

from arena.battles.event_log import LOG_ENTRIES_MAX, LOG_EXPIRY_S, encode, joined, log_key
from arena.battles.events import Event
from arena.battles.leases import APPEND_SCRIPT, LEASE_S, OPEN_RUNS, RESTORE_SCRIPT, Append, lease_key

logger = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.033
# Few streams are read before every flush; many take turns, so that each flush has less to carry at once.
STREAMS_PER_TURN = 50
TURNS_MAX = 3
# So long the streams whose turn it is are read, before what they bring is appended.
READ_FOR_S = 0.002
BACK_OFF_MAX_S = 2.0
# While Redis is away, what waits to be appended is joined: one delta a token takes thirty times its text.
PENDING_MAX = 500


class RunLog:
    """What one run has to append.

    `restate` gives events that say everything so far, for a Redis that has forgotten it; `is_ours` tells if they are
    still this run's to say, for such a Redis does not know that the run was given up for dead. `on_fenced` is called
    when it was: another run has, or will have, these responses.
    """

    def __init__(
        self,
        run_id: str,
        battle_id: UUID,
        *,
        restate: Callable[[], list[Event]],
        is_ours: Callable[[], Awaitable[bool]],
        on_fenced: Callable[[], None],
    ) -> None:
        self.run_id = run_id
        self.lease = lease_key(run_id)
        self.log = log_key(battle_id)
        self.restate = restate
        self.is_ours = is_ours
        self.on_fenced = on_fenced
        self.number = 0
        self.pending: list[Event] = []
        self.entry = ""  # taken from `pending`, appended under `number`, not yet confirmed
        self.is_lost = False
        self.is_confirmed = False  # once lost: to be ours
        self.is_fenced = False
        self.is_closed = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def has_work(self) -> bool:
        """Nothing may be appended between the loss and its confirmation."""
        if self.is_closed:
            return False
        return self.is_confirmed if self.is_lost else bool(self.pending or self.entry)

    def gather(self) -> None:
        """Turn what is pending into the next entry, unless one is still unconfirmed."""
        if not self.entry:
            self.number += 1
            self.entry = encode(self.pending)
            self.pending = []

    def confirm(self) -> None:
        self.entry = ""
        if not self.pending:
            self._idle.set()

    def add(self, event: Event) -> None:
        if self.is_closed:
            return  # nobody will append it, and `drained` must not wait for it
        if len(self.pending) == PENDING_MAX:
            self.pending = joined(self.pending)
        self.pending.append(event)
        self._idle.clear()

    def begin_anew(self) -> None:
        """Count appends from zero again, starting with everything that was to be known so far."""
        if self.is_closed:
            return
        self.is_lost = self.is_confirmed = False
        self.number, self.entry, self.pending = 0, "", self.restate()
        self._idle.clear()

    def fence(self) -> None:
        self.is_fenced = True
        self.close()
        self.on_fenced()

    def close(self) -> None:
        self.is_closed = True
        self._idle.set()

    async def drained(self) -> None:
        """Wait until all that was added is in the log, or nothing may be added any more."""
        await self._idle.wait()


class LogWriter:
    """Appends for all runs of a worker's loop. Run `work()` as a task."""

    def __init__(self, client: redis.asyncio.Redis) -> None:
        self._redis = client
        self._append_all = client.register_script(APPEND_SCRIPT)
        self._restore_lease = client.register_script(RESTORE_SCRIPT)
        self._waiting: dict[str, RunLog] = {}
        self._in_a_hurry: dict[str, RunLog] = {}
        self._confirming: set[asyncio.Task[None]] = set()
        self._dirty = asyncio.Event()
        self._urgent = asyncio.Event()
        self._flushes = 0
        self._pausing: dict[int, list[asyncio.Future[None]]] = {}  # by the flush before which they end

    def add(self, log: RunLog, event: Event, *, urgent: bool = False) -> None:
        log.add(event)
        self.mark(log, urgent=urgent)

    def mark(self, log: RunLog, *, urgent: bool = False) -> None:
        self._waiting[log.run_id] = log
        self._dirty.set()
        if urgent:
            self._in_a_hurry[log.run_id] = log
            self._urgent.set()

    def lost(self, log: RunLog) -> None:
        """Redis has forgotten the run: say everything again, if it is still ours to say."""
        if not log.is_lost:
            log.is_lost = True
            confirming = asyncio.create_task(self._confirm(log))
            self._confirming.add(confirming)
            confirming.add_done_callback(self._confirming.discard)

    async def _confirm(self, log: RunLog) -> None:
        """Aside, so that the other runs need not wait for the answer."""
        if await log.is_ours():
            log.is_confirmed = True
            self.mark(log, urgent=True)
        elif not log.is_closed:
            log.fence()

    async def before_next_flush(self) -> None:
        """Wait until it is time to gather once more: what comes any earlier would only lie waiting."""
        self._dirty.set()
        pause: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        pausing = sum(map(len, self._pausing.values()))
        turns = min(1 + pausing // STREAMS_PER_TURN, TURNS_MAX)
        self._pausing.setdefault(self._flushes + turns, []).append(pause)
        await pause

    async def work(self) -> None:
        """Flush until cancelled. A lost Redis is waited for; nothing gathered is dropped meanwhile."""
        loop = asyncio.get_running_loop()
        back_off_s = FLUSH_EVERY_S
        self._dirty.set()  # what an earlier call left, if it broke
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            flush_at = loop.time() + FLUSH_EVERY_S
            self._waiting = {run_id: log for run_id, log in self._waiting.items() if log.has_work}
            try:
                await self._flush(self._waiting)
                await self._rest_until(flush_at)
                back_off_s = FLUSH_EVERY_S
            except RedisError as error:
                logger.warning("Redis does not take appends: %s; trying again in %.1f s", error, back_off_s)
                self._dirty.set()
                await asyncio.sleep(back_off_s)
                back_off_s = min(back_off_s * 2, BACK_OFF_MAX_S)
            self._end_pauses()
            await asyncio.sleep(READ_FOR_S)

    def _end_pauses(self) -> None:
        """Those whose turn it is now read, and add what they find. A future for each costs a third of what waiting for
        one Event does."""
        self._flushes += 1
        for pause in self._pausing.pop(self._flushes, ()):
            if not pause.done():
                pause.set_result(None)
        if self._pausing:
            self._dirty.set()

    async def _rest_until(self, flush_at: float) -> None:
        """Let deltas gather. What is urgent is appended meanwhile, without what the other runs have."""
        while await self._is_urgent_before(flush_at):
            hurried, self._in_a_hurry = self._in_a_hurry, {}
            await self._flush(hurried)

    async def _is_urgent_before(self, flush_at: float) -> bool:
        """True as soon as something is urgent; False when it is time to flush all."""
        try:
            async with asyncio.timeout_at(flush_at):
                await asyncio.sleep(0)  # or those in a hurry might keep all others waiting
                await self._urgent.wait()
        except TimeoutError:
            return False
        self._urgent.clear()
        return True

    async def _flush(self, waiting: Mapping[str, RunLog]) -> None:
        logs = [log for log in waiting.values() if log.has_work]
        for log in logs:
            if log.is_lost:
                await self._restore(log)
        logs = [log for log in logs if log.has_work]
        if not logs:
            return
        for log in logs:
            log.gather()
        results = await self._append_all(
            keys=[key for log in logs for key in (log.lease, log.log)],
            args=[LOG_ENTRIES_MAX, LOG_EXPIRY_S, *(value for log in logs for value in (log.number, log.entry))],
        )
        for log, result in zip(logs, results, strict=True):
            self._settle(log, Append(result))
        if Append.REFUSED in results:
            raise RedisError("a log does not take what is appended")

    async def _restore(self, log: RunLog) -> None:
        """Here and nowhere else, so that no append of this run is under way meanwhile."""
        if not await self._restore_lease(keys=[log.lease, OPEN_RUNS], args=[int(LEASE_S * 1000), log.run_id]):
            return log.fence()
        logger.warning("Redis had lost the log of run %s; it is written anew", log.run_id)
        log.begin_anew()

    def _settle(self, log: RunLog, result: Append) -> None:
        match result:
            case Append.DONE | Append.ALREADY:
                log.confirm()
                if not log.pending:
                    self._waiting.pop(log.run_id, None)
                    return
            case Append.FENCED:
                log.fence()
                return
            case Append.LOST:
                self.lost(log)
            case Append.REFUSED:
                pass  # tried again
        self._dirty.set()
