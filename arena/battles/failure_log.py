"""The operator's full story of a response: who was asked where, how often, and what its server said. One line each.

A line is words and `name=value` pairs. What a server has said is quoted and escaped, so that it can neither begin a
line of its own, nor colour a terminal, nor hide what follows it. Keys are no part of it: errors are cleared of them
when they are made, and the log once more (`arena.masking`).
"""

import logging
import re
import traceback
from uuid import UUID

from arena.battles.panes import Part
from arena.battles.streaming import Outcome
from arena.contestants.errors import ProviderError

logger = logging.getLogger(__name__)

MAX_CHARS = 1000
MAX_TRACE_CHARS = 20_000
_PLAIN = re.compile(r"[\w.:/@%+,-]+", re.ASCII)


def response_failed(battle_id: UUID, part: Part, error: Exception, outcome: Outcome) -> None:
    """A ProviderError, or a fault of ours, which comes with its traceback."""
    took_s = (outcome.duration_ms or 0) / 1000
    story = {"tries": outcome.tries, "after_s": f"{took_s:.1f}", "chars": len(outcome.reasoning) + len(outcome.answer)}
    if isinstance(error, ProviderError):
        logger.warning("response failed: %s", _line(_about(battle_id, part, error) | story | {"said": _said(error)}))
    else:
        trace = "".join(traceback.format_exception(error))[-MAX_TRACE_CHARS:]
        logger.error("response broke: %s", _line(_about(battle_id, part, error) | story | {"trace": trace}))


def response_waits(battle_id: UUID, part: Part, error: ProviderError, pause_s: float, *, tries: int) -> None:
    """Its server turned it away, and will be asked again."""
    story = {"tries": tries, "again_in_s": f"{pause_s:.1f}", "said": _said(error)}
    logger.info("response waits: %s", _line(_about(battle_id, part, error) | story))


def quoted(value: object) -> str:
    """As it is if it is one plain word; else in quotation marks, with what is not printable escaped."""
    text = str(value)
    if _PLAIN.fullmatch(text):
        return text
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else _escaped(char) for char in text) + '"'


def _about(battle_id: UUID, part: Part, error: Exception) -> dict[str, object]:
    about: dict[str, object] = {
        "battle": battle_id,
        "turn": part.turn,
        "slot": part.slot,
        "contestant": part.contestant,
        "provider": part.provider,
        "server": part.server,
    }
    if isinstance(error, ProviderError):
        about |= {"server": error.where or part.server, "code": error.code}
        about |= {"status": error.status} if error.status else {}
    return about


def _said(error: ProviderError) -> str:
    return " | ".join([str(error), *getattr(error, "__notes__", ())])[:MAX_CHARS]


def _line(pairs: dict[str, object]) -> str:
    return " ".join(f"{name}={quoted(value)}" for name, value in pairs.items())


def _escaped(char: str) -> str:
    return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char) or char.encode("unicode_escape", "surrogatepass").decode()
