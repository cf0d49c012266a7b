"""What can go wrong with a model server. Each kind knows if trying again may help. No Django here.

ProviderError
├── Unreachable      no connection, or it was refused
├── KeyMissing       the variable that should hold the key is empty
├── KeyUnusable      what the variable holds can be no key; it was not sent
├── KeyRefused       401 or 403
├── QuotaSpent       the account has no credit left
├── RateLimited      429: too many requests; may carry `retry_after_s`
├── Overloaded       503, 529: too much to do for everybody; may carry `retry_after_s`
├── ModelGone        no such model (any more)
├── ContextTooLong   the prompt does not fit
├── ContentRefused   the server's filter refused the prompt
├── BadRequest       any other 4xx
├── ServerFailed     5xx, or an error in mid-stream
├── Truncated        the stream ended without its terminal mark
├── Garbage          not the protocol: HTML, broken JSON, an empty 200
├── TimedOut
│   ├── Silent           nothing came for too long
│   └── DeadlinePassed   it wrote on and on
└── TooLarge         more text than the arena takes

`message` is shown to voters before the reveal: one plain sentence that names no contestant, vendor or server.
`str(error)`, its notes and its fields are the full story for the operator's log.
"""

from math import ceil

from arena.masking import masked

SOON = "in a while"


class ProviderError(Exception):
    """`detail` is for the log and may name the server. Servers repeat keys: they are taken out of it, and of notes.

    Whoever asked the server fills in: `where`, its address; `status`, that of its answer, if one came; `was_refused`,
    the server did not take the request on, so that it cannot have cost anything.
    """

    code = "failed"
    message = "This contestant's server failed."
    may_retry = True

    def __init__(self, detail: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(f"{self.code}: {masked(detail)}" if detail else self.code)
        self.retry_after_s = retry_after_s
        self.where = ""
        self.status: int | None = None
        self.was_refused = False

    @property
    def sentence(self) -> str:
        """`message`, with the time to try again where the server has named it."""
        if not self.retry_after_s:
            return self.message
        return self.message.replace(SOON, f"in about {_roughly(self.retry_after_s)}")

    def add_note(self, note: str) -> None:
        super().add_note(masked(note))


class Unreachable(ProviderError):
    code = "unreachable"
    message = "This contestant's server could not be reached."


class KeyMissing(ProviderError):
    code = "key_missing"
    message = "This contestant's server needs a key, and none is configured."
    may_retry = False


class KeyUnusable(ProviderError):
    code = "key_unusable"
    message = "The key configured for this contestant's server cannot be used."
    may_retry = False


class KeyRefused(ProviderError):
    code = "key_refused"
    message = "This contestant's server refused the configured key."
    may_retry = False


class QuotaSpent(ProviderError):
    code = "quota_spent"
    message = "The account at this contestant's server has no credit left."
    may_retry = False


class RateLimited(ProviderError):
    code = "busy"
    message = f"This contestant's server is busy; try again {SOON}."


class Overloaded(ProviderError):
    code = "overloaded"
    message = f"This contestant's server is overloaded; try again {SOON}."


class ModelGone(ProviderError):
    code = "model_gone"
    message = "This contestant's server no longer offers it."
    may_retry = False


class ContextTooLong(ProviderError):
    code = "context_too_long"
    message = "The conversation is too long for this contestant."
    may_retry = False


class ContentRefused(ProviderError):
    code = "content_refused"
    message = "This contestant's server refused to answer this prompt."
    may_retry = False


class BadRequest(ProviderError):
    code = "bad_request"
    message = "This contestant's server did not accept the request."
    may_retry = False


class ServerFailed(ProviderError):
    code = "server_failed"
    message = "This contestant's server failed."


class Truncated(ProviderError):
    code = "truncated"
    message = "The stream broke off before this contestant had finished."


class Garbage(ProviderError):
    code = "garbage"
    message = "This contestant's server sent something that could not be read."


class TimedOut(ProviderError):
    code = "timed_out"
    message = "This contestant took too long."


class Silent(TimedOut):
    code = "silent"
    message = "This contestant was silent for too long."


class DeadlinePassed(TimedOut):
    code = "deadline"
    message = "This contestant took longer than the arena allows."


class TooLarge(ProviderError):
    code = "too_large"
    message = "This contestant wrote more than the arena takes."
    may_retry = False


def _roughly(seconds: float) -> str:
    """In words, and never less than it is: 30 seconds, 2 minutes, 3 hours."""
    if seconds <= 50:
        return f"{ceil(seconds / 10) * 10} seconds"
    unit_s, unit = (60, "minute") if seconds <= 90 * 60 else (3600, "hour")
    number = ceil(seconds / unit_s)
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"
