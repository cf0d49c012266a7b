"""What readers are told of a response while it plays, before they may know the names: masked where it names itself."""

from collections.abc import Iterator, Sequence

from arena.battles.events import (
    ANSWER,
    REASONING,
    Event,
    NamedItself,
    ResponseRelabelled,
    ResponseSnapshot,
    TextDelta,
)
from arena.contestants.identity.lexicon import Lexicon
from arena.contestants.identity.screen import Screen, screened, unmasked_length

# "r" or "a", start, end: a name in the true text.
NamedAt = tuple[str, int, int]


class Disguise:
    """Between what has arrived of a response and what is told of it."""

    __slots__ = ("_has_told", "_known", "_names", "_screens")

    def __init__(self, names: Lexicon) -> None:
        self._names = names
        self._known: set[str] = set()
        self._screens = {REASONING: Screen(names, self._known), ANSWER: Screen(names, self._known)}
        self._has_told = False

    @property
    def named_at(self) -> tuple[NamedAt, ...]:
        return tuple((part, span.start, span.end) for part, screen in self._screens.items() for span in screen.spans)

    def told(self, event: Event) -> Sequence[Event]:
        """What to tell instead, in order; a snapshot is masked already."""
        if type(event) is TextDelta:
            shown = self._screens[event.part].feed(event.text)
            if shown is event.text:  # as nearly always
                return (event,)
            return self._with_news(
                [TextDelta(event.slot, event.turn, event.part, shown)] if shown else [], event.slot, event.turn
            )
        if isinstance(event, ResponseRelabelled):
            rest = self.rest(event.slot, event.turn)
            reasoning, answer = self._screens[REASONING], self._screens[ANSWER]
            reasoning.append(answer)
            self._screens[ANSWER] = Screen(self._names, self._known)
            return [*rest, event]
        return self._with_news([event], event.slot, event.turn) if isinstance(event, ResponseSnapshot) else (event,)

    def rest(self, slot: str, turn: int) -> Sequence[Event]:
        """What was held back: nothing more comes."""
        texts = [
            TextDelta(slot, turn, part, shown)  # type: ignore[arg-type]  # one of the two constants
            for part, screen in self._screens.items()
            if (shown := screen.flush())
        ]
        return self._with_news(texts, slot, turn) if texts else ()

    def replace(self, reasoning: str, answer: str) -> None:
        """The text as a whole, not quite as it had come."""
        for part, text in ((REASONING, reasoning), (ANSWER, answer)):
            self._screens[part] = screened(text, self._names, self._known)

    def shown(self, reasoning: str, answer: str) -> tuple[str, str]:
        """What may be shown so far of the true texts."""
        return self._screens[REASONING].shown(reasoning), self._screens[ANSWER].shown(answer)

    def lengths_behind(self, reasoning: int, answer: int) -> tuple[int, int]:
        """How long the true texts are behind so many characters of those that are shown."""
        lengths = {REASONING: reasoning, ANSWER: answer}
        spans = {part: [(span.start, span.end) for span in screen.spans] for part, screen in self._screens.items()}
        of_reasoning, of_answer = (unmasked_length(length, spans[part]) for part, length in lengths.items())
        return of_reasoning, of_answer

    def news(self, slot: str, turn: int) -> Iterator[NamedItself]:
        """That it has named itself, for those who know nothing."""
        if any(screen.spans for screen in self._screens.values()):
            yield NamedItself(slot, turn)

    def _with_news(self, events: Sequence[Event], slot: str, turn: int) -> Sequence[Event]:
        if self._has_told:
            return events
        news = list(self.news(slot, turn))
        self._has_told = bool(news)
        return [*news, *events]
