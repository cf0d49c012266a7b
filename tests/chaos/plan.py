"""What happens in a trial, all of it drawn from one seed: who starts which battle when, and what strikes which part.

The plan is the same each time; what the machine makes of it differs by milliseconds, as it does in life.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

PROVIDERS = ("ollama", "openai", "openai-responses", "anthropic")
REASONING = ("separate", "inline", "unopened", "alternative")


class Blow(StrEnum):
    """What is done to a part."""

    KILL = "kill"  # SIGKILL: no last words
    FORGET = "forget"  # SIGKILL, and what it had kept is gone
    TERM = "term"  # SIGTERM: it may say goodbye
    FREEZE = "freeze"  # SIGSTOP, and after a while SIGCONT


@dataclass(frozen=True, slots=True)
class Fault:
    """At `at_s` a part is struck; `lasts_s` later it is started again, or goes on."""

    at_s: float
    part: str
    blow: Blow
    lasts_s: float

    def __str__(self) -> str:
        return f"{self.at_s:.1f}s {self.blow} {self.part} {self.lasts_s:.1f}s"


@dataclass(frozen=True, slots=True)
class Planned:
    """A battle: when it is started and by how many watched. Each viewer hangs up at some of the first messages."""

    number: int
    at_s: float
    contestants: tuple[str, ...]
    pacing: str
    viewers: int
    is_stopped_after_s: float | None
    asks_on: bool


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    settle_s: float
    battles: tuple[Planned, ...]
    faults: tuple[Fault, ...]

    def dice(self, *names: object) -> random.Random:
        """Chances of one person's own, the same in each run of this seed."""
        return random.Random(f"{self.seed} {names}")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is planned. All is begun within `lasts_s`."""

    battles: int
    faults: int
    lasts_s: float
    freeze_max_s: float = 14.0
    away_max_s: float = 3.0
    pacings: tuple[str, ...] = ("live",)
    settle_s: float = 30.0  # in which every response is in a terminal state, once the last fault is over


# For the suite: over within half a minute where nothing else runs. That other tests run beside it is no fault.
SHORT = Size(battles=8, faults=3, lasts_s=7.0, freeze_max_s=3.0, away_max_s=1.0, settle_s=90.0)

# The blows that a kind of arena offers: by part, with how likely each is.
Blows = dict[str, dict[Blow, float]]


@dataclass(frozen=True, slots=True)
class Simulated:
    """A contestant of the trial: `tokens` are what it writes, always the same."""

    slug: str
    provider: str
    model: str
    tokens: int
    is_free: bool


def line_up() -> list[Simulated]:
    """Contestants of all protocols, quick and slow ones. One costs money: it is never asked again by itself."""
    found = []
    for number, (provider, reasoning) in enumerate(zip(PROVIDERS * 2, (*REASONING, *REASONING[::-1]), strict=True)):
        tokens = 80 + 35 * number
        model = f"load?tokens={tokens}&rate={30 + 3 * number}&think=0.5&reasoning={reasoning}"
        found.append(Simulated(f"chaos-{number}", provider, model, tokens, is_free=number != 5))
    return found


def catalogue() -> str:
    entries = []
    for one in line_up():
        price = 0.0 if one.is_free else 1.0
        entries.append(
            f'\n[[contestant]]\nslug = "{one.slug}"\nname = "{one.slug}"\nprovider = "{one.provider}"\n'
            f'model = "{one.model}"\nsimulated = true\nprice_in = {price}\nprice_out = {price}\n'
            + ("opens_with_reasoning = true\n" if "unopened" in one.model else "")
        )
    return "".join(entries)


def make_plan(seed: int, size: Size, blows: Blows) -> Plan:
    dice = random.Random(seed)
    slugs = [one.slug for one in line_up()]
    battles = tuple(
        Planned(
            number=number,
            at_s=dice.uniform(0, size.lasts_s * 0.85),
            contestants=tuple(dice.sample(slugs, dice.choice((2, 2, 2, 3)))),
            pacing=random.Random(f"{seed} pacing {number}").choice(size.pacings),
            viewers=dice.choice((1, 2, 2, 3)),
            is_stopped_after_s=dice.uniform(0, 4) if dice.random() < 0.1 else None,
            asks_on=dice.random() < 0.15,
        )
        for number in range(size.battles)
    )
    return Plan(seed, size.settle_s, battles, tuple(_faults(dice, size, blows)))


def _faults(dice: random.Random, size: Size, blows: Blows) -> Sequence[Fault]:
    faults = []
    # One in each stretch of time, so that no seed is all quiet.
    stretch = size.lasts_s * 0.9 / size.faults
    parts = list(blows)
    order = [part for _ in range(size.faults) for part in dice.sample(parts, len(parts))][: size.faults]
    for number, part in enumerate(order):
        kinds = blows[part]
        blow = dice.choices(list(kinds), list(kinds.values()))[0]
        lasts_s = dice.uniform(0.5, size.freeze_max_s) if blow == Blow.FREEZE else dice.uniform(0, size.away_max_s)
        at_s = size.lasts_s * 0.1 + stretch * (number + dice.random())
        faults.append(Fault(at_s, part, blow, lasts_s))
    return faults
