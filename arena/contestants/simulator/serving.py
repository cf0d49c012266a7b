"""One request for a response, whatever its protocol: refused, put in line, or played with its fault."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import inf
from typing import Protocol

from arena.contestants.simulator import faults
from arena.contestants.simulator.connection import Answer, Headers
from arena.contestants.simulator.directions import ANY_KEY, Directions, Fault, Placement, directed
from arena.contestants.simulator.generation import Generation, Message, Wire, count_tokens, generate
from arena.contestants.simulator.lineup import Lineup, SimulatedModel, UnknownModel
from arena.contestants.simulator.playback import Frame
from arena.contestants.simulator.refusals import REFUSED_BY_FAULT, REFUSED_BY_RULES, Feature, Vendor, refusal
from arena.contestants.simulator.requests import Refusal, Refused
from arena.contestants.simulator.scheduling import Demands, Place, QueueFull, Scheduler

CONVERSATIONS_KEPT = 10_000
ABOUT_CHARS = 100


@dataclass(frozen=True, slots=True)
class Ask:
    """A request for one response, as every protocol puts it.

    `wishes`: directions given beside those in the model id. `uses`: what some models refuse, each with the parameter
    that asks for it. `thinks` false: the client wants no reasoning.
    """

    model: str
    messages: list[Message]
    is_streamed: bool
    wishes: tuple[Mapping[str, object], ...] = ()
    uses: Mapping[Feature, str] = field(default_factory=dict)
    key: str = ""
    token_limit: int | None = None
    thinks: bool = True
    keep_alive_s: float | None = None

    @property
    def about(self) -> str:
        return self.messages[-1]["content"][:ABOUT_CHARS]


class Speech(Protocol):
    """What a protocol brings along."""

    vendor: Vendor

    def refused(self, refusal: Refusal) -> Answer: ...
    def unsupported(self, feature: Feature, ask: Ask) -> Refusal: ...
    def headers(self) -> Headers: ...
    def writer(self, ask: Ask, directions: Directions, place: Place) -> Wire: ...


def can_think(placement: Placement) -> bool:
    """Ollama's capability "thinking": the reasoning is apart from the text, and can be left out."""
    return placement in (Placement.SEPARATE, Placement.ALTERNATIVE)


def name_in_memory(model: str) -> str:
    """Ids that differ in their directions are different models."""
    return model.removesuffix(":latest")


class Serving:
    """The models, and the line before each."""

    def __init__(self, lineup: Lineup, scheduler: Scheduler) -> None:
        self.lineup = lineup
        self.scheduler = scheduler
        self._refusals: OrderedDict[tuple[str, str], int] = OrderedDict()

    def found(self, model: str, vendor: Vendor) -> tuple[SimulatedModel, dict[str, object]]:
        try:
            return self.lineup.find(model)
        except UnknownModel:
            raise Refused(_words(Fault.HTTP_404, vendor, model)) from None

    def answer(self, ask: Ask, speech: Speech) -> Answer:
        found, wishes = self.found(ask.model, speech.vendor)
        directions = directed(found.defaults, wishes, *ask.wishes)
        _check_key(directions, ask, speech.vendor)
        directions = self._while_it_fails(directions, ask)
        for feature in _refused_features(directions, speech.vendor):
            if feature in ask.uses:
                raise Refused(speech.unsupported(feature, ask))
        if refused := refusal(directions, speech.vendor, ask.model):
            return speech.refused(refused)
        generation = generate(
            found.write(ask.messages, directions),
            directions,
            prompt_tokens=count_tokens(ask.messages),
            token_limit=ask.token_limit,
            think=ask.thinks or not can_think(directions.reasoning),
        )
        return self._played(generation, ask, speech)

    def place(self, ask_model: str, directions: Directions, vendor: Vendor, keep_alive_s: float | None) -> Place:
        demands = Demands(directions.load_time, directions.listed_after, directions.parallel, keep_alive_s)
        try:
            return self.scheduler.enter(name_in_memory(ask_model), demands)
        except QueueFull:
            raise Refused(_words(Fault.OVERLOADED, vendor, ask_model)) from None

    def _played(self, generation: Generation, ask: Ask, speech: Speech) -> Answer:
        directions = generation.directions
        instead = faults.instead(directions.fault)
        if instead:
            return replace(instead, model=ask.model, about=ask.about)
        place = self.place(ask.model, directions, speech.vendor, ask.keep_alive_s)
        wire = speech.writer(ask, directions, place)
        if ask.is_streamed:
            frames = faults.streamed(generation, wire, speech.headers(), lambda frames: in_turn(place, frames, wire))
        else:
            frames = in_turn(place, faults.in_one_piece(generation, wire, speech.headers()))
        return Answer(frames, is_generation=True, place=place, model=ask.model, about=ask.about)

    def _while_it_fails(self, directions: Directions, ask: Ask) -> Directions:
        """With `refusals` a fault comes so often in a conversation, and never again."""
        if not directions.refusals:
            return directions
        conversation = (ask.model, ask.messages[-1]["content"])
        failed = self._refusals.get(conversation, 0)
        if failed >= directions.refusals:
            return replace(directions, fault=Fault.NONE)
        self._refusals[conversation] = failed + 1
        if len(self._refusals) > CONVERSATIONS_KEPT:
            self._refusals.popitem(last=False)
        return replace(directions, fault=directions.fault or Fault.HTTP_429)


def in_turn(place: Place, frames: Iterator[Frame], wire: Wire | None = None) -> Iterator[Frame]:
    """`frames`, once the model is loaded and it is this request's turn."""
    if not place.is_served and wire:
        yield 0.0, wire.queued()
    while not place.is_served:
        yield inf, b""
    yield from frames


def _words(fault: Fault, vendor: Vendor, model: str) -> Refusal:
    words = refusal(Directions(fault=fault), vendor, model)
    assert words
    return words


def _check_key(directions: Directions, ask: Ask, vendor: Vendor) -> None:
    if directions.key and not ask.key:
        raise Refused(_words(Fault.KEY_MISSING, vendor, ask.model))
    if directions.key not in ("", ANY_KEY, ask.key):
        raise Refused(_words(Fault.HTTP_401, vendor, ask.model))


def _refused_features(directions: Directions, vendor: Vendor) -> frozenset[Feature]:
    refused = REFUSED_BY_FAULT.get(directions.fault, frozenset())
    if vendor == Vendor.OPENAI:
        return refused | REFUSED_BY_RULES[directions.rules]
    if vendor == Vendor.OLLAMA and not can_think(directions.reasoning):
        return refused | {Feature.THINK}
    return refused
