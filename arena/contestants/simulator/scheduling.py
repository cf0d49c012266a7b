"""Which models are in memory, and whose turn it is: what Ollama's scheduler does, for all protocols.

As in Ollama's `server/sched.go`: the first request loads the model, others wait with it; a loaded model serves
`parallel` requests at once, in their order; after its last one it stays for `keep_alive`; a client that leaves while
its model loads stops the loading. `/api/ps` lists a model as soon as its runner is set up, while it still loads; with
`listed_after` it takes that long until there is room for it.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from arena.contestants.simulator.playback import Clock

KEEP_ALIVE_S = 300.0
QUEUE_MAX = 512  # as OLLAMA_MAX_QUEUE


class QueueFull(Exception):
    """More requests wait for the model than the server lets."""


@dataclass(frozen=True, slots=True)
class Demands:
    """What a request wants of its model's place in memory. `keep_alive_s`: None leaves it as it is."""

    load_time_s: float = 0.0
    listed_after_s: float = 0.0
    parallel: int = 0
    keep_alive_s: float | None = None


class Place:
    """One request's place at its model: in line first, then served. `wake` is called when its turn comes."""

    __slots__ = ("_runner", "demands", "is_served", "load_s", "wake")

    def __init__(self, runner: "Runner", demands: Demands) -> None:
        self._runner = runner
        self.demands = demands
        self.is_served = False
        self.load_s = 0.0  # how long the model took to load, if it was loaded for this request
        self.wake: Callable[[], None] | None = None

    def leave(self) -> None:
        """Served, or no longer wanted."""
        self._runner.leave(self)


@dataclass(frozen=True, slots=True)
class Running:
    """A line of `/api/ps`: in how many seconds the model leaves the memory (inf: never)."""

    name: str
    expires_in_s: float


@dataclass(eq=False, slots=True)
class Runner:
    """One model in memory, or on its way there."""

    name: str
    clock: Clock
    keep_alive_s: float = KEEP_ALIVE_S
    is_loaded: bool = False
    loader: Place | None = None
    listed_from: float = 0.0
    expires_at: float | None = None  # set while nobody is served, and left as it was then
    served: int = 0
    waiting: deque[Place] = field(default_factory=deque)

    def enter(self, demands: Demands) -> Place:
        if len(self.waiting) >= QUEUE_MAX:
            raise QueueFull
        if demands.keep_alive_s is not None:
            self.keep_alive_s = demands.keep_alive_s
        place = Place(self, demands)
        self.waiting.append(place)
        if not self.is_loaded and self.loader is None:
            self._load(place)
        self._advance()
        return place

    def leave(self, place: Place) -> None:
        if place.is_served:
            place.is_served = False
            self.served -= 1
            self._advance()
        elif place in self.waiting:
            self.waiting.remove(place)
            if place is self.loader:
                self._load_for_the_next()
        if self.is_loaded and not self.served and not self.waiting:
            self.expires_at = self.clock.now() + self.keep_alive_s

    def is_gone(self, now: float) -> bool:
        if not self.is_loaded:
            return self.loader is None
        return not self.served and not self.waiting and self.expires_at is not None and self.expires_at <= now

    def _load(self, place: Place) -> None:
        demands = place.demands
        if not demands.load_time_s:
            self.is_loaded = True
            return
        self.loader = place
        self.listed_from = self.clock.now() + demands.listed_after_s
        self.clock.later(demands.load_time_s, lambda: self._loaded(place))

    def _loaded(self, place: Place) -> None:
        if self.loader is place:
            place.load_s = place.demands.load_time_s
            self.loader, self.is_loaded, self.listed_from = None, True, 0.0
            self._advance()

    def _load_for_the_next(self) -> None:
        self.loader = None
        if self.waiting:
            self._load(self.waiting[0])
            self._advance()

    def _advance(self) -> None:
        while self.is_loaded and self.waiting:
            place = self.waiting[0]
            if place.demands.parallel and self.served >= place.demands.parallel:
                return
            self.waiting.popleft()
            self.served += 1
            place.is_served = True
            if place.wake:
                place.wake()


class Scheduler:
    """All models of a server, by name."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runners: dict[str, Runner] = {}

    def enter(self, name: str, demands: Demands) -> Place:
        """A place in line. Raises QueueFull."""
        self._forget_the_gone()
        runner = self._runners.get(name) or self._runners.setdefault(name, Runner(name, self._clock))
        return runner.enter(demands)

    def unload(self, name: str) -> None:
        """At once if it is idle, else after its last request."""
        runner = self._runners.get(name)
        if runner:
            runner.keep_alive_s = 0.0
            if runner.expires_at is not None:
                runner.expires_at = self._clock.now()

    def running(self) -> list[Running]:
        """What is in memory; the one that stays longest first."""
        self._forget_the_gone()
        now = self._clock.now()
        listed = [runner for runner in self._runners.values() if runner.is_loaded or runner.listed_from <= now]
        # A model that has never been idle has no time to go yet: Ollama shows one that moves along.
        lines = [
            Running(runner.name, runner.keep_alive_s if runner.expires_at is None else runner.expires_at - now)
            for runner in listed
        ]
        return sorted(lines, key=lambda line: -line.expires_in_s)

    def _forget_the_gone(self) -> None:
        now = self._clock.now()
        for name in [name for name, runner in self._runners.items() if runner.is_gone(now)]:
            del self._runners[name]


def keep_alive_s(value: object) -> float | None:
    """Ollama's `keep_alive`: seconds, or words such as "5m" or "1h30m"; below 0: for ever. Raises ValueError."""
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return inf if value < 0 else float(value)
    if not isinstance(value, str):
        raise ValueError(value)
    seconds = _duration_s(value)
    return inf if seconds < 0 else seconds


_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _duration_s(text: str) -> float:
    """Go's notation of durations."""
    sign = -1.0 if text.startswith("-") else 1.0
    rest, total = text.lstrip("+-"), 0.0
    if not rest:
        raise ValueError(text)
    if rest == "0":
        return 0.0
    while rest:
        number = rest[: len(rest) - len(rest.lstrip("0123456789."))]
        rest = rest[len(number) :]
        unit = next((unit for unit in ("ns", "us", "µs", "ms", "s", "m", "h") if rest.startswith(unit)), "")
        if not unit:
            raise ValueError(text)
        total += float(number) * _UNITS_S[unit]
        rest = rest[len(unit) :]
    return sign * total
