"""One request to a model server, with everything a provider needs and nothing of the database."""

from dataclasses import dataclass, field
from typing import Literal, TypedDict

from arena.masking import remember, remember_url


class Message(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Call:
    """`messages` ends with a user message; a system message, if any, comes first."""

    base_url: str = field(repr=False)  # it may hold a password
    model: str
    messages: tuple[Message, ...]
    api_key: str = field(default="", repr=False)
    options: dict[str, object] = field(default_factory=dict)
    opens_with_reasoning: bool = False

    def __post_init__(self) -> None:
        remember(self.api_key)
        remember_url(self.base_url)

    @property
    def bearer(self) -> dict[str, str]:
        """A header for servers that ask for a key; many, and Ollama itself, ask for none."""
        return {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
