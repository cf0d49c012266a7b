"""What the parsers of all protocols share: bytes of one response in, deltas out. No network here.

Parser
├── ollama.ChatLines
└── EventParser            server-sent events
    ├── openai_chat.ChatStream
    ├── openai_responses.ResponsesStream
    └── anthropic.MessagesStream
"""

from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import replace

from arena.contestants.deltas import Delta, FinishReason, Usage, Waiting, WaitReason
from arena.contestants.errors import ContentRefused, Garbage, ProviderError, Truncated
from arena.contestants.providers.failures import is_failure, provider_error, server_error
from arena.contestants.providers.reasoning_tags import Separator
from arena.contestants.providers.sse import EventStream
from arena.contestants.providers.values import as_dict, parse_json


class Parser(ABC):
    """`feed` and `close` never raise: what went wrong is in `error` once the deltas before it have been given.

    After `close`, either `error` is set or the last delta was a Finish.
    """

    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        self.error: ProviderError | None = None
        self.is_ended = False  # nothing that follows matters
        self.text = Separator(opens_with_reasoning=opens_with_reasoning)
        self._reason: FinishReason | None = None
        self._usage = Usage()
        self._shown_usage = Usage()
        self._wait_reason: WaitReason | None = None  # told while no text has come
        self._shown_wait_reason: WaitReason | None = None
        self._has_begun = False
        self._is_closed = False

    @property
    def is_complete(self) -> bool:
        """The terminal mark has come; token counts may follow."""
        return self._reason is not None

    def feed(self, data: bytes) -> list[Delta]:
        if self.is_ended:
            return []
        try:
            self._read(data)
        except ProviderError as error:
            self._fail(error)
        return self._take()

    def close(self) -> list[Delta]:
        """The stream has ended, by itself or because it broke."""
        if self._is_closed:
            return []
        self._is_closed = True
        if not self.is_ended:
            try:
                self._read_end()
            except ProviderError as error:
                self._fail(error)
        self.is_ended = True
        deltas = self._take()
        try:
            deltas += self.text.flush()
        except ProviderError as error:
            self._fail(error)
        if self.error is None:
            self._end(deltas)
        return deltas

    def _end(self, deltas: list[Delta]) -> None:
        if self._reason is None:
            self.error = Truncated("the stream ended without its terminal mark")
        elif self._reason == FinishReason.CONTENT_FILTER and not self.text.has_answer:
            self.error = ContentRefused("filtered before it said anything")
        else:
            deltas.append(self.text.finish(self._reason))

    @abstractmethod
    def _read(self, data: bytes) -> None:
        """Hand the text in `data` to `self.text`. May raise a ProviderError."""

    def _read_end(self) -> None:  # noqa: B027  # a protocol may have nothing to do here
        """Read what the end of the stream left unread."""

    def _finish(self, reason: FinishReason) -> None:
        """The terminal mark: the first one counts. Some servers send a null one after it."""
        if self._reason is None:
            self._reason = reason

    def _count(self, *, cost_usd: float | None = None, **counts: int | None) -> None:
        """Take over the counts that are there."""
        known = {name: count for name, count in counts.items() if count is not None}
        if known:
            self._usage = replace(self._usage, **known)
        if cost_usd is not None:
            self._usage = replace(self._usage, cost_usd=cost_usd)

    def _fail(self, error: ProviderError) -> None:
        # What follows the terminal mark cannot make a complete response incomplete.
        self.is_ended = True
        if not self.is_complete:
            self.error = self.error or error

    def _take(self) -> list[Delta]:
        try:
            deltas = self.text.take()
        except ProviderError as error:
            self.error, self.is_ended, deltas = error, True, []
        self._has_begun = self._has_begun or bool(deltas)
        if self._wait_reason is not self._shown_wait_reason and not self._has_begun:
            self._shown_wait_reason = self._wait_reason
            deltas.append(Waiting(self._wait_reason))
        if self._usage is not self._shown_usage and self._usage != self._shown_usage:
            self._shown_usage = self._usage
            deltas.append(self._usage)
        return deltas


class EventParser(Parser):
    """A parser of server-sent events, each with one JSON object in it."""

    def __init__(self, *, opens_with_reasoning: bool = False) -> None:
        super().__init__(opens_with_reasoning=opens_with_reasoning)
        self._events = EventStream()

    def _read(self, data: bytes) -> None:
        for name, text in self._events.feed(data):
            self._read_text(name, text)
            if self.is_ended:
                return

    def _read_end(self) -> None:
        for name, text in self._events.close():
            with suppress(Garbage):  # cut off in the middle: that the stream is truncated says it all
                self._read_text(name, text)
        if not self._events.has_events and not self.is_complete:
            self._read_foreign(self._events.foreign)

    def _read_text(self, name: str, text: str) -> None:
        try:
            value = parse_json(text)
        except ValueError as error:
            self._read_odd(name, text, error)
            return
        if name == "error":
            raise failure(value)
        self._read_event(name, as_dict(value))

    def _read_odd(self, name: str, text: str, error: ValueError) -> None:
        """What is no JSON: the end, nothing at all, or several events that no blank line divides."""
        if text.strip() == "[DONE]":
            self.is_ended = True
        elif name == "error":
            raise failure(text)
        elif "\n" in text:
            for line in text.split("\n"):
                if not self.is_ended:
                    self._read_text(name, line)
        elif text.strip():
            raise Garbage(f"not JSON: {text[:200]!r}") from error

    def _read_foreign(self, text: str) -> None:
        """No events came. Some servers answer in plain JSON, with an error or with the whole response."""
        if not text:
            raise Garbage("the response was empty")
        try:
            value = parse_json(text)
        except ValueError as error:
            raise Garbage(f"not an event stream: {text[:200]!r}") from error
        if is_failure(value):
            raise failure(value)
        self._read_whole(as_dict(value))
        if not self.is_complete:
            raise Garbage(f"not an event stream: {text[:200]!r}")

    @abstractmethod
    def _read_event(self, name: str, event: dict[str, object]) -> None:
        """Hand the text of one event to `self.text`, note counts and the terminal mark. May raise a ProviderError."""

    @abstractmethod
    def _read_whole(self, body: dict[str, object]) -> None:
        """The response in one piece, as it is sent when no stream was asked for."""


def failure(body: object) -> ProviderError:
    """The error that a server reported in mid-stream or under a 200."""
    return provider_error(server_error(0, body))
