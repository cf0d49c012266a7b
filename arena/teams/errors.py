"""Why somebody may not do something here at all, in a sentence for them.

TeamError
└── AccountNeeded    this arena asks people to sign in first
"""


class TeamError(Exception):
    """`str(error)` is the sentence; `field` names the input it is about, if any."""

    status = 403
    field = ""


class AccountNeeded(TeamError):
    status = 401
