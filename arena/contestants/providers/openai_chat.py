"""Chat completions, OpenAI's own and those of the many servers that speak them: server-sent events.

https://platform.openai.com/docs/api-reference/chat-streaming. A response is complete at its `finish_reason`; `[DONE]`
is neither needed nor enough. Reasoning comes as `reasoning_content` (DeepSeek, DashScope, llama-server, transformers
serve), as `reasoning` (OpenRouter, Groq, Ollama's /v1, newer vLLM), as a list of typed parts (Mistral), or inside the
content (see `reasoning_tags`). OpenAI's own reasoning models show none.

Some deployments refuse parts of the request: `adapted` repeats it without them, in the end without streaming. Then the
whole response comes as one delta.
"""

import re
from collections.abc import AsyncGenerator

import httpx

from arena.contestants.deltas import Delta, FinishReason
from arena.contestants.providers.addresses import api_roots
from arena.contestants.providers.call import Call
from arena.contestants.providers.failures import ServerError
from arena.contestants.providers.http import Body, Request, stream_request
from arena.contestants.providers.openai_models import SAMPLING, fold_system, is_first_reasoner, is_reasoner
from arena.contestants.providers.parsing import EventParser, failure
from arena.contestants.providers.reported_cost import reported_cost_usd
from arena.contestants.providers.values import as_count, as_dict, as_list, as_text

_REASONS = {
    "stop": FinishReason.STOP,
    "eos": FinishReason.STOP,
    "eos_token": FinishReason.STOP,
    "stop_sequence": FinishReason.STOP,
    "end_turn": FinishReason.STOP,
    "length": FinishReason.LENGTH,
    "max_tokens": FinishReason.LENGTH,
    "model_length": FinishReason.LENGTH,
    "content_filter": FinishReason.CONTENT_FILTER,
}
_RESERVED = ("model", "messages", "stream", "stream_options", "n")
_MAY_BE_ADAPTED = (400, 404, 422, 500, 501)
_STREAM_REFUSED = re.compile(r"(?<![\w.])['\"`]?stream(?:ing)?['\"`]?(?![\w.])")


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    headers = {"Authorization": f"Bearer {call.api_key}"} if call.api_key else {}
    url, *other_urls = (f"{root}/chat/completions" for root in api_roots(call.base_url))
    request = Request(url, body(call), headers, call.api_key, tuple(other_urls))
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
    if error.status not in _MAY_BE_ADAPTED:
        return None
    if "stream_options" in body and "stream_options" in f"{error.param} {error.words}":
        return _without(body, "stream_options")
    if body["stream"] and (error.param == "stream" or _says_no(error) and _STREAM_REFUSED.search(error.words)):
        return {**_without(body, "stream_options"), "stream": False}
    if "max_tokens" in body and "max_completion_tokens" in error.words:
        return {**_without(body, "max_tokens"), "max_completion_tokens": body["max_tokens"]}
    if error.param in body and error.param not in _RESERVED and _says_no(error):
        return _without(body, error.param)
    return _folded(body) if "role" in f"{error.param} {error.words}" else None


def _says_no(error: ServerError) -> bool:
    return any(word in error.words for word in ("support", "unknown", "unrecognized", "not allowed", "not permitted"))


def _folded(body: Body) -> Body | None:
    messages = [as_dict(message) for message in as_list(body["messages"])]
    system = [message for message in messages if message["role"] in ("system", "developer")]
    others = [message for message in messages if message not in system]
    if not system or not others:
        return None
    head = "\n\n".join(as_text(message["content"]) for message in system)
    first = {**others[0], "content": f"{head}\n\n{others[0]['content']}"}
    return {**body, "messages": [first, *others[1:]]}


def _without(body: Body, name: str) -> Body:
    return {key: value for key, value in body.items() if key != name}


class ChatStream(EventParser):
    def _read_event(self, name: str, event: dict[str, object]) -> None:
        usage = event.get("usage")
        if usage:  # first: a failure may be billed all the same
            self._read_usage(as_dict(usage))
        if event.get("error") or event.get("object") == "error":
            raise failure(event)
        choices = event.get("choices")
        if isinstance(choices, list) and choices:
            self._read_choice(as_dict(choices[0]))

    def _read_whole(self, body: dict[str, object]) -> None:
        """A whole response differs in one word: its choice has a `message`."""
        self._read_event("", body)

    def _read_choice(self, choice: dict[str, object]) -> None:
        if choice.get("index"):  # more than one was never asked for
            return
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else as_dict(choice.get("message"))
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
            self.text.reasoning(as_text(reasoning))
        if content := delta.get("content"):
            if isinstance(content, str):
                self.text.content(content)
            else:
                self._read_parts(as_list(content))
        if refusal := delta.get("refusal"):
            self.text.content(as_text(refusal))
        if reason := choice.get("finish_reason"):
            if reason == "error":  # OpenRouter: the upstream failed
                raise failure(choice)
            self._finish(_REASONS.get(as_text(reason), FinishReason.OTHER))

    def _read_parts(self, parts: list[object]) -> None:
        """Mistral: `{"type": "thinking", "thinking": [{"type": "text", …}]}` and `{"type": "text", "text": …}`."""
        for part in map(as_dict, parts):
            if part.get("type") == "thinking":
                thinking = part.get("thinking")
                pieces = [as_text(as_dict(piece).get("text")) for piece in as_list(thinking)]
                self.text.reasoning(as_text(thinking) or "".join(pieces))
            else:
                self.text.content(as_text(part.get("text")))

    def _read_usage(self, usage: dict[str, object]) -> None:
        """What a cache gave is told in `prompt_tokens_details`, or as DeepSeek does it."""
        read = as_dict(usage.get("prompt_tokens_details"))
        written = as_dict(usage.get("completion_tokens_details"))
        cached = as_count(read.get("cached_tokens"))
        self._count(
            input_tokens=as_count(usage.get("prompt_tokens")),
            output_tokens=as_count(usage.get("completion_tokens")),
            reasoning_tokens=as_count(written.get("reasoning_tokens")),
            cached_input_tokens=as_count(usage.get("prompt_cache_hit_tokens")) if cached is None else cached,
            cache_write_tokens=as_count(read.get("cache_write_tokens")),
            cost_usd=reported_cost_usd(usage),
        )
