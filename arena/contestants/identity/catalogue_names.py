"""The names that are looked for, kept up with the catalogue."""

import threading
import time
from collections.abc import Collection

from arena.contestants.identity.lexicon import Lexicon, lexicon_of
from arena.contestants.identity.rules import rules
from arena.contestants.models import Contestant

# Whoever is entered meanwhile is looked for from its first battle on (see `lexicon_with`).
KEPT_FOR_S = 60.0

_FIELDS = ("name", "slug", "model", "vendor", "family")

Traits = tuple[str, ...]


class _Kept:
    """What this process has. A lexicon takes a good part of a second to make, so it is made anew only where the names
    have changed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.traits: frozenset[Traits] = frozenset()
        self.read_at = float("-inf")
        self.lexicon: Lexicon | None = None


_kept = _Kept()


def lexicon_with(contestants: Collection[Contestant]) -> Lexicon:
    """The names of the whole catalogue, of these contestants at least. At most one query a minute."""
    mine = {_traits(contestant) for contestant in contestants}
    with _kept.lock:
        is_old = time.monotonic() - _kept.read_at > KEPT_FOR_S
        if _kept.lexicon is None or is_old or not mine <= _kept.traits:
            traits = frozenset(Contestant.objects.order_by().values_list(*_FIELDS)) | mine
            if _kept.lexicon is None or traits != _kept.traits:
                _kept.lexicon = lexicon_of(dict(zip(_FIELDS, one, strict=True)) for one in sorted(traits))
                rules()  # not only when the first name turns up amid a stream
            _kept.traits, _kept.read_at = traits, time.monotonic()
        return _kept.lexicon


def _traits(contestant: Contestant) -> Traits:
    return tuple(getattr(contestant, field) for field in _FIELDS)
