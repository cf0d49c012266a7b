"""Which ProviderError a server's own error is: by status, code and words. No network here.

Codes of OpenAI: https://platform.openai.com/docs/guides/error-codes; of Anthropic:
https://docs.anthropic.com/en/api/errors; of OpenRouter: https://openrouter.ai/docs/api/errors; of DeepSeek:
https://api-docs.deepseek.com/quick_start/error_codes; of Ollama: its routes answer `{"error": "sentence"}`
(https://github.com/ollama/ollama/blob/main/docs/api.md). The other sentences are those that users of vLLM, SGLang, TGI,
llama-server, LM Studio, Azure, Gemini, Mistral, Groq, xAI, DashScope, Moonshot, MiniMax, Z.ai and others have reported.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

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
    TimedOut,
    Unreachable,
)
from arena.contestants.providers.retry_after import retry_after_s
from arena.contestants.providers.values import as_dict, as_list, as_text

MAX_DETAIL_CHARS = 500
# Enough for any error; what patterns are looked for in.
MAX_SENTENCE_CHARS = 4000

_KEY = re.compile(r"\b(?:sk|pk|key|gsk|xai)-[\w*.-]{4,}|\bBearer\s+\S+", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,500})", re.IGNORECASE)

# Looked for in code, type and sentence, lower case; the first that fits decides. They come before the status, since
# servers disagree about that: a prompt that is too long is a 400, a 413 or a 500, and a spent quota often a 429.
_WORDS: tuple[tuple[type[ProviderError], re.Pattern[str]], ...] = tuple(
    (kind, re.compile("|".join(patterns)))
    for kind, patterns in (
        (
            QuotaSpent,
            (
                r"insufficient[_ ](?:quota|balance|credit|fund)",
                r"balance is (?:too low|insufficient|not enough)",
                r"billing[_ ](?:hard[_ ]limit|error|not[_ ]active)|check your billing",
                r"credit balance|more credits|out of credit|all available credits|monthly included credits",
                r"credits? (?:are|is|has been|have been) (?:depleted|exhausted|used up)",
                r"spend(?:ing)? limit|specified api usage limits|usage limits?\. you will regain",
                r"(?:daily|weekly|monthly) usage limit",
                r"exceeded_current_quota|arrearage|freetieronly|free tier .{0,40}exhausted|resource package",
                r"余额不足|欠费",
            ),
        ),
        # Google says of a rate, in the same words, what others say of an account.
        (RateLimited, (r"resource_exhausted",)),
        (QuotaSpent, (r"exceeded your current quota",)),
        (
            RateLimited,
            (
                r"rate.?limit|too many requests|too many tokens, please wait|throttl",
                r"(?:requests?|tokens?) per (?:second|minute|min|hour|day)",
                r"concurren(?:t|cy).{0,40}(?:limit|exceed)|速率限制|并发数",
            ),
        ),
        (
            ContextTooLong,
            (
                r"context_length_exceeded|exceed_context_size|string_above_max|tokens_limit_reached|request_too_large",
                r"context (?:length|window|size|limit|the overflows)|request (?:body )?too large",
                r"(?:maximum|max) (?:model|prompt|input|sequence) length|max_model_len",
                r"(?:prompt|input|messages?|conversation|string|text)\b.{0,60}\btoo (?:long|large)",
                r"too many (?:input )?tokens|reduce (?:the length|your (?:message|prompt|input))",
                r"(?:token count|input length|input tokens?|number of (?:input )?tokens)\b.{0,80}\bexceed",
                r"exceeded model token limit|tokens`? (?:\+ `?max_(?:new_)?tokens`? )?must be <=|less than \d+ tokens",
                r"range of input length|current length is \d+ while limit|prompt exceeds|超长",
            ),
        ),
        (
            ModelGone,
            (
                r"model_not_found|model_not_supported|model_?decommissioned|model_?deprecated|deprecated_model",
                r"invalid_model|deploymentnotfound|deployment for this resource does not exist",
                r"\bmodels?\b.{0,120}(?:has been|was|is|been) (?:deprecated|retired|removed|decommissioned|shut ?down)",
                r"\bmodels?\b.{0,120}no longer (?:available|offered|served|hosted|supported|exist|accessible)",
                r"(?:invalid|unknown|no such) model|not a valid model|not found the model|model not exist",
                r"no endpoints found|try pulling it first|not_found_error model:|no models? loaded|模型不存在",
            ),
        ),
        (
            ContentRefused,
            (
                r"content[_ ]polic|content[_ ]filter|content management policy|responsibleai|invalid_prompt",
                r"safety system|data_?inspection|inappropriate content|(?:was|been|were) flagged|moderation",
                r"usage polic|violat.{0,40}\bpolic|(?:new|input)_sensitive|prohibited_content|敏感内容",
            ),
        ),
        (
            KeyRefused,
            (
                r"(?:invalid|incorrect|wrong|missing|no) api[_ -]?(?:key|token)|api[_ ]key[_ ](?:not valid|invalid)",
                r"authentication|unauthorized|unauthenticated|permission_error|login fail|invalid subscription key",
            ),
        ),
        (
            Overloaded,
            (
                r"overload|engine is currently|(?:server|system) (?:is )?(?:too )?busy|maximum pending requests",
                r"capacity\b|high demand|(?:currently|still) loading|loading model|model is loading",
            ),
        ),
    )
)
_TIMED_OUT = re.compile(r"time[sd]?[ _-]?out|deadline[ _]exceeded")
_MODEL_IS_MISSING = re.compile(
    r"\bmodels?\b.{0,200}\b(?:not found|not exist|unknown|not available|not supported for generate)", re.DOTALL
)
# Where the status says more than the words may.
_ONLY: dict[int, tuple[type[ProviderError], ...]] = {
    401: (QuotaSpent, KeyRefused),
    402: (QuotaSpent,),
    403: (QuotaSpent, RateLimited, ModelGone, ContentRefused, KeyRefused),
    413: (ContextTooLong,),
    429: (QuotaSpent, RateLimited, Overloaded),
}
_STATUSES: dict[int, type[ProviderError]] = {
    401: KeyRefused,
    402: QuotaSpent,
    403: KeyRefused,
    408: TimedOut,
    410: ModelGone,
    413: ContextTooLong,
    429: RateLimited,
    503: Overloaded,
    504: TimedOut,
    # Cloudflare's, between itself and the server: https://developers.cloudflare.com/support/troubleshooting/http-status-codes/
    521: Unreachable,
    522: Unreachable,
    523: Unreachable,
    524: TimedOut,
    525: Unreachable,
    526: Unreachable,
    530: Unreachable,
    529: Overloaded,
}


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
    """Reads every shape that servers wrap an error in.

    `{"error": {…}}` or a list of these (Google), `{"error": "…"}`, `{"message": …}`, `{"detail": …}`, `{"errors": […]}`
    (Cloudflare), `{"base_resp": {…}}` (MiniMax), the titles of HTML pages, plain text.
    """
    outer = as_dict(next(iter(body), None) if isinstance(body, list) else body)
    outer = as_dict(outer.get("base_resp")) or outer
    errors = as_list(outer.get("errors"))
    error = outer.get("error") or (errors[0] if errors else outer)
    inner = as_dict(error)
    if not status:
        status = next((code for code in map(_status, (inner.get("code"), inner.get("status"))) if code), 0)
    sentence = _said(error) or _said(outer) or (_plain(body) if isinstance(body, str) else "")
    upstream = as_text(as_dict(inner.get("metadata")).get("raw"))  # OpenRouter: "Provider returned error", and which
    return ServerError(
        status,
        " ".join(_codes(inner, outer)),
        as_text(inner.get("param")),
        f"{sentence[:MAX_SENTENCE_CHARS]} {upstream[:MAX_SENTENCE_CHARS]}".strip(),
    )


def is_failure(body: object) -> bool:
    """An error under a 200, by its shape: none of its keys would be in a response."""
    if isinstance(body, list):
        return bool(body) and is_failure(as_dict(body[0]))
    outer = as_dict(body)
    if outer.get("error") or outer.get("errors") or outer.get("object") == "error":
        return True
    if as_dict(outer.get("base_resp")).get("status_code"):
        return True
    marks = ("code", "type", "status", "error_code", "request_id")
    return "choices" not in outer and bool(
        outer.get("detail")
        or as_text(outer.get("message"))
        and (len(outer) == 1 or any(outer.get(mark) for mark in marks))
    )


def provider_error(
    error: ServerError, *, headers: Mapping[str, str] | None = None, where: str = "", api_key: str = ""
) -> ProviderError:
    """The kind of failure. `error.status` is 0 for an error in mid-stream."""
    detail = _without_key(f"{where} {error.status or ''} {error.code} {error.sentence}", api_key)
    kind = kind_of(error)
    waits = kind in (RateLimited, Overloaded)
    return kind(detail, retry_after_s=retry_after_s(headers or {}, error.sentence if waits else ""))


def kind_of(error: ServerError) -> type[ProviderError]:
    words = error.words
    only = _ONLY.get(error.status)
    for kind, pattern in _WORDS:
        if (only is None or kind in only) and pattern.search(words):
            return kind
    if error.status in (0, 400, 403, 404, 422) and _MODEL_IS_MISSING.search(words):
        return ModelGone
    if error.status in _STATUSES:
        return _STATUSES[error.status]
    if 300 <= error.status < 500:
        return BadRequest
    return TimedOut if _TIMED_OUT.search(words) else ServerFailed


def _status(code: object) -> int:
    """An HTTP status that stands in a body, as a number or in a string (Azure)."""
    if isinstance(code, str) and len(code) == 3 and code.isascii() and code.isdigit():
        code = int(code)
    return code if isinstance(code, int) and 400 <= code < 600 else 0


def _codes(inner: dict[str, object], outer: dict[str, object]) -> list[str]:
    deeper = as_dict(inner.get("innererror"))  # Azure
    found = [inner.get(key) for key in ("code", "type", "status", "error_type")]
    found += [deeper.get("code"), outer.get("code"), outer.get("type"), outer.get("error_type")]
    return [code for code in dict.fromkeys(map(as_text, found)) if code not in ("", "error")]


def _said(value: object, *, depth: int = 0) -> str:
    """The sentence in an error, or the sentences, if it is a list of what was wrong with the request (FastAPI)."""
    if isinstance(value, str) or depth > 3:
        return as_text(value)
    if isinstance(value, list):
        return "; ".join(filter(None, (_said(item, depth=depth + 1) for item in value[:5])))
    error = as_dict(value)
    for key in ("message", "msg", "detail", "error", "status_msg", "title"):
        if said := _said(error.get(key), depth=depth + 1):
            place = ".".join(map(as_text, as_list(error.get("loc"))[:5]))
            return f"{place}: {said}" if place else said
    return ""


def _plain(body: str) -> str:
    """Of an HTML page the title: the rest is scripts and advice."""
    if not body.lstrip().startswith("<"):
        return body
    title = _TITLE.search(body[:MAX_SENTENCE_CHARS])
    return f"HTML: {title[1] if title else ''}"


def _without_key(text: str, api_key: str) -> str:
    text = " ".join(text.split())
    if api_key:
        text = text.replace(api_key, "***")
    return _KEY.sub("***", text)[:MAX_DETAIL_CHARS]
