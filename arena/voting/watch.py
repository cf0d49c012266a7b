"""The watch over voters: looks at what each has cast of late, and raises flags for the operator. It decides nothing."""

from collections import defaultdict
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Sum
from django.db.models.functions import Length, Substr
from django.utils import timezone

from arena.battles.models import Response, Turn
from arena.teams.models import Concern
from arena.teams.standing import raise_flag
from arena.voting.haste import HANDLING_S, IN_A_ROW, WORDS_AT_LEAST, WORDS_PER_S, Haste, Timed, haste
from arena.voting.models import Ballot, Judgement, Verdict
from arena.voting.repeats import FIRST_CHARS, LOOKED_AT, MANY, Repetition, repetition
from arena.voting.sides import ALPHA, TOLERANCE, Judged, Leaning, leaning

# Of those who voted so lately; the watch comes by more often.
LATELY = timedelta(minutes=10)
LATEST_BALLOTS = 5_000
# Fewer say nothing about anybody.
ENOUGH_BALLOTS = min(IN_A_ROW, MANY)
# Texts of no more battles are measured, and only where the time between ballots was suspiciously short.
MEASURED_BATTLES = 100
SHOWN_CHARS = 200
_FAVOUR = {Judgement.CORRECT.value: 1.0, Judgement.FLAWED.value: 0.0, Judgement.UNSURE.value: 0.5}


def watch() -> int:
    """Looks at everybody who has voted lately. Returns how many flags are new. A few queries for each."""
    return sum(look_at(voter_id) for voter_id in voters_of_late())


def voters_of_late() -> list[int]:
    """Those who have cast enough ballots, one of them lately. By number: ballots have no index by time."""
    since = timezone.now() - LATELY
    latest = Ballot.objects.order_by("-pk").values_list("voter_id", "cast_at")[:LATEST_BALLOTS]
    voters = {voter_id for voter_id, cast_at in latest if cast_at >= since}
    busy = Ballot.objects.filter(voter__in=voters).values("voter").annotate(ballots=Count("pk")).order_by()
    return sorted(busy.filter(ballots__gte=ENOUGH_BALLOTS).values_list("voter", flat=True))


def look_at(voter_id: int) -> int:
    """How many flags are new. Only ballots that may count are looked at: others move nothing."""
    ballots = list(
        Ballot.objects.filter(voter=voter_id, uncounted_because="")
        .order_by("cast_at", "pk")
        .values_list("pk", "battle_id", "best", "cast_at")
    )
    found: list[tuple[Concern, str]] = []
    side = leaning(_judged(voter_id, [(pk, best) for pk, _, best, _ in ballots]))
    if side.is_clear:
        found.append((Concern.ONE_SIDE, said_of_side(side)))
    hurry = _haste([(battle_id, cast_at.timestamp()) for _, battle_id, _, cast_at in ballots])
    if hurry and hurry.is_clear:
        found.append((Concern.TOO_FAST, said_of_haste(hurry)))
    repeated = repetition(_prompts(voter_id))
    if repeated and repeated.is_clear:
        found.append((Concern.SAME_PROMPT, said_of_repetition(repeated)))
    return sum(raise_flag(voter_id, concern, evidence) for concern, evidence in found)


def said_of_side(side: Leaning) -> str:
    odds = f"{side.evidence:,.0f}" if side.evidence < 1e9 else "more than a billion"
    return (
        f"{side.slot} was found the better one in {side.times} of {side.ballots} ballots that told the slots apart. "
        f"Slots are shuffled for every battle, so no letter should win more than its share; {TOLERANCE * 100:.0f} "
        f"points more are allowed for. Chance gives this to fewer than {ALPHA * 100:.0f} in 100 voters "
        f"(evidence {odds} to 1)."
    )


def said_of_haste(hurry: Haste) -> str:
    return (
        f"{hurry.ballots} ballots in a row took {hurry.took_s:.0f} s, on texts of {hurry.words:,} words. To skim "
        f"{WORDS_AT_LEAST} words of each at most and fill in the form takes {hurry.needed_s:.0f} s."
    )


def said_of_repetition(repeated: Repetition) -> str:
    prompt = repeated.prompt if len(repeated.prompt) <= SHOWN_CHARS else f"{repeated.prompt[:SHOWN_CHARS]}…"
    return (
        f"Judged {repeated.times} battles of their own that all asked nearly the same, of the last "
        f"{repeated.questions}: “{prompt}”"
    )


def _judged(voter_id: int, ballots: list[tuple[int, str]]) -> list[Judged]:
    verdicts: dict[int, dict[str, float]] = defaultdict(dict)
    rows = Verdict.objects.filter(ballot__voter=voter_id, ballot__uncounted_because="").order_by()
    for ballot_id, slot, judgement in rows.values_list("ballot_id", "seat__slot", "judgement"):
        verdicts[ballot_id][slot] = _FAVOUR[judgement]
    return [Judged(verdicts[pk], best) for pk, best in ballots]


def _haste(cast: list[tuple[UUID, float]]) -> Haste | None:
    """Texts are measured only where nobody could have read as much as is asked at most."""
    longest_s = IN_A_ROW * (HANDLING_S + WORDS_AT_LEAST / WORDS_PER_S)
    hurried: set[int] = set()
    for last in range(IN_A_ROW, len(cast)):
        if cast[last][1] - cast[last - IN_A_ROW][1] < longest_s:
            hurried.update(range(last - IN_A_ROW, last + 1))
    if not hurried:
        return None
    battles = [cast[number][0] for number in sorted(hurried)[-MEASURED_BATTLES:]]
    chars = dict(
        Response.objects.filter(turn__battle__in=battles)
        .order_by()
        .values_list("turn__battle")
        .annotate(chars=Sum(Length("reasoning") + Length("answer")))
    )
    return haste([Timed(cast_at_s, chars.get(battle_id) or 0) for battle_id, cast_at_s in cast])


def _prompts(voter_id: int) -> list[str]:
    """First questions, in their own words, of the battles that this voter has both started and judged. To ask a problem
    of the collection again is what it is for."""
    judged = Ballot.objects.filter(voter=voter_id, uncounted_because="").values("battle")
    own = Turn.objects.filter(index=0, battle__problem=None, battle__started_by=voter_id, battle__in=judged)
    asked = own.order_by("-pk").values_list(Substr("prompt", 1, FIRST_CHARS), flat=True)
    return list(asked[:LOOKED_AT])[::-1]
