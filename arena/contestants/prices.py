"""What a contestant's tokens cost."""

from dataclasses import dataclass
from datetime import datetime

from arena.contestants.models import Contestant


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens."""

    input: float
    output: float


def price_of(contestant: Contestant, *, at: datetime) -> Price | None:
    prices = (contestant.price_in_usd_per_mtok, contestant.price_out_usd_per_mtok)
    return None if prices[0] is None or prices[1] is None else Price(prices[0], prices[1])
