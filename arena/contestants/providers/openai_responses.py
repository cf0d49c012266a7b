"""OpenAI's Responses: typed server-sent events (https://platform.openai.com/docs/api-reference/responses-streaming).

The way to see what o-series models share of their reasoning: `reasoning: {"summary": "auto"}`. Servers with open
reasoning (llama-server, vLLM) send it as `reasoning_text`; a server that sends both is read once. A response is
complete with `response.completed` or `response.incomplete`. Nothing is stored at the vendor.
"""

from collections.abc import AsyncGenerator

import httpx

from arena.contestants.deltas import Delta, FinishReason, WaitReason
from arena.contestants.errors import ContentRefused
from arena.contestants.providers.addresses import api_roots
from arena.contestants.providers.call import Call
from arena.contestants.providers.failures import ServerError
from arena.contestants.providers.http import Body, Request, stream_request
from arena.contestants.providers.openai_models import SAMPLING, is_reasoner
from arena.contestants.providers.parsing import EventParser, failure
from arena.contestants.providers.reported_cost import reported_cost_usd
from arena.contestants.providers.values import as_count, as_dict, as_list, as_text

_SUMMARY = "response.reasoning_summary_text.delta"
_REASONING = "response.reasoning_text.delta"
_ANSWER = ("response.output_text.delta", "response.refusal.delta")
_WAITS = {"response.queued": WaitReason.QUEUED, "response.in_progress": None}
_RESERVED = ("model", "input", "instructions", "stream", "store", "reasoning", "reasoning_effort", "max_tokens")


def stream(client: httpx.AsyncClient, call: Call) -> AsyncGenerator[Delta, None]:
    headers = {"Authorization": f"Bearer {call.api_key}"} if call.api_key else {}
    url, *other_urls = (f"{root}/responses" for root in api_roots(call.base_url))
    request = Request(url, body(call), headers, call.api_key, tuple(other_urls))
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
    if error.status not in (400, 403, 422):
        return None
    said = f"{error.param} {error.words}"
    if "summar" in said and "summary" in (reasoning := as_dict(body.get("reasoning"))):
        rest = {name: value for name, value in reasoning.items() if name != "summary"}
        return {**_without(body, "reasoning"), **({"reasoning": rest} if rest else {})}
    if error.param == "stream" and body["stream"]:
        return {**body, "stream": False}
    for name in ("store", "reasoning"):
        if name in body and (error.param.startswith(name) or f"'{name}'" in said):
            return _without(body, name)
    return None


def _without(body: Body, name: str) -> Body:
    return {key: value for key, value in body.items() if key != name}


class ResponsesStream(EventParser):
    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        super().__init__(opens_with_reasoning=opens_with_reasoning)
        self._reasoning_type = ""
        self._has_text = False

    def _read_event(self, name: str, event: dict[str, object]) -> None:
        kind = as_text(event.get("type")) or name
        if kind in _ANSWER:
            self._has_text = True
            self.text.content(as_text(event.get("delta")))
        elif kind in (_SUMMARY, _REASONING):
            self._read_reasoning(kind, event)
        elif kind in _WAITS:
            self._wait_reason = _WAITS[kind]
        elif kind == "response.reasoning_summary_part.added" and event.get("summary_index"):
            self._read_reasoning(_SUMMARY, {"delta": "\n\n"})
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            self._read_whole(as_dict(event.get("response")))
            if kind == "response.completed":
                self._finish(FinishReason.STOP)
            self.is_ended = self.is_complete
        elif kind == "error" or event.get("error"):
            raise failure(event)

    def _read_reasoning(self, kind: str, event: dict[str, object]) -> None:
        if self._reasoning_type in ("", kind):
            self._reasoning_type = kind
            self.text.reasoning(as_text(event.get("delta")))

    def _read_whole(self, body: dict[str, object]) -> None:
        """The response object: all there is without streaming, and the last event with it."""
        status = as_text(body.get("status"))
        self._read_usage(as_dict(body.get("usage")))  # a failed response may have its price too
        if status == "failed":
            raise failure({"error": body.get("error")} if body.get("error") else {})
        if not self._has_text:
            self._read_output(as_list(body.get("output")))
        if status == "completed":
            self._finish(FinishReason.STOP)
        elif status == "incomplete":
            reason = as_text(as_dict(body.get("incomplete_details")).get("reason"))
            self._finish({"content_filter": FinishReason.CONTENT_FILTER}.get(reason, FinishReason.LENGTH))
        elif status == "cancelled":
            raise ContentRefused("the response was cancelled")

    def _read_output(self, output: list[object]) -> None:
        for item in map(as_dict, output):
            if item.get("type") == "reasoning" and not self._reasoning_type:
                parts = as_list(item.get("content")) or as_list(item.get("summary"))
                self.text.reasoning("\n\n".join(as_text(as_dict(part).get("text")) for part in parts))
            elif item.get("type") == "message":
                for part in map(as_dict, as_list(item.get("content"))):
                    self.text.content(as_text(part.get("text")) or as_text(part.get("refusal")))

    def _read_usage(self, usage: dict[str, object]) -> None:
        read = as_dict(usage.get("input_tokens_details"))
        written = as_dict(usage.get("output_tokens_details"))
        self._count(
            input_tokens=as_count(usage.get("input_tokens")),
            output_tokens=as_count(usage.get("output_tokens")),
            reasoning_tokens=as_count(written.get("reasoning_tokens")),
            cached_input_tokens=as_count(read.get("cached_tokens")),
            cache_write_tokens=as_count(read.get("cache_write_tokens")),
            cost_usd=reported_cost_usd(usage),
        )
