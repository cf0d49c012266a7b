"""What a snapshot says, as it is stored and served. No Django here."""

from typing import TypedDict


class Row(TypedDict):
    """One contestant on a board; None where a thing is not known.

    rank, rank_low, rank_high, rating, low, high are about the contestants of the same `group`, which are linked by
    comparisons; group 0 is the largest, None stands for one that no ballot compared with any other.
    rank_low is the best and rank_high the worst place that the ballots allow.
    battles, ballots: those that judged this contestant on this board; decided_battles: those among them that say
    which of two contestants was better. correct_*: over all counted verdicts, the same on both boards.
    """

    rank: int | None
    rank_low: int | None
    rank_high: int | None
    group: int | None
    slug: str
    name: str
    simulated: bool
    active: bool
    rating: float | None
    low: float | None
    high: float | None
    too_few_battles: bool
    correct_rate: float | None
    correct_low: float | None
    correct_high: float | None
    battles: int
    decided_battles: int
    ballots: int
    cost_per_answer_usd: float | None
    first_token_ms: int | None
    output_tokens: int | None


class Pair(TypedDict):
    """How `a` fared against `b`, in ballots, and the number of battles these were about."""

    a: str
    b: str
    wins: int
    losses: int
    ties: int
    battles: int
