"""What a model server's stream is turned into, whatever its protocol. No Django here.

A stream is any number of `Waiting`, `ReasoningDelta`, `AnswerDelta`, `Relabel` and `Usage`, and one `Finish` as
its last item. `Waiting` comes before the first text only. A stream that cannot end so raises
`arena.contestants.errors.ProviderError`.
"""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of reasoning, to be appended. Never empty; valid Unicode without NUL."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """A piece of the answer, to be appended. Never empty; valid Unicode without NUL."""

    text: str


@dataclass(frozen=True, slots=True)
class Relabel:
    """All answer text so far was reasoning: a closing tag came that nothing had opened."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts as the server reports them; None where it does not say. Later ones replace earlier ones.

    `output_tokens` includes `reasoning_tokens`, `input_tokens` both those read from the vendor's cache and those
    written to it. `cost_usd` is what the server itself says that it bills.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None


class WaitReason(StrEnum):
    """Why nothing has come yet."""

    LOADING = "loading"  # the server loads the model into memory
    QUEUED = "queued"  # the server works on other requests first
    RETRYING = "retrying"  # the server was busy, and will be asked again


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing has come yet, and this is why. A later one replaces it; None takes it back: no reason is known."""

    reason: WaitReason | None


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"  # the token limit was reached: truncated
    CONTENT_FILTER = "content_filter"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finish:
    """The server's own terminal mark.

    `reasoning` and `answer` are the whole texts, white space stripped at the seam; they replace the
    joined deltas (from which they differ by that white space, or by a split inferred at the end).
    `raw` is the text as the server sent it, tags included.
    """

    reason: FinishReason
    reasoning: str
    answer: str
    raw: str
    is_split_inferred: bool = False


Delta = Waiting | ReasoningDelta | AnswerDelta | Relabel | Usage | Finish
