"""What every door does when a person votes: the service, then the browsers that watch the battle are told."""

from typing import Unpack

from arena.battles import tasks
from arena.battles.models import Battle
from arena.teams.models import Voter
from arena.voting.models import Ballot
from arena.voting.services import BallotOptions, cast_ballot


def vote(battle: Battle, voter: Voter, **options: Unpack[BallotOptions]) -> Ballot:
    ballot = cast_ballot(battle, voter, **options)
    tasks.announce_ballots(battle, Ballot.objects.filter(battle=battle).heard_by(None).count())
    return ballot
