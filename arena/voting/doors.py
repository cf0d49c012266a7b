"""What every door does when a person votes: the service, then the browsers that watch the battle are told."""

from collections.abc import Mapping, Sequence
from typing import Required, TypedDict, Unpack

from arena.battles import tasks
from arena.battles.models import Battle
from arena.teams.models import Voter
from arena.voting.models import Ballot
from arena.voting.services import cast_ballot


class BallotOptions(TypedDict, total=False):
    """The options of `cast_ballot`."""

    verdicts: Required[Mapping[str, str]]
    best: str | None
    first_flaws: Mapping[str, int]
    tags: Mapping[str, Sequence[str]]
    comment: str


def vote(battle: Battle, voter: Voter, **options: Unpack[BallotOptions]) -> Ballot:
    ballot = cast_ballot(battle, voter, **options)
    tasks.announce_ballots(battle, battle.ballots.count())
    return ballot
