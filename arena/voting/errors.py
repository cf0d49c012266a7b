"""Why a ballot is not taken, in a sentence for the person who cast it.

VotingError
├── MembersOnly       viewers of a team read along
├── NotYet            the contestants are still at work, or there is nothing to judge
├── AlreadyVoted      one ballot per voter and battle
├── VerdictRefused    a slot is missing or unknown, or the judgement is not one of ours
├── BestRefused       neither a slot nor a tie
├── FirstFlawRefused  no such step, or the slot was not judged flawed
├── TagRefused        not one of our tags, or on an unknown slot
└── CommentRefused    too long, or not text
"""


class VotingError(Exception):
    """`str(error)` is the sentence; `field` names the input it is about, if any."""

    status = 422
    field = ""


class MembersOnly(VotingError):
    status = 403


class NotYet(VotingError):
    status = 409


class AlreadyVoted(VotingError):
    status = 409


class VerdictRefused(VotingError):
    field = "verdicts"


class BestRefused(VotingError):
    field = "best"


class FirstFlawRefused(VotingError):
    field = "first_flaws"


class TagRefused(VotingError):
    field = "tags"


class CommentRefused(VotingError):
    field = "comment"
