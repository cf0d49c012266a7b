"""Making the patterns takes a good part of a second: it is done before anybody waits for it. No Django here."""

import threading

from arena.contestants.identity.lexicon import well_known
from arena.contestants.identity.rules import QUESTIONS, rules, rules_in


def learn_meanwhile() -> None:
    """In a thread of its own. Whoever needs them sooner makes them too."""
    threading.Thread(target=_learn, name="names", daemon=True).start()


def _learn() -> None:
    well_known()
    rules()
    rules_in(QUESTIONS)
