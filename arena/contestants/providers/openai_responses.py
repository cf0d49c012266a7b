"""OpenAI's Responses: typed server-sent events (https://platform.openai.com/docs/api-reference/responses-streaming).

The way to see what o-series models share of their reasoning: `reasoning: {"summary": "auto"}`. Servers with open
reasoning (llama-server, vLLM) send it as `reasoning_text`; a server that sends both is read once. A response is
complete with `response.completed` or `response.incomplete`. Nothing is stored at the vendor.
"""

from collections.abc import AsyncGenerator

import httpx

from arena.contestants.deltas import Delta, FinishReason, WaitReason
from arena.contestants.providers import refusals
from arena.contestants.providers.addresses import api_roots
from arena.contestants.providers.call import Call
from arena.contestants.providers.failures import ServerError
from arena.contestants.providers.http import Body, Request, stream_request
from arena.contestants.providers.openai_models import SAMPLING, is_reasoner
from arena.contestants.providers.parsing import EventParser, failure
from arena.contestants.providers.reported_cost import reported_cost_usd
from arena.contestants.providers.values import as_count, as_dict, as_list, as_text, including

# Kinds of events with text, and what else to read no more once they have come.
_ANSWERS = {
    "response.output_text.delta": "pieces",
    "response.refusal.delta": "pieces",
    "response.output_text.done": "parts",
    "response.refusal.done": "parts",
}
_REASONINGS = {
    "response.reasoning_summary_text.delta": "pieces of a summary",
    "response.reasoning_text.delta": "pieces",
    "response.reasoning.delta": "pieces",
    "response.reasoning_summary_text.done": "parts of a summary",
    "response.reasoning_text.done": "parts",
    "response.reasoning.done": "parts",
}
_WAITS = {"response.queued": WaitReason.QUEUED, "response.in_progress": None}
_LAST = {
    "response.completed": "completed",
    "response.done": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
}
_RESERVED = ("model", "input", "instructions", "stream", "store", "reasoning", "reasoning_effort", "max_tokens")


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    url, *other_urls = (f"{root}/responses" for root in api_roots(call.base_url))
    request = Request(url, body(call), call.bearer, call.api_key, tuple(other_urls))
    parser = ResponsesStream(opens_with_reasoning=call.opens_with_reasoning)
    return stream_request(client, request, parser, adapt=adapted)


def body(call: Call) -> Body:
    refused = SAMPLING if is_reasoner(call.model) else frozenset()
    options = {name: value for name, value in call.options.items() if name not in refused and name not in _RESERVED}
    if "max_tokens" in call.options:
        options.setdefault("max_output_tokens", call.options["max_tokens"])
    reasoning = {"summary": "auto"} if is_reasoner(call.model) else {}
    if "reasoning_effort" in call.options:
        reasoning["effort"] = as_text(call.options["reasoning_effort"])
    reasoning |= as_dict(call.options.get("reasoning"))  # type: ignore[arg-type]  # values of an entry's options
    system = "\n\n".join(message["content"] for message in call.messages if message["role"] == "system")
    return {
        "model": call.model,
        "input": [message for message in call.messages if message["role"] != "system"],
        "stream": True,
        "store": False,
        **({"instructions": system} if system else {}),
        **({"reasoning": reasoning} if reasoning else {}),
        **options,
    }


def adapted(body: Body, error: ServerError) -> Body | None:
    """The request again without what this server or account may not ask for."""
    if not refusals.may_help(error):
        return None
    said = f"{error.param} {error.words}"
    if "reasoning" in body and (name := next((name for name in ("summar", "effort") if name in said), "")):
        return _without_reasoning(body, name)
    if body["stream"] and refusals.refuses_stream(error):
        return refusals.without_stream(body)
    if option := refusals.refused_option(body, error, reserved=("model", "input", "stream", "instructions")):
        return refusals.without(body, option)
    if "instructions" in said or refusals.refuses_role(error):
        return refusals.with_system_folded(body, messages="input")
    return None


def _without_reasoning(body: Body, name: str) -> Body:
    """Without what begins with the name in its `reasoning`; without any, if it was not that."""
    reasoning = as_dict(body["reasoning"])
    rest = {key: value for key, value in reasoning.items() if not key.startswith(name)}
    return {
        **refusals.without(body, "reasoning"),
        **({"reasoning": rest} if rest and rest != reasoning else {}),
    }


class ResponsesStream(EventParser):
    """Each text comes up to four times: in pieces, as a part, in its item, in the response.

    The first kind of event that has any of the answer is the one its answer is read from; so it is for the reasoning.
    That way a server that leaves out some of them, or all but the last, is read once as well. Parts of an answer follow
    each other as in the official client's `output_text`; parts of reasoning are paragraphs.
    """

    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        super().__init__(opens_with_reasoning=opens_with_reasoning)
        self._answers_from = ""
        self._reasons_from = ""
        self._reasoning_part: object = None

    def _read_event(self, name: str, event: dict[str, object]) -> None:
        kind = as_text(event.get("type")) or name
        if source := _ANSWERS.get(kind):
            self._read_answer(source, event.get("delta") or event.get("text") or event.get("refusal"))
        elif source := _REASONINGS.get(kind):
            part = (event.get("output_index"), event.get("summary_index"), event.get("content_index"))
            self._read_reasoning(source, part, event.get("delta") or event.get("text"))
        elif kind == "response.output_item.done":
            self._read_item("item", event.get("output_index"), as_dict(event.get("item")))
        elif kind in _WAITS:
            self._wait_reason = _WAITS[kind]
        elif kind in _LAST:
            self._read_last(as_dict(event.get("response")), status=_LAST[kind])
            self.is_ended = self.is_complete
        elif kind == "error" or event.get("error"):
            raise failure(event)

    def _read_answer(self, source: str, text: object) -> None:
        if text and self._answers_from in ("", source):
            self._answers_from = source
            self.text.content(as_text(text))

    def _read_reasoning(self, source: str, part: object, text: object) -> None:
        if text and self._reasons_from in ("", source):
            self._reasons_from = source
            if part != self._reasoning_part:
                self._reasoning_part = part
                self.text.new_part()
            self.text.reasoning(as_text(text))

    def _read_item(self, source: str, index: object, item: dict[str, object]) -> None:
        if item.get("type") == "reasoning":
            parts = as_list(item.get("content")) or as_list(item.get("summary"))
            for number, part in enumerate(parts):
                self._read_reasoning(source, (index, number), as_dict(part).get("text"))
        elif item.get("type") == "message":
            for part in map(as_dict, as_list(item.get("content"))):
                self._read_answer(source, part.get("text") or part.get("refusal"))

    def _read_whole(self, body: dict[str, object]) -> None:
        """The response object: all there is without streaming."""
        self._read_last(body, status=as_text(body.get("status")))

    def _read_last(self, response: dict[str, object], *, status: str) -> None:
        """The response object that ends a stream. It may be empty but for its usage, or without any."""
        status = as_text(response.get("status")) or status
        self._read_usage(as_dict(response.get("usage")))  # a failed response may have its price too
        if status in ("failed", "cancelled"):
            raise failure(response if response.get("error") else f"the response has {status}")
        for index, item in enumerate(map(as_dict, as_list(response.get("output")))):
            self._read_item("response", index, item)
        if status == "completed":
            self._finish(FinishReason.STOP)
        elif status == "incomplete":
            reason = as_text(as_dict(response.get("incomplete_details")).get("reason"))
            self._finish(FinishReason.CONTENT_FILTER if reason == "content_filter" else FinishReason.LENGTH)

    def _read_usage(self, usage: dict[str, object]) -> None:
        read, written = as_count(usage.get("input_tokens")), as_count(usage.get("output_tokens"))
        if read or written:  # zeros alone are no count
            cache, inner = as_dict(usage.get("input_tokens_details")), as_dict(usage.get("output_tokens_details"))
            cached, thought = as_count(cache.get("cached_tokens")), as_count(inner.get("reasoning_tokens"))
            self._count(
                input_tokens=including(read, cached),
                output_tokens=including(written, thought),
                reasoning_tokens=thought,
                cached_input_tokens=cached,
                cache_write_tokens=as_count(cache.get("cache_write_tokens")),
                cost_usd=reported_cost_usd(usage),
            )
