"""Which ProviderError a server's own error is: by status, code and words. No network here.

Codes of OpenAI: https://platform.openai.com/docs/guides/error-codes; of Anthropic:
https://docs.anthropic.com/en/api/errors; of Ollama: its routes answer `{"error": "sentence"}`
(https://github.com/ollama/ollama/blob/main/docs/api.md); llama-server adds `exceed_context_size_error`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from arena.contestants.errors import (
    BadRequest,
    ContentRefused,
    ContextTooLong,
    KeyRefused,
    ModelGone,
    Overloaded,
    ProviderError,
    QuotaSpent,
    RateLimited,
    ServerFailed,
)
from arena.contestants.providers.values import as_dict, as_text

MAX_DETAIL_CHARS = 500
MAX_RETRY_AFTER_S = 24 * 3600.0

_KEY = re.compile(r"\b(?:sk|pk|key|gsk|xai)-[\w*.-]{4,}|\bBearer\s+\S+", re.IGNORECASE)

# Looked for in code, type and sentence, lower case; the first that fits decides. They come before the status, since
# servers disagree about that: a prompt that is too long is a 400, a 413 or a 500.
_WORDS: tuple[tuple[type[ProviderError], tuple[str, ...]], ...] = (
    (
        QuotaSpent,
        ("insufficient_quota", "insufficient balance", "billing_hard_limit", "credit balance", "out of credit"),
    ),
    (
        ContextTooLong,
        (
            "context_length_exceeded",
            "exceed_context_size",
            "maximum context length",
            "context window",
            "context size",
            "prompt is too long",
            "input is too long",
            "request_too_large",
        ),
    ),
    (
        ModelGone,
        (
            "model_not_found",
            "model_decommissioned",
            "model_deprecated",
            "deprecated_model",
            "decommissioned",
            "model not found",
        ),
    ),
    (
        ContentRefused,
        ("content_policy", "content_filter", "content management policy", "invalid_prompt", "safety system"),
    ),
    (KeyRefused, ("invalid_api_key", "authentication_error", "permission_error")),
    (RateLimited, ("rate_limit",)),
    (Overloaded, ("overloaded", "engine is currently", "server busy", "server is busy")),
)
_STATUSES: dict[int, type[ProviderError]] = {
    401: KeyRefused,
    402: QuotaSpent,
    403: KeyRefused,
    410: ModelGone,
    413: ContextTooLong,
    429: RateLimited,
    503: Overloaded,
    529: Overloaded,
}
_MODEL_IS_MISSING = re.compile(
    r"\bmodel\b.{0,200}\b(?:not found|not exist|unknown|not available)|\bnot_found_error model:", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class ServerError:
    """What a server says about its error, whatever shape that has."""

    status: int
    code: str
    param: str
    sentence: str

    @property
    def words(self) -> str:
        return f"{self.code} {self.sentence}".lower()


def server_error(status: int, body: object) -> ServerError:
    """Reads `{"error": {…}}`, `{"error": "…"}`, `{"message": …}`, `{"detail": …}` or plain text."""
    outer = as_dict(body)
    error = outer.get("error", outer)
    inner = as_dict(error)
    sentence = as_text(error) or as_text(inner.get("message")) or as_text(outer.get("message"))
    sentence = sentence or as_text(outer.get("detail")) or as_text(body)
    codes = [as_text(inner.get("code")), as_text(inner.get("type"))]
    inner_status = inner.get("code")
    if not status and isinstance(inner_status, int) and 400 <= inner_status < 600:
        status = inner_status
    return ServerError(status, " ".join(filter(None, codes)), as_text(inner.get("param")), sentence)


def provider_error(
    error: ServerError, *, headers: Mapping[str, str] | None = None, where: str = "", api_key: str = ""
) -> ProviderError:
    """The kind of failure. `error.status` is 0 for an error in mid-stream."""
    detail = _without_key(f"{where} {error.status or ''} {error.code} {error.sentence}", api_key)
    return _kind(error)(detail, retry_after_s=retry_after_s(headers or {}))


def _kind(error: ServerError) -> type[ProviderError]:
    words = error.words
    for kind, needles in _WORDS:
        if any(needle in words for needle in needles):
            return kind
    if error.status in (0, 404) and _MODEL_IS_MISSING.search(words):
        return ModelGone
    if error.status in _STATUSES:
        return _STATUSES[error.status]
    if 300 <= error.status < 500:
        return ModelGone if "model" in error.param and _MODEL_IS_MISSING.search(words) else BadRequest
    return ServerFailed


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """The server's wish, in seconds: `retry-after-ms` (OpenAI), or `retry-after` as a number or a date."""
    milliseconds, word = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    try:
        wait_s = float(milliseconds) / 1000 if milliseconds else float(word)
    except ValueError:
        try:
            moment = parsedate_to_datetime(word)
        except (ValueError, TypeError, IndexError, OverflowError):
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        wait_s = (moment - datetime.now(UTC)).total_seconds()
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S) if wait_s == wait_s else None  # not for NaN


def _without_key(text: str, api_key: str) -> str:
    text = " ".join(text.split())
    if api_key:
        text = text.replace(api_key, "***")
    return _KEY.sub("***", text)[:MAX_DETAIL_CHARS]
