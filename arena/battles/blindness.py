"""What may be shown of a response before the reveal: where it names itself, the name is masked."""

from typing import Any

from arena.battles.disguise import NamedAt
from arena.battles.events import ANSWER, REASONING
from arena.battles.models import Response
from arena.contestants.identity.catalogue_names import lexicon_with
from arena.contestants.identity.lexicon import Lexicon
from arena.contestants.identity.screen import MASK, masked, screened

Spans = list[tuple[int, int]]


def names_to_mask(response: Response) -> Lexicon | None:
    """None in a battle whose names are shown from the start."""
    return lexicon_with([response.seat.contestant]) if response.turn.battle.blind else None


def where_named(response: Response, reasoning: str, answer: str) -> tuple[NamedAt, ...]:
    """Where these texts say who wrote them. What is masked in them, because the true text was lost with its worker,
    counts as well."""
    names = names_to_mask(response)
    if names is None:
        return ()
    known: set[str] = set()
    found = []
    for part, text in ((REASONING, reasoning), (ANSWER, answer)):
        spans = {(span.start, span.end) for span in screened(text, names, known).spans}
        found += [(part, start, end) for start, end in sorted(spans | _masks_in(text))]
    return tuple(found)


def still_named(named_itself: list[list[Any]], reasoning: str, answer: str) -> list[list[Any]]:
    """What remains of this where only the beginnings of the texts are kept; if they are what readers were shown, the
    masks in them."""
    found: list[list[Any]] = []
    for part, text in ((REASONING, reasoning), (ANSWER, answer)):
        masks = [[part, start, end] for start, end in sorted(_masks_in(text))]
        found += masks or [at for at in named_itself if at[0] == part and at[2] <= len(text)]
    return found


def shown_texts(response: Response) -> tuple[str, str]:
    """Reasoning and answer as whoever does not know the names may read them."""
    if not response.named_itself:
        return response.reasoning, response.answer
    return masked(response.reasoning, _spans(response, REASONING)), masked(response.answer, _spans(response, ANSWER))


def shown_steps(response: Response) -> tuple[tuple[int, int], ...]:
    """Where the response's steps are in what `shown_texts` shows."""
    spans = _spans(response, REASONING if response.reasoning else ANSWER)
    return tuple((_moved(start, spans), _moved(end, spans)) for start, end in response.steps)


def _moved(place: int, spans: Spans) -> int:
    return place + sum(len(MASK) - (end - start) for start, end in spans if end <= place)


def _spans(response: Response, part: str) -> Spans:
    return [(start, end) for of_part, start, end in response.named_itself if of_part == part]


def _masks_in(text: str) -> set[tuple[int, int]]:
    found, at = set(), text.find(MASK)
    while at >= 0:
        found.add((at, at + len(MASK)))
        at = text.find(MASK, at + len(MASK))
    return found
