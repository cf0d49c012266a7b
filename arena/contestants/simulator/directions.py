"""How a request wants to be served: what it may write into the model id, the options or the body.

Defaults, then the model id's `?key=value&…`, then the options: later ones win. Anything out of range raises
`WrongDirections`, which both protocols answer with 400 and its sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from urllib.parse import parse_qsl


class WrongDirections(ValueError):
    """Its text is one sentence that names the key."""


class Placement(StrEnum):
    """Where a server puts the reasoning; each is what some real server does."""

    SEPARATE = "separate"  # Ollama `thinking`, DeepSeek's and llama-server's `reasoning_content`
    ALTERNATIVE = "alternative"  # `reasoning`, as OpenRouter and vLLM
    INLINE = "inline"  # <think>…</think> in the text
    UNOPENED = "unopened"  # only the closing tag, as QwQ-32B
    THOUGHT = "thought"  # <Thought>…</Thought><Output>…</Output>, as Marco-o1
    UNTAGGED = "untagged"  # no tags, ends in **Final Answer**, as QwQ-32B-Preview
    HIDDEN = "hidden"  # only counted, as OpenAI's o-series


class Fault(StrEnum):
    """What model servers do wrong."""

    NONE = ""
    # Instead of a stream
    HTTP_400_CONTEXT = "http-400-context"  # the conversation is too long
    HTTP_401 = "http-401"
    HTTP_403 = "http-403"
    HTTP_404 = "http-404"  # the model is gone
    HTTP_429 = "http-429"  # busy: retry, with Retry-After
    QUOTA = "quota"  # 429 too, but no credit left: retrying is no use
    HTTP_500 = "http-500"
    HTTP_503 = "http-503"
    HTML_200 = "html-200"  # a proxy's page with status 200
    HTML_502 = "html-502"
    EMPTY_200 = "empty-200"  # a stream of nothing, as llama-cpp-python for a prompt that is too long
    ERROR_200 = "error-200"  # a JSON error with status 200
    RESET = "reset"  # the connection closes without a byte
    REFUSE_STREAM = "refuse-stream"  # 400 to `stream: true`; plain requests are served
    # Halfway through the stream
    CUT = "cut"  # the connection closes
    CUT_MID_LINE = "cut-mid-line"  # the same, inside a line and inside a character
    SILENCE = "silence"  # nothing more comes, the connection stays open
    ERROR_MID_STREAM = "error-mid-stream"
    GARBAGE = "garbage"  # a line that is not the protocol
    # At its end
    MISSING_DONE = "missing-done"  # the stream ends cleanly, without the terminal mark
    NEVER_ENDS = "never-ends"  # it starts again, and again
    LATE_NULL_FINISH = "late-null-finish"  # after the finish reason comes a chunk with none
    NO_USAGE = "no-usage"  # no token counts
    LENGTH = "length"  # cut off by the token limit
    NO_CLOSING_TAG = "no-closing-tag"  # reasoning in the text never ends
    # All right, but odd
    HUGE_DELTA = "huge-delta"  # one delta of a megabyte before the end
    SEVEN_BYTES = "seven-bytes"  # written in pieces of seven bytes
    ODD_LINES = "odd-lines"  # comments, CRLF, no blank after `data:`, a BOM, empty lines
    ODD_CHARACTERS = "odd-characters"  # NUL, lone surrogates, U+0085, U+2028 in the text


RULES = ("", "o1", "o1-preview", "o1-mini")
TOKENS_MAX = 200_000
RATE_MAX = 100_000.0
DELAY_MAX_S = 3600.0


@dataclass(frozen=True, slots=True)
class Directions:
    tokens: int = 400
    rate: float = 50.0  # tokens per second; 0: all at once
    think: float = 0.0
    delay: float = 0.0  # seconds
    reasoning: Placement = Placement.SEPARATE
    rules: str = ""
    fault: Fault = Fault.NONE

    @property
    def token_wait_s(self) -> float:
        return 1 / self.rate if self.rate else 0.0


KEYS = frozenset(field.name for field in fields(Directions))


def split_model(model: str) -> tuple[str, dict[str, object]]:
    """`load:latest?tokens=400&rate=50` -> ("load", {"tokens": "400", "rate": "50"})."""
    name, _, query = model.partition("?")
    return name.removesuffix(":latest"), dict(parse_qsl(query, keep_blank_values=True))


def directed(defaults: Directions, *wishes: Mapping[str, object]) -> Directions:
    """`defaults` with what each of `wishes` asks for; keys that are not ours are left alone."""
    wanted = {key: value for wish in wishes for key, value in wish.items() if key in KEYS}
    return replace(defaults, **{key: _read(key, value) for key, value in wanted.items()})  # type: ignore[arg-type]


def refuse_unknown(wishes: Mapping[str, object]) -> None:
    unknown = sorted(set(wishes) - KEYS)
    if unknown:
        raise WrongDirections(f"The simulator does not know {unknown[0]!r}; it knows {', '.join(sorted(KEYS))}.")


def _number(key: str, value: object, low: float, high: float) -> float:
    try:
        number = float(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not low <= number <= high:
        raise WrongDirections(f"{key} must be a number from {low:g} to {high:g}.")
    return number


def _choice(key: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise WrongDirections(f"{key} must be one of {', '.join(filter(None, choices))}.")
    return value


def _read(key: str, value: object) -> object:
    match key:
        case "tokens":
            return int(_number(key, value, 0, TOKENS_MAX))
        case "rate":
            return _number(key, value, 0, RATE_MAX)
        case "think":
            return _number(key, value, 0, 1)
        case "delay":
            return _number(key, value, 0, DELAY_MAX_S)
        case "reasoning":
            return Placement(_choice(key, value, tuple(Placement)))
        case "rules":
            return _choice(key, value, RULES)
    return Fault(_choice(key, value, tuple(Fault)))
