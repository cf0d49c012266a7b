"""How a request wants to be served: what it may write into the model id, the options or the body.

Defaults, then the model id's `?key=value&…`, then the options: later ones win. Anything out of range raises
`WrongDirections`, which every protocol answers with 400 and its sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from urllib.parse import parse_qsl


class WrongDirections(ValueError):
    """Its text is one sentence that names the key."""


class Placement(StrEnum):
    """Where a server puts the reasoning; each is what some real server does."""

    SEPARATE = "separate"  # Ollama `thinking`, `reasoning_content`, a reasoning summary, Anthropic's thinking block
    ALTERNATIVE = "alternative"  # `reasoning`, as OpenRouter and vLLM; in Responses `reasoning_text`
    INLINE = "inline"  # <think>…</think> in the text
    UNOPENED = "unopened"  # only the closing tag, as QwQ-32B
    THOUGHT = "thought"  # <Thought>…</Thought><Output>…</Output>, as Marco-o1
    UNTAGGED = "untagged"  # no tags, ends in **Final Answer**, as QwQ-32B-Preview
    HIDDEN = "hidden"  # only counted, as OpenAI's o-series
    REDACTED = "redacted"  # the same, with an opaque block where the protocol has one


class Fault(StrEnum):
    """What model servers do wrong. `docs/simulator.md` shows each in every protocol."""

    NONE = ""
    # Refused, in the vendor's own words
    KEY_MISSING = "key-missing"
    HTTP_401 = "http-401"  # the key is wrong
    HTTP_403 = "http-403"
    QUOTA = "quota"  # no credit left: retrying is no use
    QUOTA_402 = "quota-402"  # the same, as DeepSeek and OpenRouter say it
    HTTP_429 = "http-429"  # too many requests: retry, with Retry-After
    OVERLOADED = "overloaded"  # too much to do for everybody: 503, Anthropic 529
    HTTP_503 = "http-503"
    HTTP_404 = "http-404"  # the model is gone
    RETIRED = "retired"  # the same, said plainly
    HTTP_400_CONTEXT = "http-400-context"  # the conversation is too long
    CONTENT_REFUSED = "content-refused"  # a filter took offence at the prompt
    HTTP_400 = "http-400"  # a request it does not understand
    HTTP_500 = "http-500"
    ERROR_200 = "error-200"  # a JSON error with status 200
    # Refused only if the request has it: without it, it is served
    REFUSE_STREAM = "refuse-stream"
    REFUSE_SYSTEM = "refuse-system"
    REFUSE_DEVELOPER = "refuse-developer"
    REFUSE_STREAM_OPTIONS = "refuse-stream-options"
    REFUSE_MAX_TOKENS = "refuse-max-tokens"
    REFUSE_THINK = "refuse-think"  # `think`, `reasoning_effort`, `reasoning`, `thinking`
    # No answer in the protocol at all
    HTML_200 = "html-200"  # a proxy's page with status 200
    HTML_502 = "html-502"
    EMPTY_200 = "empty-200"  # a stream of nothing, as llama-cpp-python for a prompt that is too long
    RESET = "reset"  # the connection closes without a byte
    SILENT_START = "silent-start"  # not even a header comes
    SILENT_BODY = "silent-body"  # the header comes, and nothing after it
    # Halfway through the stream
    CUT = "cut"  # the connection closes between two lines
    CUT_MID_LINE = "cut-mid-line"
    CUT_MID_CHARACTER = "cut-mid-character"
    SILENCE = "silence"  # nothing more comes, the connection stays open
    ERROR_MID_STREAM = "error-mid-stream"
    OVERLOADED_MID_STREAM = "overloaded-mid-stream"
    FAILED = "failed"  # the response ends as failed, where the protocol has a word for that
    ERROR_LINE = "error-line"  # `error: {…}`, a field that server-sent events do not have
    GARBAGE = "garbage"  # a line that is not the protocol
    CONTENT_FILTER = "content-filter"  # a filter took offence at the answer
    # At its end
    MISSING_DONE = "missing-done"  # the stream ends cleanly, without the terminal mark
    NEVER_ENDS = "never-ends"  # it starts again, and again
    TOO_LARGE = "too-large"  # the same, in deltas of a megabyte
    LATE_NULL_FINISH = "late-null-finish"  # after the finish reason comes a chunk with none
    NO_USAGE = "no-usage"  # no token counts
    LENGTH = "length"  # cut off by the token limit
    NO_CLOSING_TAG = "no-closing-tag"  # reasoning in the text never ends
    # All right, but odd
    REFUSAL = "refusal"  # the model itself declines, in the protocol's form for that
    HUGE_DELTA = "huge-delta"  # one delta of a megabyte before the end
    SEVEN_BYTES = "seven-bytes"  # written in pieces of seven bytes
    SLOW_HEADERS = "slow-headers"  # the header trickles
    GZIP = "gzip"  # compressed, whatever the request accepts
    ODD_LINES = "odd-lines"  # comments, CRLF, no blank after `data:`, a BOM, empty lines
    ODD_CHARACTERS = "odd-characters"  # NUL, lone surrogates, U+0085, U+2028 in the text


RULES = ("", "o1", "o1-preview", "o1-mini")
TOKENS_MAX = 200_000
RATE_MAX = 100_000.0
SECONDS_MAX = 3600.0
COUNT_MAX = 1_000_000
SIZE_MAX = 10**15
ANY_KEY = "any"


@dataclass(frozen=True, slots=True)
class Directions:
    tokens: int = 400
    rate: float = 50.0  # tokens per second; 0: all at once
    think: float = 0.0
    delay: float = 0.0  # seconds
    reasoning: Placement = Placement.SEPARATE
    rules: str = ""
    key: str = ""  # what the client must send as its key; `any`: it must send one
    fault: Fault = Fault.NONE
    refusals: int = 0  # how often the fault comes in a conversation; 0: always
    retry_after: float | None = None  # seconds, said with every refusal that may pass
    load_time: float = 0.0  # seconds that the model takes to come into memory
    listed_after: float = 0.0  # seconds of these before `/api/ps` lists it
    parallel: int = 0  # requests served at once; 0: all of them
    size: int = 1_000_000_000  # bytes, as the lists say and a pull downloads
    pull_time: float = 3.0  # seconds that a pull takes

    @property
    def token_wait_s(self) -> float:
        return 1 / self.rate if self.rate else 0.0


KEYS = frozenset(field.name.replace("_", "-") for field in fields(Directions))


def split_model(model: str) -> tuple[str, dict[str, object]]:
    """`load:latest?tokens=400&rate=50` -> ("load", {"tokens": "400", "rate": "50"})."""
    name, _, query = model.partition("?")
    return name.removesuffix(":latest"), dict(parse_qsl(query, keep_blank_values=True))


def directed(defaults: Directions, *wishes: Mapping[str, object]) -> Directions:
    """`defaults` with what each of `wishes` asks for; keys that are not ours are left alone."""
    wanted = {key: value for wish in wishes for key, value in wish.items() if key in KEYS}
    read = {key.replace("-", "_"): _read(key, value) for key, value in wanted.items()}
    return replace(defaults, **read) if read else defaults  # type: ignore[arg-type]  # each key's type is _read's


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


_COUNTS = {"tokens": TOKENS_MAX, "refusals": COUNT_MAX, "parallel": COUNT_MAX, "size": SIZE_MAX}
_NUMBERS = {"rate": RATE_MAX, "think": 1.0} | dict.fromkeys(
    ("delay", "retry-after", "load-time", "listed-after", "pull-time"), SECONDS_MAX
)


def _read(key: str, value: object) -> object:
    if key in _COUNTS:
        return int(_number(key, value, 0, _COUNTS[key]))
    if key in _NUMBERS:
        return _number(key, value, 0, _NUMBERS[key])
    match key:
        case "reasoning":
            return Placement(_choice(key, value, tuple(Placement)))
        case "rules":
            return _choice(key, value, RULES)
        case "key":
            return str(value)
    return Fault(_choice(key, value, tuple(Fault)))
