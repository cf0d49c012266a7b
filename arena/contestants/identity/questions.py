"""Questions that ask those who answer who they are (see `languages/questions.txt`). No Django here."""

import re

from arena.contestants.identity.detection import Reading
from arena.contestants.identity.folding import fold
from arena.contestants.identity.lexicon import lexicon_of
from arena.contestants.identity.rules import QUESTIONS, rules_in

# What somebody else says is not asked.
_QUOTED = re.compile(r"\"[^\"]{1,400}\"|(?<!\w)'[^']{3,400}'(?!\w)")


def asks_for_identity(prompt: str) -> bool:
    """Whether those who answer would have to say who they are, or who made them."""
    text = fold(prompt).text
    unquoted = _QUOTED.sub('""', text)
    asked = unquoted if unquoted.strip('" .?!') else text
    skeleton = Reading.of(asked, lexicon_of()).skeleton
    return any(question.search(skeleton) for question in rules_in(QUESTIONS))
