"""Why something cannot be done to a battle, in a sentence for the person who asked.

BattleError
├── PromptRefused        empty, too long, or not text
├── WrongSize            fewer than two contestants, or more than six
├── UnknownContestant    no such slug, or not in play
├── TooFewContestants    not enough are available
├── KeptApart            two of the chosen never meet
├── NotYours             only who started a battle may steer it
├── NotNow               the battle's state does not allow it
└── BudgetSpent          it would cost more than may still be spent today
"""


class BattleError(Exception):
    """`str(error)` is the sentence; `field` names the input it is about, if any."""

    status = 422
    field = ""


class PromptRefused(BattleError):
    """`field` is "prompt", or "system" where it is about the system prompt."""

    def __init__(self, sentence: str, field: str = "prompt") -> None:
        super().__init__(sentence)
        self.field = field


class WrongSize(BattleError):
    field = "size"


class UnknownContestant(BattleError):
    field = "contestants"


class TooFewContestants(BattleError):
    status = 409
    field = "contestants"


class KeptApart(BattleError):
    field = "contestants"


class NotYours(BattleError):
    status = 403


class NotNow(BattleError):
    status = 409


class BudgetSpent(BattleError):
    """`retry_after_s` until the budgets start anew."""

    status = 429

    def __init__(self, sentence: str, *, retry_after_s: int) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s
