"""What responses that still run have cost so far, told by the workers to all who look, through Redis.

One hash a day: charge -> nanodollars. A Redis that is away or has forgotten costs nothing but precision: what was
expected stays in the database, and so does what is settled.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import redis.asyncio
from redis.exceptions import RedisError

from arena.battles.costs import cost_so_far
from arena.battles.streaming import Transcript
from arena.contestants.rates import Price
from arena.redis_connections import sync_client

logger = logging.getLogger(__name__)

TELL_EVERY_S = 1.0
# Nobody asks for a day that is over; a response may run into the next one.
KEPT_S = 2 * 24 * 60 * 60

_redis = sync_client(timeout_s=1, size=4)


@dataclass(frozen=True, slots=True)
class Meter:
    """Counts one response's cost."""

    charge_id: int
    day: date
    price: Price
    prompt_tokens: int

    def reading(self, transcript: Transcript) -> int:
        return cost_so_far(self.price, transcript.usage, prompt_tokens=self.prompt_tokens, chars=transcript.chars)


async def tell(client: redis.asyncio.Redis, readings: Iterable[tuple[Meter, int]]) -> None:
    """One round trip, whatever the number of responses. Raises RedisError."""
    by_day: dict[date, dict[str, int]] = {}
    for meter, nano in readings:
        by_day.setdefault(meter.day, {})[str(meter.charge_id)] = nano
    if not by_day:
        return
    async with client.pipeline(transaction=False) as pipe:
        for day, costs in by_day.items():
            pipe.hset(_key(day), mapping=costs)
            pipe.expire(_key(day), KEPT_S)
        await pipe.execute()


def running_costs(day: date) -> dict[int, int]:
    """By charge: of some that have ended too, if their worker died. Empty if Redis does not answer."""
    try:
        told = _redis.hgetall(_key(day))
    except RedisError as error:
        logger.warning("what runs cannot be counted: %s", error)
        return {}
    return {int(charge_id): int(nano) for charge_id, nano in told.items()}  # type: ignore[union-attr]  # not awaited


def forget(charge_id: int, day: date) -> None:
    """Once it is settled. What cannot be forgotten now does no harm, and goes with its day."""
    try:
        _redis.hdel(_key(day), str(charge_id))
    except RedisError as error:
        logger.info("a settled charge is still told: %s", error)


def _key(day: date) -> str:
    return f"arena:running-costs:{day.isoformat()}"
