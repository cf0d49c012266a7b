"""A voter's own record: how their ballots compare with those of others, and with reference answers."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from django.db.models import Count, Q
from django.db.models.functions import Right

from arena.battles.models import Response
from arena.problems.checking import CHECKABLE, END_CHARS, matches
from arena.teams.models import Voter
from arena.voting.models import Ballot, Judgement, Verdict

# The latest: what one used to say years ago is not what one says.
LATEST_BALLOTS = 200
# Answers that are read to be compared with their reference.
LATEST_ANSWERS = 60
_DECIDED = (Judgement.CORRECT, Judgement.FLAWED)


@dataclass(frozen=True, slots=True)
class Record:
    """`ranked`: of the ballots, those that may count on a board.

    compared: verdicts, correct or flawed, on which more of the others say one than the other; agreed: those that
    say the same. checked: answers found correct that could be compared with a reference; confirmed: those that match.
    """

    ballots: int = 0
    ranked: int = 0
    compared: int = 0
    agreed: int = 0
    checked: int = 0
    confirmed: int = 0


def record_of(voter: Voter | None) -> Record:
    """Five queries, whatever was cast; of answers, only the ends are read."""
    if voter is None:
        return Record()
    cast = Ballot.objects.filter(voter=voter).aggregate(all=Count("pk"), ranked=Count("pk", Q(uncounted_because="")))
    latest = list(Ballot.objects.filter(voter=voter).order_by("-pk").values_list("pk", flat=True)[:LATEST_BALLOTS])
    mine: dict[int, str] = dict(
        Verdict.objects.filter(ballot__in=latest, judgement__in=_DECIDED).order_by().values_list("seat", "judgement")
    )
    compared, agreed = _with_others(voter, mine)
    checked, confirmed = _with_references([seat for seat, said in mine.items() if said == Judgement.CORRECT])
    return Record(cast["all"], cast["ranked"], compared, agreed, checked, confirmed)


def _with_others(voter: Voter, mine: dict[int, str]) -> tuple[int, int]:
    """How many verdicts can be compared with what more of the others say, and how many agree."""
    others = Ballot.objects.heard_by(voter).exclude(voter=voter)
    said = Verdict.objects.filter(seat__in=list(mine), judgement__in=_DECIDED, ballot__in=others).order_by()
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for seat, judgement, count in said.values_list("seat", "judgement").annotate(count=Count("pk")):
        counts[seat][judgement] = count
    leanings = {
        seat: Judgement.CORRECT if count[Judgement.CORRECT] > count[Judgement.FLAWED] else Judgement.FLAWED
        for seat, count in counts.items()
        if count[Judgement.CORRECT] != count[Judgement.FLAWED]
    }
    return len(leanings), sum(mine[seat] == leaning for seat, leaning in leanings.items())


def _with_references(found_correct: list[int]) -> tuple[int, int]:
    """How many of the latest of these answers could be compared with a reference, and how many match it."""
    answers = (
        Response.objects.filter(seat__in=found_correct, turn__index=0, turn__battle__problem__checker__in=CHECKABLE)
        .order_by("-pk")
        .values_list("turn__battle__problem__checker", "turn__battle__problem__answer", Right("answer", END_CHARS))
    )
    told = [matches(*answer) for answer in answers[:LATEST_ANSWERS]]
    return sum(match is not None for match in told), sum(match is True for match in told)
