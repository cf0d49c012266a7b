"""A battle as one voter may see it. Names and other people's verdicts are put in only once that voter may know them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from django.db.models import Count

from arena.battles.models import Battle, Pacing, Response, ResponseStatus
from arena.battles.pace import mean_pace
from arena.battles.queries import BlindBattle, BlindResponse, blind_battle
from arena.problems.checking import matches
from arena.teams.models import Voter
from arena.teams.queries import is_active_in
from arena.voting.models import TIE, Ballot, Judgement, Uncounted, Verdict

Number = TypeVar("Number", int, float)


class Mishap(Enum):
    """Why a slot had a lesser chance, as it is told of one slot and of several."""

    FAILED = "failed", "failed"
    STOPPED = "was stopped", "were stopped"
    WROTE_NOTHING = "wrote nothing", "wrote nothing"

    def told_of(self, slots: Sequence[str]) -> str:
        one, several = self.value
        return several if len(slots) > 1 else one


@dataclass(frozen=True, slots=True)
class MyBallot:
    """What this voter said. `best` is a slot, "tie" or "" (no pick)."""

    verdicts: dict[str, str]
    best: str
    first_flaws: dict[str, int]
    tags: dict[str, list[str]]
    comment: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How often each judgement and each pick was given; every slot, judgement and pick is a key."""

    ballots: int
    verdicts: dict[str, dict[str, int]]
    best: dict[str, int]

    @property
    def picks(self) -> int:
        return sum(self.best.values())

    def without(self, mine: MyBallot) -> "Tally":
        """What the others said."""
        verdicts = {
            slot: counts | {mine.verdicts[slot]: counts[mine.verdicts[slot]] - 1}
            for slot, counts in self.verdicts.items()
        }
        best = self.best | ({mine.best: self.best[mine.best] - 1} if mine.best else {})
        return Tally(self.ballots - 1, verdicts, best)


@dataclass(frozen=True, slots=True)
class Reference:
    """The problem's answer, and by slot whether the contestant's agrees; None where a machine cannot tell."""

    answer: str
    matches: dict[str, bool | None]

    @property
    def is_compared(self) -> bool:
        return any(match is not None for match in self.matches.values())


@dataclass(frozen=True, slots=True)
class RevealedSlot:
    """Sums over the turns, None where a part is unknown; `first_token_ms` is that of the last turn.

    `cost_usd` is that of the responses as they stand, `earlier_cost_usd` what attempts before them are known to have
    cost. `price_source` says how the cost is known; "" where it is not.
    """

    slug: str
    name: str
    simulated: bool
    cost_usd: float | None
    input_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    first_token_ms: int | None
    duration_ms: int | None
    tokens_per_second: float | None
    cached_input_tokens: int | None
    price_source: str
    earlier_cost_usd: float | None

    @property
    def cost_is_unknown_because(self) -> str:
        """A part of a sentence; "" where the cost is known."""
        if self.cost_usd is not None:
            return ""
        lacks_counts = self.input_tokens is None or self.output_tokens is None
        return "its server did not tell all token counts" if lacks_counts else "nobody tells its price"


@dataclass(frozen=True, slots=True)
class VotersBattle:
    """`reveal` is None until this voter has cast a ballot, unless the battle is open; `tally`, `others` and `reference`
    until they have voted. `others` is the tally without their own; `reference` is None where nobody knows one.

    `status` is "running", "finished" or, once this voter may see the names, "revealed". Who reads along is a viewer of
    its team, and has no vote. `unranked_because` is a sentence to show before voting, empty if the ballot will be
    ranked.
    """

    battle: BlindBattle
    status: str
    may_vote: bool
    reads_along: bool
    may_steer: bool
    unranked_because: str
    my_ballot: MyBallot | None
    tally: Tally | None
    others: Tally | None
    reference: Reference | None
    reveal: dict[str, RevealedSlot] | None
    ballot_count: int


def battle_for(battle: Battle, voter: Voter | None) -> VotersBattle:
    """At most ten queries, whatever the number of turns, slots and ballots."""
    my_ballot = _my_ballot(battle, voter)
    count = Ballot.objects.filter(battle=battle).heard_by(voter).count()
    knows_names = my_ballot is not None or not battle.blind
    blind = blind_battle(battle, is_masked=not knows_names)
    tally = _tally(battle, blind.slots, count, voter) if my_ballot else None
    reads_along = battle.team is not None and not is_active_in(battle.team, voter)
    return VotersBattle(
        battle=blind,
        status="revealed" if knows_names and not blind.is_running else blind.status,
        may_vote=not blind.is_running and my_ballot is None and has_text(blind) and not reads_along,
        reads_along=reads_along,
        may_steer=_is_starter(battle, voter) and battle.revealed_at is None and not reads_along,
        unranked_because=unranked_sentence(blind),
        my_ballot=my_ballot,
        tally=tally,
        others=tally.without(my_ballot) if tally and my_ballot else None,
        reference=_reference(battle, blind) if my_ballot else None,
        reveal=_reveal(battle) if knows_names else None,
        ballot_count=count,
    )


def _is_starter(battle: Battle, voter: Voter | None) -> bool:
    return voter is not None and battle.started_by_id == voter.pk


def has_text(battle: BlindBattle) -> bool:
    """Is there anything to judge?"""
    return any(response.has_text for turn in battle.turns for response in turn.responses)


def uncounted_reason(battle: BlindBattle) -> Uncounted | None:
    """Why ballots on this battle are kept but not ranked. A slot that failed in any turn had a lesser chance."""
    if not battle.blind:
        return Uncounted.OPEN
    if _named_themselves(battle):
        return Uncounted.NAMED_ITSELF
    if _asks_for_identity(battle):
        return Uncounted.ASKED_WHO
    if _asked_alone(battle):
        return Uncounted.ASKED_ALONE
    return Uncounted.SLOT_FAILED if _mishaps(battle) else None


def unranked_sentence(battle: BlindBattle) -> str:
    """The reasons in a sentence for the voter, naming slots only; empty if the ballot will be ranked."""
    reasons = ["the names are shown from the start"] if not battle.blind else list(_reasons(battle))
    if not reasons:
        return ""
    what = reasons[0] if len(reasons) == 1 else f"{', '.join(reasons[:-1])}, and {reasons[-1]}"
    return f"{what[0].upper()}{what[1:]}, so ballots on this battle are kept but not ranked."


def _reasons(battle: BlindBattle) -> Iterator[str]:
    if named := _named_themselves(battle):
        yield f"{_list(named)} named {'themselves' if len(named) > 1 else 'itself'}"
    if _asks_for_identity(battle):
        yield "the question asks the contestants who they are"
    if alone := _asked_alone(battle):
        yield f"{_list(alone)} {'were' if len(alone) > 1 else 'was'} asked again alone, where speed can be seen"
    slots_by_mishap: dict[Mishap, list[str]] = defaultdict(list)
    for slot, mishap in sorted(_mishaps(battle).items()):
        slots_by_mishap[mishap].append(slot)
    for mishap, slots in slots_by_mishap.items():
        yield f"{_list(slots)} {mishap.told_of(slots)}"


def _named_themselves(battle: BlindBattle) -> list[str]:
    return sorted({response.slot for turn in battle.turns for response in turn.responses if response.named_itself})


def _asked_alone(battle: BlindBattle) -> list[str]:
    """Whoever plays alone cannot be shown at the pace of others. What is shown live hides no speed at all."""
    if battle.pacing == Pacing.LIVE:
        return []
    return sorted({response.slot for turn in battle.turns for response in turn.responses if response.asked_alone})


def _asks_for_identity(battle: BlindBattle) -> bool:
    return any(turn.asks_for_identity for turn in battle.turns)


def last_responses(battle: BlindBattle) -> dict[str, BlindResponse]:
    """Each slot's response of the last turn: the one whose steps a first flaw counts."""
    return {response.slot: response for response in battle.turns[-1].responses}


def _list(slots: Sequence[str]) -> str:
    return f"{', '.join(slots[:-1])} and {slots[-1]}" if len(slots) > 1 else slots[0]


def _mishaps(battle: BlindBattle) -> dict[str, Mishap]:
    return {
        response.slot: mishap for turn in battle.turns for response in turn.responses if (mishap := _mishap(response))
    }


def _mishap(response: BlindResponse) -> Mishap | None:
    if response.status == ResponseStatus.FAILED:
        return Mishap.FAILED
    if response.status == ResponseStatus.STOPPED:
        return Mishap.STOPPED
    if response.status == ResponseStatus.FINISHED and not response.has_text:
        return Mishap.WROTE_NOTHING
    return None


def _my_ballot(battle: Battle, voter: Voter | None) -> MyBallot | None:
    if voter is None:
        return None
    ballot = Ballot.objects.filter(battle=battle, voter=voter).first()
    if ballot is None:
        return None
    verdicts = list(ballot.verdicts.select_related("seat"))
    return MyBallot(
        verdicts={verdict.seat.slot: verdict.judgement for verdict in verdicts},
        best=ballot.best,
        first_flaws={verdict.seat.slot: verdict.first_flaw for verdict in verdicts if verdict.first_flaw},
        tags={verdict.seat.slot: list(verdict.tags) for verdict in verdicts if verdict.tags},
        comment=ballot.comment,
    )


def _reference(battle: Battle, blind: BlindBattle) -> Reference | None:
    """A problem is what the first turn asks; what was asked on is nobody's reference."""
    problem = battle.problem
    if problem is None or not problem.answer:
        return None
    answers = {response.slot: response.answer for response in blind.turns[0].responses}
    return Reference(
        problem.answer, {slot: matches(problem.checker, problem.answer, answer) for slot, answer in answers.items()}
    )


def _tally(battle: Battle, slots: Iterable[str], ballots: int, voter: Voter | None) -> Tally:
    heard = Ballot.objects.filter(battle=battle).heard_by(voter)
    verdicts = {slot: dict.fromkeys(Judgement.values, 0) for slot in slots}
    counts = Verdict.objects.filter(ballot__in=heard).order_by().values_list("seat__slot", "judgement")
    for slot, judgement, count in counts.annotate(count=Count("pk")):
        verdicts[slot][judgement] = count
    best = dict.fromkeys([*slots, TIE], 0)
    picks = heard.exclude(best="").order_by().values_list("best")
    for pick, count in picks.annotate(count=Count("pk")):
        best[pick] = count
    return Tally(ballots, verdicts, best)


def _reveal(battle: Battle) -> dict[str, RevealedSlot]:
    responses = (
        Response.objects.filter(turn__battle=battle)
        .select_related("seat__contestant", "turn")
        .defer("raw", "reasoning", "answer", "steps")
    )
    by_slot: dict[str, list[Response]] = defaultdict(list)
    for response in responses.order_by("seat__slot", "turn__index"):
        by_slot[response.seat.slot].append(response)
    return {slot: _revealed_slot(of_slot) for slot, of_slot in by_slot.items()}


def _revealed_slot(responses: list[Response]) -> RevealedSlot:
    contestant = responses[-1].seat.contestant
    return RevealedSlot(
        slug=contestant.slug,
        name=contestant.display_name,
        simulated=contestant.simulated,
        cost_usd=_total(response.cost_usd for response in responses),
        input_tokens=_total(response.input_tokens for response in responses),
        output_tokens=_total(response.output_tokens for response in responses),
        reasoning_tokens=_total(response.reasoning_tokens for response in responses),
        first_token_ms=responses[-1].first_token_ms,
        duration_ms=_total(response.duration_ms for response in responses),
        tokens_per_second=mean_pace(_paces(responses)),
        cached_input_tokens=_total(response.cached_input_tokens for response in responses),
        price_source="; ".join(dict.fromkeys(response.price_source for response in responses if response.price_source)),
        earlier_cost_usd=_known_total(response.earlier_cost_usd for response in responses),
    )


def _paces(responses: Iterable[Response]) -> Iterator[tuple[float, int]]:
    for response in responses:
        if response.tokens_per_second and response.duration_ms is not None and response.first_token_ms is not None:
            yield response.tokens_per_second, response.duration_ms - response.first_token_ms


def _known_total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _total(values: Iterable[Number | None]) -> Number | None:
    """The sum, or None if a part of it is unknown: a sum without that part would be too small."""
    total = None
    for value in values:
        if value is None:
            return None
        total = value if total is None else total + value
    return total
