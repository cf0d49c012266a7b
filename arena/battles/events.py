"""Every message that may go to a browser about a battle. They know slots, never contestants. No Django here.

The wire form is fixed: a delta is an array to stay small, all others are objects with a `type`.
"""

from dataclasses import asdict, dataclass
from typing import ClassVar, Literal

REASONING = "r"
ANSWER = "a"

Wire = list[object] | dict[str, object]


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Text to append to the reasoning ("r") or the answer ("a") of a slot."""

    slot: str
    turn: int
    part: Literal["r", "a"]
    text: str

    def wire(self) -> Wire:
        return [self.slot, self.turn, self.part, self.text]


class _Named:
    """An event sent as an object: its fields and its type."""

    type: ClassVar[str]

    def wire(self) -> Wire:
        return {"type": self.type, **asdict(self)}  # type: ignore[call-overload]  # every subclass is a dataclass


@dataclass(frozen=True)
class TurnAdded(_Named):
    type = "turn"
    index: int
    prompt: str


@dataclass(frozen=True)
class ResponseStarted(_Named):
    """The contestant's server has been asked."""

    type = "started"
    slot: str
    turn: int


@dataclass(frozen=True)
class ResponseWaiting(_Named):
    """Why nothing has come yet: "loading", "queued", "retrying", or "" where that is not known (any more)."""

    type = "waiting"
    slot: str
    turn: int
    why: str


@dataclass(frozen=True)
class ResponseRelabelled(_Named):
    """What was shown as answer so far was reasoning."""

    type = "relabel"
    slot: str
    turn: int


@dataclass(frozen=True)
class ResponseSnapshot(_Named):
    """Replaces what is shown of a response."""

    type = "snapshot"
    slot: str
    turn: int
    reasoning: str
    answer: str
    status: str


@dataclass(frozen=True)
class ResponseFinished(_Named):
    type = "finished"
    slot: str
    turn: int


@dataclass(frozen=True)
class ResponseFailed(_Named):
    type = "failed"
    slot: str
    turn: int
    code: str
    message: str


@dataclass(frozen=True)
class ResponseStopped(_Named):
    type = "stopped"
    slot: str
    turn: int


@dataclass(frozen=True)
class ResponseRestarted(_Named):
    """The slot is asked again: empty its pane."""

    type = "restarted"
    slot: str
    turn: int


@dataclass(frozen=True)
class NamedItself(_Named):
    """The response has said who wrote it. Where it did so, its text is masked."""

    type = "named_itself"
    slot: str
    turn: int


@dataclass(frozen=True)
class ProgressMade(_Named):
    """Of a turn that is not shown live: how many have written nothing yet, how many write or are done. Never who."""

    type = "progress"
    turn: int
    thinking: int
    writing: int
    done: int


@dataclass(frozen=True)
class BallotCast(_Named):
    """How many ballots there are, and nothing of what they say."""

    type = "ballots"
    count: int


@dataclass(frozen=True)
class Revealed(_Named):
    """The names may be fetched by those who may see them."""

    type = "revealed"


@dataclass(frozen=True)
class Resync(_Named):
    """The log does not reach back to the cursor: fetch the battle, reconnect without one."""

    type = "resync"


@dataclass(frozen=True)
class Alive(_Named):
    type = "alive"


EndEvent = ResponseFinished | ResponseFailed | ResponseStopped
Event = (
    TextDelta
    | TurnAdded
    | ResponseStarted
    | ResponseWaiting
    | ResponseRelabelled
    | ResponseSnapshot
    | ResponseFinished
    | ResponseFailed
    | ResponseStopped
    | ResponseRestarted
    | NamedItself
    | ProgressMade
    | BallotCast
    | Revealed
    | Resync
    | Alive
)
