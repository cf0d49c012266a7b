"""Reasoning cut into numbered steps, so that "first flaw: step 7" means the same to everyone. No Django here."""

import re

# A fenced block or a display formula stays whole, blank lines inside it included.
_WHOLE = re.compile(
    r"^[ \t]*(?P<fence>```++(?=[^`\n]*\n)|~~~++)[^\n]*+\n.*?(?:^[ \t]*(?P=fence)[`~]*[ \t\r]*$|\Z)"
    r"|^[ \t]*\$\$.*?(?:\$\$|\Z)"
    r"|^[ \t]*\\\[.*?(?:\\\]|\Z)",
    re.MULTILINE | re.DOTALL,
)
# The last of so many takes in all that follows: a page with a hundred thousand steps would be of no use to anybody.
STEPS_MAX = 10_000
_GAP = re.compile(r"\n[ \t\r]*(?:\n[ \t\r]*)+")


def split_steps(text: str) -> list[tuple[int, int]]:
    """The [start, end) of each paragraph or display block in `text`; what lies between them is white space.

    The same text always gives the same steps. static/js/battle/steps.js draws by the same rule: the cases in
    tests/battles/data/steps.json hold for both.
    """
    whole = [match.span() for match in _WHOLE.finditer(text)]
    cuts: list[tuple[int, int]] = []
    inside = iter(whole)
    block = next(inside, None)
    for gap in _GAP.finditer(text):
        while block and block[1] <= gap.start():
            block = next(inside, None)
        if block and block[0] < gap.start() < block[1]:
            continue
        cuts.append(gap.span())
    edges = [0, *(edge for cut in cuts for edge in cut), len(text)]
    pieces = zip(edges[::2], edges[1::2], strict=True)
    steps = [_trimmed(text, start, end) for start, end in pieces if text[start:end].strip()]
    if len(steps) > STEPS_MAX:
        steps[STEPS_MAX - 1 :] = [(steps[STEPS_MAX - 1][0], steps[-1][1])]
    return steps


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
