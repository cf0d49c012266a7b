"""Why somebody may not do something here at all, in a sentence for them.

TeamError
├── AccountNeeded      this arena asks people to sign in first
├── InvitationNeeded   this arena asks people to have been invited
└── TooMany            so many of these within so short a time
"""


class TeamError(Exception):
    """`str(error)` is the sentence; `field` names the input it is about, if any."""

    status = 403
    field = ""


class AccountNeeded(TeamError):
    status = 401


class InvitationNeeded(TeamError):
    status = 403


class TooMany(TeamError):
    """`retry_after_s`: whole seconds, at least 1."""

    status = 429

    def __init__(self, sentence: str, *, retry_after_s: int) -> None:
        super().__init__(sentence)
        self.retry_after_s = max(1, retry_after_s)
