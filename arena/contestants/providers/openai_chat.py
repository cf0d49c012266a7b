"""Chat completions, OpenAI's own and those of the many servers that speak them: server-sent events.

https://platform.openai.com/docs/api-reference/chat-streaming. A response is complete at its `finish_reason`; `[DONE]`
is neither needed nor enough. Reasoning comes as `reasoning_content` (DeepSeek, DashScope, llama-server, transformers
serve, xAI), as `reasoning` (OpenRouter, Groq, Ollama's /v1, newer vLLM), as `reasoning_text` (GitHub), in
`reasoning_details` alone (MiniMax), as a list of typed parts (Mistral, Databricks), or inside the content (see
`reasoning_tags`). OpenAI's own reasoning models show none.

Some deployments refuse parts of the request: `adapted` repeats it without them, in the end without streaming. Then the
whole response comes as one delta.
"""

from collections.abc import AsyncGenerator

import httpx

from arena.contestants.deltas import Delta, FinishReason
from arena.contestants.errors import Overloaded
from arena.contestants.providers import refusals
from arena.contestants.providers.addresses import api_roots
from arena.contestants.providers.call import Call
from arena.contestants.providers.failures import ServerError, is_failure
from arena.contestants.providers.http import Body, Request, stream_request
from arena.contestants.providers.openai_models import SAMPLING, fold_system, is_first_reasoner, is_reasoner
from arena.contestants.providers.parsing import EventParser, failure
from arena.contestants.providers.reported_cost import reported_cost_usd
from arena.contestants.providers.values import as_count, as_dict, as_text, including, joined_text

_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "eos_token": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "complete": FinishReason.STOP,
    "model_context_window_exceeded": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
    "content_filtered": FinishReason.CONTENT_FILTER,
    "safety": FinishReason.CONTENT_FILTER,
    "sensitive": FinishReason.CONTENT_FILTER,
    "recitation": FinishReason.CONTENT_FILTER,
}
# OpenRouter, Z.ai and vLLM: the server gave up.
_FAILED = ("error", "network_error", "abort")
_RESERVED = ("model", "messages", "stream", "stream_options", "n")
_LIMITS = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    url, *other_urls = (f"{root}/chat/completions" for root in api_roots(call.base_url))
    request = Request(url, body(call), call.bearer, call.api_key, tuple(other_urls))
    parser = ChatStream(opens_with_reasoning=call.opens_with_reasoning)
    return stream_request(client, request, parser, adapt=adapted)


def body(call: Call) -> Body:
    options = {name: value for name, value in call.options.items() if name not in _RESERVED}
    if is_reasoner(call.model):
        options = _reasoner_options(call.model, options)
    return {
        "model": call.model,
        "messages": _messages(call),
        "stream": True,
        "stream_options": {"include_usage": True},
        **options,
    }


def _messages(call: Call) -> list[dict[str, str]]:
    messages = fold_system(call.messages) if is_first_reasoner(call.model) else call.messages
    roles = {"system": "developer"} if is_reasoner(call.model) else {}
    return [
        {"role": roles.get(message["role"], message["role"]), "content": message["content"]} for message in messages
    ]


def _reasoner_options(model: str, options: Body) -> Body:
    """`max_completion_tokens` covers hidden reasoning too: too small a value gives an empty answer."""
    options = {name: value for name, value in options.items() if name not in SAMPLING}
    if "max_tokens" in options:
        options.setdefault("max_completion_tokens", options.pop("max_tokens"))
    if is_first_reasoner(model):
        options.pop("reasoning_effort", None)
    return options


def adapted(body: Body, error: ServerError) -> Body | None:
    """The request again, without what the server just refused; None when it refused something else."""
    if not refusals.may_help(error):
        return None
    if "stream_options" in body and "stream_options" in f"{error.param} {error.words}":
        return refusals.without(body, "stream_options")
    if body["stream"] and refusals.refuses_stream(error):
        return refusals.without_stream(body)
    if option := refusals.refused_option(body, error, reserved=_RESERVED):
        return _other_limit(body, option, error) or refusals.without(body, option)
    if refusals.refuses_role(error):
        return refusals.with_system_as("system", body, of="developer") or refusals.with_system_folded(body)
    return None


def _other_limit(body: Body, refused: str, error: ServerError) -> Body | None:
    """The limit under its other name: OpenAI has renamed it, and not all servers have followed."""
    other = _LIMITS.get(refused)
    if other is None or refused == "max_completion_tokens" and other in error.words:  # that was refused before
        return None
    return {**refusals.without(body, refused), other: body[refused]}


class ChatStream(EventParser):
    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        super().__init__(opens_with_reasoning=opens_with_reasoning)
        self._speaks_in_messages = False

    def _read_event(self, name: str, event: dict[str, object]) -> None:
        if usage := event.get("usage"):  # first: a failure may be billed all the same
            self._read_usage(as_dict(usage))
        if "error" in event and event["error"]:  # OpenRouter's has choices beside it
            raise failure(event)
        choices = event.get("choices")
        if isinstance(choices, list) and choices:
            for choice in choices:
                self._read_choice(as_dict(choice))
        elif is_failure(event):
            raise failure(event)
        if "x_groq" in event:
            self._read_groq(as_dict(event["x_groq"]))

    def _read_whole(self, body: dict[str, object]) -> None:
        """A whole response differs in one word: its choice has a `message`."""
        self._read_event("", body)

    def _read_choice(self, choice: dict[str, object]) -> None:
        if choice.get("index"):  # more than one was never asked for
            return
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            delta = self._news(as_dict(choice.get("message")))
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning") or delta.get("reasoning_text"):
            self.text.reasoning(reasoning if isinstance(reasoning, str) else joined_text(reasoning))
        elif details := delta.get("reasoning_details"):
            self.text.reasoning(joined_text(details))
        if content := delta.get("content"):
            if isinstance(content, str):
                self.text.content(content)
            else:
                self._read_parts(content if isinstance(content, list) else [content])
        if refusal := delta.get("refusal"):
            self.text.content(as_text(refusal))
        if reason := choice.get("finish_reason"):
            self._read_usage(as_dict(choice.get("usage")))  # Moonshot
            self._read_reason(as_text(reason).lower().partition(":")[0], choice)  # Gemini: "content_filter: SAFETY"

    def _news(self, message: dict[str, object]) -> dict[str, object]:
        """A delta of what is new in a whole message: Perplexity and MiniMax repeat in one what their deltas said."""
        if self.text.is_empty:
            self._speaks_in_messages = True
            return message
        wholes = {
            "reasoning": joined_text(message.get("reasoning_content") or message.get("reasoning")),
            "content": joined_text(message.get("content")),
        }
        news: dict[str, object] = {}
        for name, whole in wholes.items():
            new = self.text.unread(whole, is_reasoning=name == "reasoning")
            # Or it is a server that has no word for a delta.
            news[name] = whole if new is None and self._speaks_in_messages else new
        return news

    def _read_parts(self, parts: list[object]) -> None:
        """Mistral: `{"type": "thinking", "thinking": [{"type": "text", …}]}` and `{"type": "text", "text": …}`."""
        for part in parts:
            if as_dict(part).get("type") in ("thinking", "reasoning"):
                self.text.reasoning(joined_text(part))
            else:
                self.text.content(joined_text(part))

    def _read_reason(self, reason: str, choice: dict[str, object]) -> None:
        if reason in _FAILED:
            raise failure(choice)
        if reason == "insufficient_system_resource":  # DeepSeek
            raise Overloaded(reason)
        if reason not in ("null", "none"):  # some servers write a missing value as a word
            self._finish(_REASONS.get(reason, FinishReason.OTHER))

    def _read_groq(self, groq: dict[str, object]) -> None:
        if groq.get("error"):
            raise failure(groq)
        self._read_usage(as_dict(groq.get("usage")))

    def _read_usage(self, usage: dict[str, object]) -> None:
        """Nothing but zeros is a place to be filled later, not a count.

        The completion tokens of xAI and of Perplexity's deep research leave the reasoning out, as their totals or the
        sizes themselves show: 12 + 1 = 303 with 290 of reasoning. The same sum:
        https://github.com/vercel/ai/blob/main/packages/xai/src/convert-xai-chat-usage.ts
        """
        read, written = as_count(usage.get("prompt_tokens")), as_count(usage.get("completion_tokens"))
        if not (read or written):
            return
        inner, cache = as_dict(usage.get("completion_tokens_details")), as_dict(usage.get("prompt_tokens_details"))
        thought = as_count(inner.get("reasoning_tokens", usage.get("reasoning_tokens")))
        cached = as_count(cache.get("cached_tokens", usage.get("prompt_cache_hit_tokens")))  # the latter is DeepSeek's
        total = as_count(usage.get("total_tokens"))
        is_apart = thought and total and total == (read or 0) + (written or 0) + thought
        self._count(
            input_tokens=including(read, cached),
            output_tokens=(written or 0) + thought if thought and is_apart else including(written, thought),
            reasoning_tokens=thought,
            cached_input_tokens=cached,
            cache_write_tokens=as_count(cache.get("cache_write_tokens")),
            cost_usd=reported_cost_usd(usage),
        )
