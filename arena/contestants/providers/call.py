"""One request to a model server, with everything a provider needs and nothing of the database."""

from dataclasses import dataclass, field
from typing import Literal, TypedDict


class Message(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Call:
    """`messages` ends with a user message; a system message, if any, comes first."""

    base_url: str
    model: str
    messages: tuple[Message, ...]
    api_key: str = field(default="", repr=False)
    options: dict[str, object] = field(default_factory=dict)
    opens_with_reasoning: bool = False
