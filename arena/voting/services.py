"""The verb of voting: cast a ballot."""

from collections.abc import Mapping, Sequence
from typing import Required, TypedDict

from django.db import IntegrityError, transaction
from django.db.models.functions import Coalesce, Now

from arena.battles.models import Battle, BattleStatus
from arena.battles.queries import BlindBattle, blind_battle
from arena.teams.models import Voter
from arena.teams.queries import is_active_in
from arena.voting.errors import (
    AlreadyVoted,
    BestRefused,
    CommentRefused,
    FirstFlawRefused,
    MembersOnly,
    NotYet,
    TagRefused,
    VerdictRefused,
)
from arena.voting.models import TIE, Ballot, Judgement, Tag, Verdict
from arena.voting.queries import has_text, last_responses, uncounted_reason
from arena.voting.signals import ballot_cast

COMMENT_MAX_CHARS = 5_000


class BallotOptions(TypedDict, total=False):
    """The options of `cast_ballot`, for those who pass them on."""

    verdicts: Required[Mapping[str, str]]
    best: str | None
    first_flaws: Mapping[str, int]
    tags: Mapping[str, Sequence[str]]
    comment: str


@transaction.atomic
def cast_ballot(
    battle: Battle,
    voter: Voter,
    *,
    verdicts: Mapping[str, str],
    best: str | None = None,
    first_flaws: Mapping[str, int] | None = None,
    tags: Mapping[str, Sequence[str]] | None = None,
    comment: str = "",
) -> Ballot:
    """Save one voter's judgement of a finished battle, which shows them the names. Raises a VotingError.

    Every slot needs a verdict; `best` is a slot, "tie" or None (no pick). Every verdict "unsure" and no best is the
    ballot of someone who only wants to see the names. `first_flaws` counts from 1 the steps of the slot's response in
    the battle's last turn, the one people judge in the end. The signal `ballot_cast` is sent after commit.
    """
    if battle.team is not None and not is_active_in(battle.team, voter):
        raise MembersOnly("Viewers of a team read along; its members vote.")
    _close(battle)
    blind = blind_battle(battle)
    if not has_text(blind):
        raise NotYet("No contestant has written anything in this battle: there is nothing to judge.")
    if Ballot.objects.filter(battle=battle, voter=voter).exists():
        raise AlreadyVoted(
            "You have already voted on this battle; a ballot cannot be changed once the names are known."
        )
    _check_verdicts(blind, verdicts)
    _check_best(blind, best)
    _check_first_flaws(blind, verdicts, first_flaws or {})
    _check_tags(blind, tags or {})
    _check_comment(comment)
    ballot = _save(
        Ballot(
            battle=battle,
            voter=voter,
            best=best or "",
            comment=comment.strip(),
            uncounted_because=uncounted_reason(blind) or "",
        )
    )
    Verdict.objects.bulk_create(
        Verdict(
            ballot=ballot,
            seat=seat,
            judgement=verdicts[seat.slot],
            first_flaw=(first_flaws or {}).get(seat.slot),
            tags=list(dict.fromkeys((tags or {}).get(seat.slot, ()))),
        )
        for seat in battle.seats.all()
    )
    transaction.on_commit(lambda: _tell(ballot))
    return ballot


def _close(battle: Battle) -> None:
    """Fix what is judged before it is read: from here on no turn can be added. Undone if the ballot is refused."""
    claimed = Battle.objects.filter(pk=battle.pk, status=BattleStatus.FINISHED).update(
        revealed_at=Coalesce("revealed_at", Now())
    )
    battle.refresh_from_db(fields=["status", "revealed_at"])
    if not claimed:
        raise NotYet("The contestants are still at work: vote when all have finished, or stop them.")


def _save(ballot: Ballot) -> Ballot:
    """The database's constraint decides when two ballots of one voter arrive at once."""
    try:
        with transaction.atomic():
            ballot.save(force_insert=True)
    except IntegrityError as error:
        raise AlreadyVoted("You have already voted on this battle.") from error
    return ballot


def _tell(ballot: Ballot) -> None:
    # Robust: the ballot is in; nobody who only listens may turn that into an error page.
    ballot_cast.send_robust(sender=Ballot, ballot=ballot)


def _check_verdicts(battle: BlindBattle, verdicts: Mapping[str, str]) -> None:
    for slot, judgement in verdicts.items():
        if slot not in battle.slots:
            raise VerdictRefused(f"This battle has no slot {_quoted(slot)}.")
        if judgement not in Judgement.values:
            raise VerdictRefused(f"A verdict is correct, flawed or unsure, not {_quoted(judgement)}.")
    missing = [slot for slot in battle.slots if slot not in verdicts]
    if missing:
        raise VerdictRefused(f"Give a verdict on {' and '.join(missing)} too.")


def _check_best(battle: BlindBattle, best: str | None) -> None:
    if best and best != TIE and best not in battle.slots:
        raise BestRefused(f"The best is one of {', '.join(battle.slots)}, or a tie, not {_quoted(best)}.")


def _check_first_flaws(battle: BlindBattle, verdicts: Mapping[str, str], first_flaws: Mapping[str, int]) -> None:
    responses = last_responses(battle)
    for slot, step in first_flaws.items():
        if slot not in battle.slots:
            raise FirstFlawRefused(f"This battle has no slot {_quoted(slot)}.")
        if verdicts[slot] != Judgement.FLAWED:
            raise FirstFlawRefused(f"{slot} was not judged flawed, so it has no first flaw.")
        count = len(responses[slot].steps)
        # True is an int to Python, but nobody means step 1 by it.
        if isinstance(step, bool) or not isinstance(step, int) or not 1 <= step <= count:
            numbered = f"the steps of {slot} are numbered 1 to {count}" if count else f"{slot} has no numbered steps"
            raise FirstFlawRefused(f"There is no step {_quoted(step)}: {numbered}.")


def _check_tags(battle: BlindBattle, tags: Mapping[str, Sequence[str]]) -> None:
    for slot, of_slot in tags.items():
        if slot not in battle.slots:
            raise TagRefused(f"This battle has no slot {_quoted(slot)}.")
        for tag in of_slot:
            if tag not in Tag.values:
                raise TagRefused(f"There is no tag {_quoted(tag)}.")


def _check_comment(comment: str) -> None:
    if len(comment) > COMMENT_MAX_CHARS:
        raise CommentRefused(f"The comment has {len(comment):,} characters; at most {COMMENT_MAX_CHARS:,} are allowed.")
    if "\0" in comment:
        raise CommentRefused("The comment contains a NUL character, which cannot be stored.")
    try:
        comment.encode()
    except UnicodeEncodeError as error:
        raise CommentRefused("The comment contains a broken character (half of a surrogate pair).") from error


def _quoted(value: object) -> str:
    """What was sent, short and printable: broken characters must not break the error page too."""
    return ascii(value)[:40]
