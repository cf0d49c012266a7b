"""Where a contestant stands: in play, resting, switched off or retired; why, and what would bring it back."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from arena.contestants.models import Contestant, Provider
from arena.contestants.retirement import in_words, is_retired, retirement_of, retires_on
from arena.contestants.servers import server_of, waits_for_own_server


class State(StrEnum):
    IN_PLAY = "in play"
    RESTING = "resting"
    OFF = "switched off"
    RETIRED = "retired"


class Place(StrEnum):
    """Where it answers. The values stand in addresses of pages."""

    OWN = "own"
    HOSTED = "hosted"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Standing:
    """Sentences in which `code` stands in backticks; "" where there is nothing to say. `leaves` is the day, still to
    come, on which its server stops offering it."""

    state: State
    reason: str = ""
    advice: str = ""
    leaves: date | None = None

    @property
    def leaves_in_words(self) -> str:
        return in_words(self.leaves)


def standing_of(contestant: Contestant, *, in_play: bool, today: date) -> Standing:
    if is_retired(contestant, today):
        return Standing(State.RETIRED, retirement_of(contestant, today), _WHERE_TO_REPLACE)
    leaves = retires_on(contestant)
    if not contestant.active:
        return Standing(State.OFF, "Switched off: not drawn until it is switched on in the admin.", leaves=leaves)
    if in_play:
        return Standing(State.IN_PLAY, leaves=leaves)
    if contestant.is_available:
        return Standing(State.RESTING, "Steps back while real contestants are available.", leaves=leaves)
    reason = contestant.unavailable_because or "Not checked yet."
    return Standing(State.RESTING, reason, _advice(contestant), leaves)


def place_of(contestant: Contestant) -> Place:
    if contestant.simulated:
        return Place.SIMULATED
    is_own = server_of(contestant).is_near or waits_for_own_server(contestant)
    return Place.OWN if is_own else Place.HOSTED


_WHERE_TO_REPLACE = "Another model id, or another server that has it, can be named for it in `ARENA_CATALOGUE`."


def _advice(contestant: Contestant) -> str:
    """Told from where it is asked: what is in the way may change with every check."""
    if not contestant.unavailable_because or waits_for_own_server(contestant):
        return ""
    server = server_of(contestant)
    if server.lacks_key and server.key_name:
        return f"Set `{server.key_name}` in the environment or in `.env`, and start the arena again."
    if server.provider == Provider.OLLAMA and "ollama pull" not in contestant.unavailable_because:
        return "" if contestant.base_url else "Start Ollama, or say in `OLLAMA_HOST` where it runs."
    return ""
