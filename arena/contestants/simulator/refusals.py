"""How each vendor words an error before the stream: one table, fault by protocol.

OpenAI: https://platform.openai.com/docs/guides/error-codes. Anthropic: https://docs.anthropic.com/en/api/errors.
Ollama: `server/routes.go` and `server/sched.go`, and what ollama.com adds in front of them.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum

from arena.contestants.simulator.directions import Directions, Fault
from arena.contestants.simulator.requests import Refusal

DEFAULT_RETRY_AFTER_S = 1.0
_MAY_PASS = (Fault.HTTP_429, Fault.OVERLOADED, Fault.HTTP_503)


class Vendor(StrEnum):
    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OLLAMA = "ollama"


class Feature(StrEnum):
    """What a request may have and a model or its server may not take."""

    STREAM = "stream"
    SYSTEM = "system"
    DEVELOPER = "developer"
    STREAM_OPTIONS = "stream_options"
    MAX_TOKENS = "max_tokens"
    THINK = "think"
    SAMPLING = "sampling"


REFUSED_BY_FAULT = {
    Fault.REFUSE_STREAM: frozenset({Feature.STREAM}),
    Fault.REFUSE_SYSTEM: frozenset({Feature.SYSTEM}),
    Fault.REFUSE_DEVELOPER: frozenset({Feature.DEVELOPER}),
    Fault.REFUSE_STREAM_OPTIONS: frozenset({Feature.STREAM_OPTIONS}),
    Fault.REFUSE_MAX_TOKENS: frozenset({Feature.MAX_TOKENS}),
    Fault.REFUSE_THINK: frozenset({Feature.THINK}),
}
_OF_ALL_O1 = frozenset({Feature.MAX_TOKENS, Feature.SAMPLING})
_OF_FIRST_O1 = _OF_ALL_O1 | {Feature.SYSTEM, Feature.DEVELOPER, Feature.THINK}
REFUSED_BY_RULES = {"": frozenset(), "o1": _OF_ALL_O1, "o1-preview": _OF_FIRST_O1, "o1-mini": _OF_FIRST_O1}


def _openai(status: int, message: str, kind: str, code: str | None, param: str | None = None) -> Refusal:
    return Refusal(status, message, kind=kind, code=code, param=param)


def _simple(status: int, message: str, kind: str = "") -> Refusal:
    return Refusal(status, message, kind=kind)


_INVALID = "invalid_request_error"
_SERVER_ERROR = "The server had an error while processing your request. Sorry about that!"

_WORDS: Mapping[Vendor, Mapping[Fault, Refusal]] = {
    Vendor.OPENAI: {
        Fault.KEY_MISSING: _openai(
            401, "You didn't provide an API key. You need to provide your API key in an Authorization header using "
            "Bearer auth (i.e. Authorization: Bearer YOUR_KEY).", _INVALID, None,
        ),
        Fault.HTTP_401: _openai(401, "Incorrect API key provided.", _INVALID, "invalid_api_key"),
        Fault.HTTP_403: _openai(403, "You are not allowed to use this model.", _INVALID, "forbidden"),
        Fault.QUOTA: _openai(
            429, "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota",
            "insufficient_quota",
        ),
        Fault.QUOTA_402: _openai(402, "Insufficient Balance", "unknown_error", "invalid_request_error"),
        Fault.HTTP_429: _openai(
            429, "Rate limit reached for {model} on requests per min (RPM): Limit 3, Used 3, Requested 1.",
            "requests", "rate_limit_exceeded",
        ),
        Fault.OVERLOADED: _openai(
            503, "The engine is currently overloaded, please try again later", "server_error", None
        ),
        Fault.HTTP_503: _openai(503, "The server is busy, please try again.", "server_error", "overloaded"),
        Fault.HTTP_404: _openai(
            404, "The model `{model}` does not exist or you do not have access to it.", _INVALID, "model_not_found"
        ),
        Fault.RETIRED: _openai(
            404, "The model `{model}` has been deprecated, learn more here: "
            "https://platform.openai.com/docs/deprecations", _INVALID, "model_not_found",
        ),
        Fault.HTTP_400_CONTEXT: _openai(
            400, "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens. "
            "Please reduce the length of the messages.", _INVALID, "context_length_exceeded", "messages",
        ),
        Fault.CONTENT_REFUSED: _openai(
            400, "Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again "
            "with a different prompt.", _INVALID, "invalid_prompt",
        ),
        Fault.HTTP_400: _openai(400, "Unrecognized request argument supplied.", _INVALID, None),
        Fault.HTTP_500: _openai(500, _SERVER_ERROR, "server_error", None),
        Fault.ERROR_200: _openai(200, _SERVER_ERROR, "server_error", None),
    },
    Vendor.ANTHROPIC: {
        Fault.KEY_MISSING: _simple(401, "x-api-key header is required", "authentication_error"),
        Fault.HTTP_401: _simple(401, "invalid x-api-key", "authentication_error"),
        Fault.HTTP_403: _simple(
            403, "Your API key does not have permission to use the specified resource.", "permission_error"
        ),
        Fault.QUOTA: _simple(
            400, "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade "
            "or purchase credits.", _INVALID,
        ),
        Fault.QUOTA_402: _simple(402, "There is an issue with your billing or payment information.", "billing_error"),
        Fault.HTTP_429: _simple(
            429, "This request would exceed your organization's rate limit of 50 requests per minute.",
            "rate_limit_error",
        ),
        Fault.OVERLOADED: _simple(529, "Overloaded", "overloaded_error"),
        Fault.HTTP_503: _simple(503, "Service Unavailable", "api_error"),
        Fault.HTTP_404: _simple(404, "model: {model}", "not_found_error"),
        Fault.RETIRED: _simple(404, "model: {model}", "not_found_error"),
        Fault.HTTP_400_CONTEXT: _simple(400, "prompt is too long: 205123 tokens > 200000 maximum", _INVALID),
        Fault.CONTENT_REFUSED: _simple(400, "Output blocked by content filtering policy", _INVALID),
        Fault.HTTP_400: _simple(400, "messages: Input should be a valid list", _INVALID),
        Fault.HTTP_500: _simple(500, "Internal server error", "api_error"),
        Fault.ERROR_200: _simple(200, "Internal server error", "api_error"),
    },
    Vendor.OLLAMA: {
        Fault.KEY_MISSING: _simple(401, "unauthorized"),
        Fault.HTTP_401: _simple(401, "unauthorized"),
        Fault.HTTP_403: _simple(403, "this model requires a subscription, upgrade for access"),
        Fault.QUOTA: _simple(429, "you've reached your weekly usage limit, please upgrade to continue"),
        Fault.QUOTA_402: _simple(402, "payment required"),
        Fault.HTTP_429: _simple(429, "too many requests"),
        Fault.OVERLOADED: _simple(503, "server busy, please try again.  maximum pending requests exceeded"),
        Fault.HTTP_503: _simple(503, "service unavailable"),
        Fault.HTTP_404: _simple(404, "model '{model}' not found"),
        Fault.RETIRED: _simple(410, "model '{model}' was retired"),
        Fault.HTTP_400_CONTEXT: _simple(400, "input length exceeds the maximum context length"),
        Fault.CONTENT_REFUSED: _simple(400, "content_filter: the prompt was refused"),
        Fault.HTTP_400: _simple(400, "invalid options: num_ctx"),
        Fault.HTTP_500: _simple(500, "llama runner process has terminated: exit status 2"),
        Fault.ERROR_200: _simple(200, "an error was encountered while running the model: unexpected EOF"),
    },
}  # fmt: skip


def refusal(directions: Directions, vendor: Vendor, model: str) -> Refusal | None:
    """The error of this fault in this vendor's words, if it is one of those."""
    words = _WORDS[vendor].get(directions.fault)
    if words is None:
        return None
    headers = words.headers
    if directions.fault in _MAY_PASS:
        headers = _retry_after(directions)
    return replace(words, message=words.message.replace("{model}", model), headers=headers)


def _retry_after(directions: Directions) -> tuple[tuple[str, str], ...]:
    """`Retry-After` knows whole seconds only; `retry-after-ms` says it exactly, as OpenAI does."""
    wait_s = directions.retry_after
    if wait_s is None:
        if directions.fault != Fault.HTTP_429:
            return ()
        wait_s = DEFAULT_RETRY_AFTER_S
    return (("Retry-After", str(math.ceil(wait_s))), ("retry-after-ms", f"{wait_s * 1000:g}"))
