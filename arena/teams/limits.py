"""How often one address, one person and one account may do what others wait for, pay for, or are judged by.

Each has an allowance that fills up evenly and holds at most so many: the generic cell rate algorithm (ITU-T I.371,
annex A), which keeps one moment for each of them. It is counted in Redis, so that several web processes hold the same
people to the same limits. While Redis is away each process counts for itself: nobody is refused for that, and nobody
gets past it. Addresses and names are kept as digests only, and forgotten within minutes.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from math import ceil

import redis
import redis.asyncio
from django.conf import settings
from django.utils.crypto import salted_hmac
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff

from arena.redis_connections import async_client, sync_client
from arena.teams.errors import TooMany
from arena.teams.networks import is_this_machine

REDIS_TIMEOUT_S = 0.5
# After a failure Redis is left alone for so long: nobody should wait for it at every deed.
REDIS_REST_S = 3.0
# Whom a process remembers at a time; those whose allowance is full again are forgotten first.
REMEMBERED = 20_000
MICROSECONDS = 1_000_000
# So many addresses may use up what they may try on one account before it is closed to all others.
NETWORKS_PER_ACCOUNT = 10

# A moment in the future by which the allowance would be full again. It is never further away than that takes: a clock
# that jumps must not lock anybody out.
_SCRIPT = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local each, whole = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now), now + whole)
local wait = full_at + each - whole - now
if wait > 0 then return wait end
redis.call('SET', KEYS[1], string.format('%.0f', full_at + each), 'PX', math.ceil((full_at + each - now) / 1000))
return 0
"""

# A connection that broke while it lay in the pool is found out when it is used.
_ONCE_MORE = AsyncRetry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))

logger = logging.getLogger(__name__)


class Deed(Enum):
    ASK = "ask"  # start a battle, ask on, ask a slot again
    VOTE = "vote"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many `times` in `period_s` seconds, all at once or spread. 0 times: without limit."""

    times: int
    period_s: int = 60

    @property
    def each_s(self) -> float:
        return self.period_s / self.times


def of_address(deed: Deed, network: str) -> Allowance:
    """Without limit where no address can be told.

    What is asked from this very machine is its operator's business: scripts, trials, a load test. Its ballots and
    attempts to sign in are counted all the same, for what comes through a proxy that nobody told us of looks alike.
    """
    if not network or (deed is Deed.ASK and is_this_machine(network)):
        return Allowance(0)
    times: Mapping[Deed, int] = {
        Deed.ASK: settings.ARENA_ADDRESS_QUESTIONS_PER_MINUTE,
        Deed.VOTE: settings.ARENA_ADDRESS_BALLOTS_PER_MINUTE,
        Deed.SIGN_IN: settings.ARENA_ADDRESS_SIGN_INS_PER_MINUTE,
    }
    return Allowance(times[deed])


def of_person(deed: Deed, network: str) -> Allowance:
    """Without limit from this machine itself, as above."""
    if is_this_machine(network):
        return Allowance(0)
    questions, ballots = settings.ARENA_PERSON_QUESTIONS_PER_MINUTE, settings.ARENA_PERSON_BALLOTS_PER_MINUTE
    return Allowance({Deed.ASK: questions, Deed.VOTE: ballots}[deed])


def address_refused(deed: Deed, allowance: Allowance, wait_s: float) -> TooMany:
    what = {Deed.ASK: "questions", Deed.VOTE: "ballots", Deed.SIGN_IN: "attempts to sign in"}[deed]
    return TooMany(
        f"Too many {what} come from your network just now: no more than {allowance.times} a minute are taken. "
        f"Nothing was changed. Please try again in {in_words(wait_s)}.",
        retry_after_s=ceil(wait_s),
    )


def hold_back_person(deed: Deed, person: str, network: str) -> None:
    """Counts one deed of a person, known by any word that stays the same. Raises TooMany."""
    allowance = of_person(deed, network)
    if person and (wait_s := _counts.wait_s(f"person:{deed.value}:{person}", allowance)):
        what = "questions" if deed is Deed.ASK else "ballots"
        raise TooMany(
            f"That is more than {allowance.times} {what} in a minute, too many for one person. "
            f"Nothing was changed. Please try again in {in_words(wait_s)}.",
            retry_after_s=ceil(wait_s),
        )


def hold_back_account(username: str, network: str) -> None:
    """Counts one attempt to sign in, whether or not there is such an account. Raises TooMany.

    Each address has an allowance of its own: else one that guesses would keep the owner out for as long as it likes.
    All of them together have one that is larger.
    """
    times, account = settings.ARENA_ACCOUNT_SIGN_INS_PER_HOUR, f"account:{username.casefold()}"
    for whose, allowed in ((f"{account}:{network}", times), (account, times * NETWORKS_PER_ACCOUNT)):
        if wait_s := _counts.wait_s(whose, Allowance(allowed, period_s=3600)):
            raise TooMany(
                f"Somebody has tried too often to sign in under this name. Please try again in {in_words(wait_s)}.",
                retry_after_s=ceil(wait_s),
            )


def in_words(wait_s: float) -> str:
    seconds = max(1, ceil(wait_s))
    if seconds < 120:
        return f"{seconds} second{'s' if seconds > 1 else ''}"
    return f"{ceil(seconds / 60)} minutes"


@dataclass(slots=True)
class _Memory:
    """What one process knows by itself: whom Redis has refused until when, and what it has let through itself.

    That is never more than Redis knows. So while Redis is away, or slow, nobody gets past what is counted here.
    """

    refused_until: dict[str, float] = field(default_factory=dict)
    full_at: dict[str, float] = field(default_factory=dict)
    redis_rests_until: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, key: str, allowance: Allowance) -> float:
        """What is known without asking."""
        now = time.monotonic()
        fills = self.full_at.get(key, now) + allowance.each_s - allowance.period_s
        return max(0.0, self.refused_until.get(key, now) - now, fills - now)

    def refuse(self, key: str, wait_s: float) -> float:
        with self.lock:
            _forget_past(self.refused_until)
            self.refused_until[key] = time.monotonic() + wait_s
        return wait_s

    def count(self, key: str, allowance: Allowance) -> float:
        with self.lock:
            _forget_past(self.full_at)
            now = time.monotonic()
            self.full_at[key] = max(self.full_at.get(key, now), now) + allowance.each_s
        return 0.0

    def may_ask_redis(self) -> bool:
        return time.monotonic() >= self.redis_rests_until

    def let_redis_rest(self, error: Exception) -> float:
        self.redis_rests_until = time.monotonic() + REDIS_REST_S
        logger.warning("Limits are counted by each process alone; Redis cannot be reached: %s", error)
        return 0.0


class Counts:
    """For any thread."""

    def __init__(self) -> None:
        self._memory = _Memory()
        self._redis = sync_client(timeout_s=REDIS_TIMEOUT_S, size=4)
        self._script = self._redis.register_script(_SCRIPT)

    def wait_s(self, whose: str, allowance: Allowance) -> float:
        """0: it may be done, and is counted. Otherwise the seconds until it may be."""
        if not allowance.times:
            return 0.0
        key = _key(whose)
        if wait_s := self._memory.wait_s(key, allowance):
            return wait_s
        if self._memory.may_ask_redis():
            try:
                wait_s = _seconds(self._script(keys=[key], args=_arguments(allowance)))
            except redis.RedisError as error:
                wait_s = self._memory.let_redis_rest(error)
        return self._memory.refuse(key, wait_s) if wait_s else self._memory.count(key, allowance)


class AsyncCounts:
    """The same for an event loop, in which it is made."""

    def __init__(self) -> None:
        self._memory = _Memory()
        self._redis = async_client(timeout_s=REDIS_TIMEOUT_S, size=4, retry=_ONCE_MORE)
        self._script = self._redis.register_script(_SCRIPT)

    async def wait_s(self, whose: str, allowance: Allowance) -> float:
        if not allowance.times:
            return 0.0
        key = _key(whose)
        if wait_s := self._memory.wait_s(key, allowance):
            return wait_s
        if self._memory.may_ask_redis():
            try:
                wait_s = _seconds(await self._script(keys=[key], args=_arguments(allowance)))
            except redis.RedisError as error:
                wait_s = self._memory.let_redis_rest(error)
        return self._memory.refuse(key, wait_s) if wait_s else self._memory.count(key, allowance)

    async def close(self) -> None:
        """Before its loop ends."""
        await self._redis.aclose()


def _key(whose: str) -> str:
    return f"limit:{salted_hmac('arena.teams.limits', whose).hexdigest()[:32]}"


def _arguments(allowance: Allowance) -> list[int]:
    return [round(allowance.each_s * MICROSECONDS), allowance.period_s * MICROSECONDS]


def _seconds(microseconds: object) -> float:
    return int(str(microseconds)) / MICROSECONDS


def _forget_past(moments: dict[str, float]) -> None:
    if len(moments) < REMEMBERED:
        return
    now = time.monotonic()
    for key in [key for key, moment in moments.items() if moment <= now]:
        del moments[key]
    if len(moments) >= REMEMBERED:  # all of them at once are an attack; the oldest have waited longest
        for key in list(moments)[: REMEMBERED // 2]:
            del moments[key]


_counts = Counts()
