"""Which models the simulator serves, under which names, and how each goes about it by default."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from arena.contestants.simulator import reasoners
from arena.contestants.simulator.directions import Directions, Placement, directed, refuse_unknown, split_model
from arena.contestants.simulator.generation import Message, Script, numbered

Write = Callable[[Sequence[Message], Directions], Script]


class UnknownModel(LookupError):
    """No model of that name."""


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


@dataclass(frozen=True, slots=True)
class Lineup:
    """`aliases`: further names, each for a model id with its directions, such as {"qwq:32b": "load?think=0.5"}."""

    aliases: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> list[str]:
        return [*MODELS, *self.aliases]

    def find(self, model: str) -> tuple[SimulatedModel, dict[str, object]]:
        """The model and the directions in its id. Raises UnknownModel or WrongDirections."""
        name, wishes = split_model(model)
        target = self.aliases.get(model) or self.aliases.get(name)
        if target:
            name, given = split_model(target)
            wishes = given | wishes
        refuse_unknown(wishes)
        found = LOAD if name == "load" else MODELS.get(name)
        if found is None:
            raise UnknownModel(model)
        return found, wishes

    def directions(self, model: str) -> Directions:
        found, wishes = self.find(model)
        return directed(found.defaults, wishes)
