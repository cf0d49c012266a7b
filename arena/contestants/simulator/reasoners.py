"""stub to be replaced"""

from collections.abc import Callable, Sequence

from arena.contestants.simulator.generation import Message

Reasoner = Callable[[Sequence[Message]], tuple[str, str]]


def chatty(m: Sequence[Message]) -> tuple[str, str]:
    return "think a lot", "answer"


terse = formal = hasty = chatty
