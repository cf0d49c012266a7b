"""A problem worked through, whoever tells it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Solution:
    """A problem worked through, in pieces from which every reasoner makes its own text. All are Markdown.

    `steps` are true statements that lead to `answer`; `false_start` is a natural idea with the reason why it fails;
    `check` confirms the answer another way; `slip` is what someone in a hurry does instead, with a wrong `slip_answer`
    (both empty where haste does no harm).
    """

    task: str
    steps: tuple[str, ...]
    answer: str
    check: str
    false_start: str = ""
    slip: str = ""
    slip_answer: str = ""
