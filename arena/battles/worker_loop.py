"""The one asyncio loop of a worker process: it calls the model servers of every battle this worker plays.

Celery's threads hand it runs and wait. It holds what is dear to make (the HTTP client, the Redis client), keeps
the leases of its runs, watches the time limits, and listens for stops. It never waits for the database.
"""

import asyncio
import logging
import random
import threading
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import aclosing
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import uvloop
from django.conf import settings
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from arena.battles import failure_log
from arena.battles.event_log import LOG_LINGERS_S, STOP_CHANNEL
from arena.battles.events import Event, ResponseRestarted, ResponseStarted
from arena.battles.leases import LEASE_S, OPEN_RUNS, RELEASE_SCRIPT, RENEW_EVERY_S, RENEW_SCRIPT, Renewal
from arena.battles.log_keeping import KEEP_EVERY_S, LogKeeper
from arena.battles.log_writer import LogWriter
from arena.battles.pacing import TICK_S, Lane
from arena.battles.panes import Ended, Interrupted, Kept, News, Pane, Part, Run
from arena.battles.running_costs import TELL_EVERY_S, tell
from arena.battles.streaming import BROKEN, Outcome, Transcript, play
from arena.contestants.deltas import Delta
from arena.contestants.errors import ProviderError
from arena.contestants.providers.http import make_client
from arena.contestants.providers.patience import retrying
from arena.contestants.simulator.server import Simulator, start_simulator
from arena.redis_connections import async_client, listening_client

logger = logging.getLogger(__name__)

T = TypeVar("T")

WATCH_EVERY_S = 0.5
START_LIMIT_S = 30.0
TIMEOUT_S = 5.0
BACK_OFF_MAX_S = 2.0
# Of runs that this worker does not play, or not yet.
STOPS_KEPT = 1000


class WorkerLoop:
    """Start with `WorkerLoop.running()`; all other public methods may be called from any thread."""

    is_leaving = False  # this process begins no more runs
    _instance: "WorkerLoop | None" = None
    _lock = threading.Lock()

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._ready = threading.Event()
        self._runs: dict[str, Run] = {}
        self._stops_heard: deque[str] = deque(maxlen=STOPS_KEPT)
        self._is_stopping = False
        self._simulator: Simulator | None = None
        self._simulator_lock = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="worker-loop", daemon=True)

    @classmethod
    def running(cls) -> "WorkerLoop":
        """The loop of this process, started on first use."""
        with cls._lock:
            if cls._instance is None:
                worker_loop = cls()
                worker_loop._thread.start()
                worker_loop._ready.wait(START_LIMIT_S)
                if worker_loop._failure is not None:
                    raise RuntimeError("the worker's loop does not start") from worker_loop._failure
                cls._instance = worker_loop
                if cls.is_leaving:  # told so after this task had begun
                    worker_loop._loop.call_soon_threadsafe(worker_loop._leave, settings.ARENA_STOP_GRACE_S)
            return cls._instance

    @classmethod
    def leave(cls, grace_s: float) -> None:
        """Begin no more runs; interrupt those that still play after `grace_s`, and at once when called again.

        What had not ended by then is handed over by those who wait for it. May be called from a signal handler.
        """
        hurry, cls.is_leaving = cls.is_leaving, True
        if cls._instance is not None:
            cls._instance._loop.call_soon_threadsafe(cls._instance._leave, 0.0 if hurry else grace_s)

    def start_run(
        self,
        run_id: str,
        battle_id: UUID,
        parts: list[Part],
        *,
        pacing: str,
        deliver: Callable[[News], None],
        still_ours: Callable[[], set[int]],
    ) -> Run:
        """Begin to stream the parts. `deliver(news)` is called from the loop's thread as each one ends, and, where the
        run is paced, is shown to its end. The lease must be held already.

        `still_ours` asks the database which of the responses are this run's and no other's by now. It is called in a
        thread, where Redis has forgotten the run.
        """
        is_ours = partial(self._is_ours, still_ours)
        return self._wait(self._start_run(Run(run_id, battle_id, deliver, is_ours, pacing), parts))

    def append(self, run: Run, *events: Event) -> None:
        """In one piece."""
        self._loop.call_soon_threadsafe(self._append, run, *events)

    def close_run(self, run: Run) -> bool:
        """Wait until the run's events are in the log, then give up its lease. False if it was taken for dead before."""
        self._wait(self._close_run(run))
        return not run.log.is_fenced

    def abandon_run(self, run: Run) -> None:
        """Nobody waits for this run any more: end its streams and let go of its lease, so that it is taken over."""
        self._wait(self._abandon_run(run))

    # --- below: only in the loop's own thread ----------------------------------------------------

    def _wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._prepare())
        except BaseException as error:  # noqa: BLE001  # handed to the thread that waits for the start
            self._failure = error
            return
        finally:
            self._ready.set()
        self._loop.run_forever()

    async def _prepare(self) -> None:
        self._redis = async_client(timeout_s=TIMEOUT_S)
        self._renew_all = self._redis.register_script(RENEW_SCRIPT)
        self._release_lease = self._redis.register_script(RELEASE_SCRIPT)
        self._writer = LogWriter(self._redis)
        self._log_keeper = LogKeeper(self._redis)
        self._http = make_client(pause=self._writer.before_next_flush)
        for work in (
            self._writer.work,
            self._renew_leases,
            self._watch_limits,
            self._show_what_is_paced,
            self._tell_costs,
            self._keep_logs,
            self._listen_for_stops,
        ):
            self._keep(self._for_ever(work))

    def _keep(self, coroutine: Coroutine[Any, Any, object]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        """Without any of these tasks all runs of the worker hang: after a fault of ours it begins again."""
        while True:
            try:
                await work()
            except Exception:
                logger.exception("%s broke", work.__qualname__)
            await asyncio.sleep(BACK_OFF_MAX_S)

    async def _start_run(self, run: Run, parts: list[Part]) -> Run:
        self._runs[run.run_id] = run
        for part in parts:
            limit = settings.ARENA_RESPONSE_MAX_CHARS
            transcript = Transcript(part.slot, part.turn, max_chars=limit, names=part.names)
            lane = None if run.is_live else Lane(part.slot, part.turn)
            pane = Pane(part, transcript, self._loop.create_task(self._play(run, part, transcript, lane)), lane)
            run.panes.append(pane)
            pane.task.add_done_callback(lambda _, pane=pane: self._deliver(run, pane))  # type: ignore[misc]
        run.begin_pacing()
        if self._is_stopping:
            run.interrupt()
        if run.run_id in self._stops_heard:
            run.stop()
        return run

    async def _play(self, run: Run, part: Part, transcript: Transcript, lane: Lane | None) -> Outcome:
        if part.is_restart:
            self._append(run, ResponseRestarted(part.slot, part.turn))
        self._append(run, ResponseStarted(part.slot, part.turn))
        simulator_url = await self._simulator_url() if part.is_simulated else ""

        def ask() -> AsyncGenerator[Delta, None]:
            transcript.tries += 1
            return part.open(self._http, simulator_url)

        def told(error: ProviderError, pause_s: float) -> None:
            failure_log.response_waits(run.battle_id, part, error, pause_s, tries=transcript.tries)

        budget_s = min(settings.ARENA_RETRY_WAIT_S, part.limits.first_token_s)
        return await play(
            transcript,
            lambda: retrying(ask, budget_s=budget_s, is_free=part.is_free, told=told),
            partial(self._tell, run, lane),
        )

    def _tell(self, run: Run, lane: Lane | None, event: Event, is_first: bool = False) -> None:
        if lane is None:
            self._writer.add(run.log, event, urgent=is_first)
        else:
            lane.take(event)

    def _deliver(self, run: Run, pane: Pane) -> None:
        for event in pane.transcript.rest():  # of one that was cut off
            self._tell(run, pane.lane, event)
        try:
            pane.outcome = pane.result()
        except Interrupted:
            pane.outcome = None
        except Exception as error:  # noqa: BLE001  # its server's fault, or ours: one response ends, none hangs
            why = (error.code, error.sentence) if isinstance(error, ProviderError) else BROKEN
            pane.outcome = pane.transcript.failed(*why)
            failure_log.response_failed(run.battle_id, pane.part, error, pane.outcome)
        if run.pacer is None or pane.lane is None or pane.outcome is None:
            run.deliver(Ended(pane.part, pane.outcome))
        else:
            run.deliver(Kept(pane.part, pane.outcome))
            pane.lane.end()

    def _append(self, run: Run, *events: Event) -> None:
        for event in events:
            for told in run.telling(event):
                self._writer.add(run.log, told)

    async def _show_what_is_paced(self) -> None:
        """All by one clock, which knows nothing of what arrives when."""
        while True:
            await asyncio.sleep(TICK_S)
            for run in tuple(self._runs.values()):
                for event in run.show():
                    self._writer.add(run.log, event)

    async def _abandon_run(self, run: Run) -> None:
        run.log.close()
        run.interrupt()
        await self._close_run(run)

    async def _close_run(self, run: Run) -> None:
        await run.log.drained()
        run.log.close()
        self._runs.pop(run.run_id, None)
        try:
            await self._release_lease(keys=[run.log.lease, OPEN_RUNS], args=[run.run_id])
            await self._redis.expire(run.log.log, LOG_LINGERS_S)
        except RedisError:
            logger.info("lease of run %s is left to expire", run.run_id)

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            runs = [run for run in self._runs.values() if not run.log.is_closed]
            if not runs:
                continue
            try:
                results = await self._renew_all(keys=[run.log.lease for run in runs], args=[int(LEASE_S * 1000)])
            except RedisError as error:
                logger.warning("leases cannot be renewed: %s", error)
                continue
            for run, result in zip(runs, results, strict=True):
                if result == Renewal.FENCED:
                    run.log.fence()
                elif result == Renewal.LOST and not run.log.is_closed:
                    self._writer.lost(run.log)

    async def _watch_limits(self) -> None:
        """One look at all panes twice a second is far cheaper than a timer per delta."""
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            for run in self._runs.values():
                for pane in run.panes:
                    pane.watch()

    async def _tell_costs(self) -> None:
        """What the running responses have cost so far. Looked at by the clock, it costs the streams nothing."""
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            panes = [pane for run in self._runs.values() for pane in run.panes if not pane.task.done()]
            readings = [(meter, meter.reading(pane.transcript)) for pane in panes if (meter := pane.part.meter)]
            try:
                await tell(self._redis, readings)
            except RedisError as error:
                logger.warning("what runs cannot be told: %s", error)

    async def _keep_logs(self) -> None:
        while True:
            await asyncio.sleep(KEEP_EVERY_S)
            try:
                await self._log_keeper.look_after({run.battle_id for run in self._runs.values()})
            except RedisError as error:
                logger.warning("logs cannot be looked after: %s", error)

    async def _listen_for_stops(self) -> None:
        """A stop names a run, so that it can't hit what was asked again since. One that is missed meanwhile is
        announced again by the sweep; one that comes before its run has begun is kept for it."""
        while True:
            try:
                async with aclosing(listening_client()) as client, client.pubsub() as pubsub:
                    await pubsub.subscribe(STOP_CHANNEL)
                    async for message in pubsub.listen():
                        if message["type"] == "message":
                            self._stop_run(message["data"].decode())
            except RedisError:
                await asyncio.sleep(BACK_OFF_MAX_S)

    def _stop_run(self, run_id: str) -> None:
        if run := self._runs.get(run_id):
            run.stop()
        elif run_id not in self._stops_heard:
            self._stops_heard.append(run_id)

    async def _is_ours(self, still_ours: Callable[[], set[int]], run: Run) -> bool:
        pause_s = 0.1
        while True:
            try:
                return run.keep(await asyncio.to_thread(still_ours))
            except DatabaseError as error:
                logger.warning("whose run %s is cannot be asked: %s", run.run_id, error)
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, BACK_OFF_MAX_S)

    def _leave(self, grace_s: float) -> None:
        playing = sum(pane.told_end is None for run in self._runs.values() for pane in run.panes)
        if playing and grace_s:
            logger.warning("leaving: %d responses have %g s to end by themselves", playing, grace_s)
        self._loop.call_later(grace_s, self._interrupt_all)

    def _interrupt_all(self) -> None:
        self._is_stopping = True
        for run in self._runs.values():
            run.interrupt()

    async def _simulator_url(self) -> str:
        """Where simulated contestants are served: as configured, else by this loop itself."""
        if settings.SIMULATOR_URL:
            return str(settings.SIMULATOR_URL)
        async with self._simulator_lock:
            if self._simulator is None:
                self._simulator = await start_simulator()
            return self._simulator.url
