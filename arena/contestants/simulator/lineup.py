"""Which models the simulator serves, under which names, and how each goes about it by default."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from arena.contestants.simulator import reasoners
from arena.contestants.simulator.directions import Directions, Placement, directed, refuse_unknown, split_model
from arena.contestants.simulator.generation import Message, Script, numbered

Write = Callable[[Sequence[Message], Directions], Script]


class UnknownModel(LookupError):
    """No model of that name."""

    def __init__(self, model: str) -> None:
        super().__init__(f"There is no model {model!r}.")


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """What stands behind a model id. `thinks_separately`: Ollama's capability "thinking"."""

    write: Write
    defaults: Directions

    @property
    def thinks_separately(self) -> bool:
        return self.defaults.reasoning in (Placement.SEPARATE, Placement.ALTERNATIVE)


def _by(reasoner: reasoners.Reasoner) -> Write:
    return lambda messages, _: Script.of(*reasoner(messages))


MODELS = {
    "sim-chatty": SimulatedModel(_by(reasoners.chatty), Directions(rate=60, reasoning=Placement.UNOPENED, delay=0.4)),
    "sim-terse": SimulatedModel(_by(reasoners.terse), Directions(rate=35, delay=0.8)),
    "sim-formal": SimulatedModel(_by(reasoners.formal), Directions(rate=55, reasoning=Placement.HIDDEN, delay=4.0)),
    "sim-hasty": SimulatedModel(_by(reasoners.hasty), Directions(rate=60, delay=0.2)),
}
# Served on request but not listed: nobody wants it as a contestant by discovery.
LOAD = SimulatedModel(lambda _, directions: numbered(directions), Directions())


class Lineup:
    """`aliases`: further names, each for a model id with its directions, such as {"qwq:32b": "load?think=0.5"}.

    `pullable`: the same, for names that are not there until they have been pulled. Raises UnknownModel or
    WrongDirections for what stands behind one of them.
    """

    def __init__(self, aliases: Mapping[str, str] | None = None, pullable: Mapping[str, str] | None = None) -> None:
        self._aliases = dict(aliases or {})
        self._pullable = dict(pullable or {})
        for target in (*self._aliases.values(), *self._pullable.values()):
            self.directions_to_pull(target)
        self._fetched: dict[str, int] = {}  # bytes, of what is being pulled or was left halfway

    def names(self) -> list[str]:
        return [*MODELS, *self._aliases]

    def find(self, model: str) -> tuple[SimulatedModel, dict[str, object]]:
        """The model and the directions in its id. Raises UnknownModel or WrongDirections."""
        return _found(model, self._aliases)

    def directions(self, model: str) -> Directions:
        found, wishes = self.find(model)
        return directed(found.defaults, wishes)

    # --- what can be pulled

    def has(self, model: str) -> bool:
        return any(_plain(model) == _plain(name) for name in (*MODELS, "load", *self._aliases))

    def directions_to_pull(self, model: str) -> Directions:
        """Raises UnknownModel for what no registry has."""
        found, wishes = _found(model, self._pullable | self._aliases)
        return directed(found.defaults, wishes)

    def fetched(self, model: str) -> int:
        return self._fetched.get(_plain(model), 0)

    def note_fetched(self, model: str, size: int) -> None:
        self._fetched[_plain(model)] = size

    def add(self, model: str) -> None:
        """It has been pulled."""
        self._fetched.pop(_plain(model), None)
        for name, target in self._pullable.items():
            if _plain(name) == _plain(model):
                self._aliases[name] = target

    def forget(self, model: str) -> bool:
        """Whether it was there and could be deleted."""
        for name in list(self._aliases):
            if _plain(name) == _plain(model) and name in self._pullable:
                del self._aliases[name]
                return True
        return False


def _plain(model: str) -> str:
    return split_model(model)[0]


def _found(model: str, aliases: Mapping[str, str]) -> tuple[SimulatedModel, dict[str, object]]:
    name, wishes = split_model(model)
    target = aliases.get(model) or aliases.get(name)
    if target:
        name, given = split_model(target)
        wishes = given | wishes
    refuse_unknown(wishes)
    found = LOAD if name == "load" else MODELS.get(name)
    if found is None:
        raise UnknownModel(model)
    return found, wishes
