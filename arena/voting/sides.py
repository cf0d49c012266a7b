"""Does a voter favour one side, whoever sits there? Numbers in, evidence out; no Django here.

Slots are shuffled for every battle. So whoever decides by what is written, however well or badly, finds the better one
in each slot equally often: given what the voter says of the k contestants, which slot each of them sat in is chance.
That is tested while ballots come in, with a bet that can be looked at after every ballot (Ramdas, Grünwald, Vovk and
Shafer 2023, "Game-theoretic statistics and safe anytime-valid inference", doi:10.1214/23-STS894; the bets are those of
Waudby-Smith and Ramdas 2024, "Estimating means of bounded random variables by betting", doi:10.1093/jrsssb/qkad009).

For slot i and ballot t let x be the favour shown to slot i, from 0 to 1, and m the mean favour over the slots. A
gambler who stakes the share λ that slot i does better than it should multiplies the capital by

    1 + λ (x - m - TOLERANCE) / (m + TOLERANCE),    0 <= λ < 1.

Where slot i gets, given m, no more than m + TOLERANCE on average, that is a factor of mean 1 at most: the capital is a
supermartingale, and by Ville's inequality it ever exceeds 1 / ALPHA with probability ALPHA at most, whenever one looks.
The gamblers of `_STAKES` bet on every slot, by verdicts and by picks; the mean of their capitals is a supermartingale
too, and is what `evidence` gives. It is lost on nobody who is a little partial to the side read first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import exp, log, log1p

# How much more than its share people may give to a side for no reason: 0.6 of two. Many prefer what they read first.
TOLERANCE = 0.1
# Of voters who favour no side by more than that, so many are ever suspected, at most.
ALPHA = 0.01
# Of the capital. The bold one finds those who always take one side, the others those who often do.
_STAKES = (0.3, 0.6, 0.95)
# The first two slots are in every battle.
_WEIGHTS = {"A": 0.3, "B": 0.3, "C": 0.1, "D": 0.1, "E": 0.1, "F": 0.1}

Favour = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Judged:
    """One ballot: a verdict by slot (1 correct, 0 flawed, ½ unsure), and the slot picked as best, if any."""

    verdicts: Favour
    best: str


@dataclass(frozen=True, slots=True)
class Leaning:
    """The slot that was favoured most, `times` of the `ballots` that told one slot from another and had it.

    evidence: the capital at its highest, for one unit at the start. Beyond 1 / ALPHA it is no accident.
    """

    slot: str
    times: int
    ballots: int
    evidence: float

    @property
    def is_clear(self) -> bool:
        return self.evidence >= 1 / ALPHA


def leaning(ballots: Sequence[Judged]) -> Leaning:
    """In the order in which they were cast. The cost is linear in their number."""
    capitals = dict.fromkeys(product(range(2), _WEIGHTS, _STAKES), 0.0)  # as logarithms
    highest = 0.0
    for judged in ballots:
        for kind, favour in enumerate((judged.verdicts, _of_pick(judged))):
            _bet(capitals, kind, favour)
        highest = max(highest, _mean(capitals))
    slot, times, of = _favourite(ballots)
    return Leaning(slot, times, of, exp(min(highest, 700.0)))


def _of_pick(judged: Judged) -> Favour:
    return {slot: float(slot == judged.best) for slot in judged.verdicts} if judged.best in judged.verdicts else {}


def _bet(capitals: dict[tuple[int, str, float], float], kind: int, favour: Favour) -> None:
    """A ballot that favours nobody says nothing, and changes nothing."""
    if len(set(favour.values())) < 2:
        return
    fair = sum(favour.values()) / len(favour) + TOLERANCE
    for slot, shown in favour.items():
        for stake in _STAKES:
            capitals[kind, slot, stake] += log1p(stake * (shown - fair) / fair)


def _mean(capitals: Mapping[tuple[int, str, float], float]) -> float:
    """The logarithm of the weighted mean of the capitals, without overflow."""
    parts = [capital + log(_WEIGHTS[slot] / (2 * len(_STAKES))) for (_, slot, _), capital in capitals.items()]
    top = max(parts)
    return top + log(sum(exp(part - top) for part in parts))


def _favourite(ballots: Iterable[Judged]) -> tuple[str, int, int]:
    """The slot that was above the others most often, how often, and in how many ballots that told slots apart."""
    ahead, told = dict.fromkeys(_WEIGHTS, 0), dict.fromkeys(_WEIGHTS, 0)
    for judged in ballots:
        favour = _of_pick(judged) or judged.verdicts
        if len(set(favour.values())) < 2:
            continue
        top = max(favour.values())
        for slot, shown in favour.items():
            told[slot] += 1
            ahead[slot] += shown == top
    slot = max(ahead, key=lambda slot: (ahead[slot] / told[slot] if told[slot] else 0.0, told[slot]))
    return slot, ahead[slot], told[slot]
