"""Finding what nobody plays: responses whose worker died, waiting ones that fell out of the queue, battles left open.

Every worker looks, every second. Where several find the same, one of them takes it over. Nothing here goes by the
clocks of machines, which differ and jump: what counts is for how long a sweeper has seen something itself.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, cast
from uuid import UUID

import redis
from django.db import transaction

from arena.battles.event_log import STOP_CHANNEL, LogState, read_log
from arena.battles.leases import OPEN_RUNS, SWEEP_SCRIPT, SWEPT, SWEPT_S, TAKE_OVER_S, lease_key
from arena.battles.models import Battle, BattleStatus, Response, ResponseStatus
from arena.battles.runs import enqueued_key, interrupt, tell_end
from arena.battles.services import finish_if_ended
from arena.battles.workers import dead_neighbours, worker_of

logger = logging.getLogger(__name__)

# A lease that is missing may be one that Redis has just forgotten, or that ran out while Redis or the whole machine
# stood still: its worker, if it lives, brings it back within this time.
PATIENCE_S = 2.5
# Between two looks no more than this counts: whatever held up a look that comes late held up the workers as well.
COUNTED_S = 1.0
# A response that waits longer than this has perhaps fallen out of the queue.
WAITING_GRACE_S = 5.0
# A waiting battle is enqueued at most so often, lest a busy queue fill with copies.
ENQUEUE_AGAIN_S = 30
# The list in Redis of what waits for a worker, by Celery's name for it.
QUEUE = "celery"
# Battles left open are a fault of ours, and looked for less often.
OPEN_EVERY_LOOKS = 10


class Sweeper:
    """One per process and thread: it remembers what it has seen. `enqueue` has a battle's waiting responses played."""

    def __init__(
        self, client: redis.Redis, enqueue: Callable[[UUID], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._enqueue = enqueue
        self._clock = clock
        self._looks = 0
        self._looked_at = 0.0
        self._begun: set[str] = set()
        self._missing_s: dict[str, float] = {}
        self._waiting_since: dict[UUID, float] = {}

    def look(self) -> None:
        """Take over what is orphaned. Raises RedisError or DatabaseError: what was not done then is found again."""
        now = self._clock()
        counted_s, self._looked_at = min(now - self._looked_at, COUNTED_S), now
        with dead_neighbours() as dead:
            found = running()
            for run_id in found.deaf:
                self._client.publish(STOP_CHANNEL, run_id)
            for run_id in self._orphaned(found.playing | self._open_runs(), dead, counted_s):
                if self._sweep(run_id, is_dead=run_id in self._begun or worker_of(run_id) in dead):
                    self._begun.add(run_id)  # should something raise
                    if self._take_over(run_id):
                        self._begun.discard(run_id)
        self._enqueue_forgotten(found.waiting)
        if self._looks % OPEN_EVERY_LOOKS == 0:
            _finish_open_battles()
        self._looks += 1

    def _orphaned(self, playing: Collection[str], dead: Collection[str], counted_s: float) -> list[str]:
        """The runs of dead workers, those without a lease for too long, those that somebody began to take over."""
        if not playing:
            self._missing_s.clear()
            return []
        leases = dict(zip(playing, self._leases(playing), strict=True))
        missing = [run_id for run_id, lease in leases.items() if lease is None]
        self._missing_s = {run_id: self._missing_s.get(run_id, -counted_s) + counted_s for run_id in missing}
        return [
            run_id
            for run_id, lease in leases.items()
            if worker_of(run_id) in dead or lease == SWEPT.encode() or self._missing_s.get(run_id, 0.0) >= PATIENCE_S
        ]

    def _leases(self, run_ids: Iterable[str]) -> list[bytes | None]:
        return cast(list[bytes | None], self._client.mget([lease_key(run_id) for run_id in run_ids]))

    def _sweep(self, run_id: str, *, is_dead: bool) -> bool:
        return bool(self._client.eval(SWEEP_SCRIPT, 1, lease_key(run_id), SWEPT_S, int(is_dead), TAKE_OVER_S))

    def _open_runs(self) -> set[str]:
        """Those that were not closed: perhaps all their responses are saved, and nobody was told."""
        return {run_id.decode() for run_id in cast(set[bytes], self._client.smembers(OPEN_RUNS))}

    def _take_over(self, run_id: str) -> bool:
        """Safe to do twice. False if it is put off until the next look."""
        texts = ("reasoning", "answer", "raw", "steps")
        responses = list(
            Response.objects.filter(run=run_id).select_related("turn__battle", "seat__contestant").defer(*texts)
        )  # those that have ended too: perhaps nobody was told
        if responses and is_held(responses[0].turn.battle_id):
            return False
        if responses:
            self._see_to(responses)
        self._client.srem(OPEN_RUNS, run_id)
        return True

    def _see_to(self, responses: Sequence[Response]) -> None:
        """All of one run."""
        logger.warning("run %s is dead: its responses are taken over", responses[0].run)
        battle_id = responses[0].turn.battle_id
        log = log_state(self._client, battle_id)
        for response in responses:
            logged = log.responses.get((response.turn.index, response.seat.slot))
            if response.attempt > 1 and logged is not None and logged.is_ended:
                logged = None  # perhaps it is an earlier attempt that ended there
            if response.status == ResponseStatus.STREAMING:
                text = (logged.reasoning, logged.answer) if logged else ("", "")
                interrupt(response, text, is_log_lost=not log.responses)
            if logged is None or not logged.is_ended:
                tell_end(response, self._client)
        if Response.objects.filter(turn__battle=battle_id, status=ResponseStatus.WAITING).exists():
            self._enqueue(battle_id)

    def _enqueue_forgotten(self, waiting: Collection[UUID]) -> None:
        self._waiting_since = {battle_id: self._waiting_since.get(battle_id, self._looked_at) for battle_id in waiting}
        if len(waiting) <= cast(int, self._client.llen(QUEUE)):
            return  # none of them has fallen out: all workers are busy
        for battle_id, since in self._waiting_since.items():
            if self._looked_at - since < WAITING_GRACE_S:
                continue
            if self._client.set(enqueued_key(battle_id), "1", nx=True, ex=ENQUEUE_AGAIN_S):
                self._enqueue(battle_id)


@transaction.atomic
def is_held(battle_id: UUID) -> bool:
    """Whether another transaction has locked the battle. Usually for a moment; but a machine that stands still in the
    middle of one holds it for hours, and a sweep that waited would find nothing else meanwhile."""
    return not list(Battle.objects.select_for_update(skip_locked=True).filter(pk=battle_id).values_list("pk"))


def log_state(client: redis.Redis, battle_id: UUID) -> LogState:
    """What the battle's log adds up to. Raises RedisError."""
    state = LogState()
    for _, events in read_log(client, battle_id):
        state.apply(events)
    return state


class Running(NamedTuple):
    """What has not ended, as the database knows it."""

    playing: set[str]
    waiting: set[UUID]
    deaf: set[str]


def running() -> Running:
    """The runs that play, the battles that wait, and the runs that were told to stop and still play. One query."""
    found = Running(set(), set(), set())
    rows = Response.objects.filter(status__in=[ResponseStatus.WAITING, ResponseStatus.STREAMING]).order_by()
    for status, run_id, battle_id, stop in rows.values_list("status", "run", "turn__battle", "stop_requested_at"):
        if status == ResponseStatus.WAITING:
            found.waiting.add(battle_id)
            continue
        found.playing.add(run_id)
        if stop:
            found.deaf.add(run_id)
    return found


def _finish_open_battles() -> None:
    """Those that count as running although nothing runs."""
    open_battles = Battle.objects.filter(status=BattleStatus.RUNNING)
    for battle_id in open_battles.exclude(turns__responses__in=Response.objects.running()).values_list("pk", flat=True):
        finish_if_ended(battle_id)
