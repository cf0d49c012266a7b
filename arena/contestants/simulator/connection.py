"""HTTP/1.1 for one client: reads requests, plays their answers in order, notices at once when the client leaves."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import cast
from urllib.parse import urlsplit

import httptools

from arena.contestants.simulator.journal import ConnectionNote, Journal, RequestNote, now_ms
from arena.contestants.simulator.playback import Clock, Frame, Playback
from arena.contestants.simulator.scheduling import Place

HEADERS_MAX_BYTES = 65_536
OVERLOADED_STATUS = 529  # Anthropic's own
PIPELINED_MAX = 100
# How long the rest of a refused body is read and dropped: closing at once would reset the connection, and the
# client would lose the refusal it has not read yet.
LINGER_S = 2.0


@dataclass(slots=True)
class Request:
    method: str = ""
    path: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_too_large: bool = False


Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, as raw bytes with their times.

    `is_generation`: it counts as an open stream. `place`: its place at the model, given up when the answer is over.
    `model` and `about`, the beginning of the message it answers, are for those who ask what the server did.
    """

    frames: Iterator[Frame]
    is_generation: bool = False
    keeps_alive: bool = True
    place: Place | None = None
    model: str = ""
    about: str = ""


@dataclass(slots=True)
class Counts:
    """What the server did since it started."""

    connections: int = 0
    open_streams: int = 0
    started_streams: int = 0
    finished_streams: int = 0
    streams_closed_by_client: int = 0
    streams_cut_by_server: int = 0


Handler = Callable[[Request], Answer]


def head(status: int, content_type: str, *extra: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_phrase(status)}", f"Content-Type: {content_type}"]
    lines += [f"{name}: {value}" for name, value in extra]
    return "\r\n".join([*lines, "", ""]).encode()


def _phrase(status: int) -> str:
    return "Overloaded" if status == OVERLOADED_STATUS else HTTPStatus(status).phrase


def whole(status: int, body: bytes, content_type: str = "application/json", *extra: tuple[str, str]) -> Answer:
    """An answer in one piece, at once."""
    return Answer(iter([(0.0, _whole_bytes(status, body, content_type, extra))]))


def whole_later(wait: float, body: Callable[[], bytes], headers: Headers = ()) -> Iterator[Frame]:
    """An answer that takes its time and then comes in one piece. `body` is asked for it when the time is over."""
    yield wait, b""
    yield 0.0, _whole_bytes(200, body(), "application/json", headers)


def _whole_bytes(status: int, body: bytes, content_type: str, extra: Headers) -> bytes:
    return head(status, content_type, ("Content-Length", str(len(body))), *extra) + body


def chunked(frames: Iterator[Frame], content_type: str, headers: Headers = ()) -> Iterator[Frame]:
    """A streamed answer; its header leaves together with the first bytes, as with servers that load a model first."""
    opening = head(200, content_type, ("Cache-Control", "no-cache"), ("Transfer-Encoding", "chunked"), *headers)
    for wait, data in frames:
        if data:
            yield wait, b"%b%x\r\n%b\r\n" % (opening, len(data), data)
            opening = b""
        else:
            yield wait, b""
    yield 0.0, opening + b"0\r\n\r\n"


class Connection(asyncio.Protocol):
    """Answers leave in the order of their requests; reading goes on meanwhile, or a leaving client went unseen."""

    def __init__(
        self,
        handler: Handler,
        clock: Clock,
        counts: Counts,
        journal: Journal,
        peers: "set[Connection]",
        max_body_bytes: int,
    ) -> None:
        self._handler = handler
        self._clock = clock
        self._counts = counts
        self._journal = journal
        self._note: ConnectionNote | None = None
        self._request_note: RequestNote | None = None
        self._peers = peers
        self._max_body_bytes = max_body_bytes
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._request = Request()
        self._body: list[bytes] = []
        self._received_bytes = 0
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._playback: Playback | None = None
        self._answer: Answer | None = None
        self._is_last = False
        self._is_blocked = False
        self._is_closing = False

    # --- asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transport has asyncio.Transport's methods but not its type
        self._transport = cast(asyncio.Transport, transport)
        self._peers.add(self)
        self._counts.connections += 1
        self._note = self._journal.open()

    def data_received(self, data: bytes) -> None:
        if self._is_last:
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(HTTPStatus.BAD_REQUEST)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._waiting.clear()
        self._peers.discard(self)
        self._counts.connections -= 1
        if self._note:
            self._note.close("server" if self._is_closing else "client")
        if self._playback and not self._playback.is_over:
            self._playback.close()
            if self._answer and self._answer.is_generation:
                self._counts.streams_closed_by_client += 1
            self._over("server" if self._is_closing else "client")

    def pause_writing(self) -> None:
        self._is_blocked = True

    def resume_writing(self) -> None:
        self._is_blocked = False
        if self._playback:
            self._playback.resume(self._clock)

    # --- the parser's callbacks

    def on_message_begin(self) -> None:
        self._request = Request()
        self._body = []
        self._received_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._request.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._received_bytes += len(name) + len(value)
        if self._received_bytes > HEADERS_MAX_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        self._request.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._is_last:
            return
        request = self._request
        request.method = self._parser.get_method().decode("latin-1")
        request.path = urlsplit(request.path).path
        self._received_bytes = 0
        length = request.headers.get("content-length", "0")
        request.is_too_large = length.isdigit() and int(length) > self._max_body_bytes
        if request.is_too_large:
            self._take(is_last=True)
        elif request.headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._is_last:
            return
        self._received_bytes += len(body)
        if self._received_bytes > self._max_body_bytes:
            self._request.is_too_large = True
            self._take(is_last=True)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if not self._is_last:
            self._take(is_last=not self._parser.should_keep_alive())

    # --- answering

    def _take(self, *, is_last: bool) -> None:
        if len(self._waiting) >= PIPELINED_MAX:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        self._is_last = is_last
        self._request.body = b"".join(self._body)
        self._waiting.append((self._request, is_last))
        if self._playback is None:
            self._answer_next()

    def _answer_next(self) -> None:
        request, is_last = self._waiting.popleft()
        self._answer = self._handler(request)
        if is_last and self._answer.keeps_alive:
            self._answer = replace(self._answer, keeps_alive=False)
        self._request_note = RequestNote(request.path, self._answer.model)
        if self._note:
            self._note.requests.append(self._request_note)
        if self._answer.is_generation:
            self._counts.open_streams += 1
            self._counts.started_streams += 1
        playback = self._playback = Playback(self._answer.frames, self)
        if self._answer.place:
            self._answer.place.wake = lambda: playback.wake(self._clock)
        playback.start(self._clock)

    def _over(self, ended_by: str) -> None:
        """The answer is done with, however it ended."""
        if self._request_note:
            self._request_note.end(ended_by)
        if self._answer and self._answer.is_generation:
            self._counts.open_streams -= 1
        if self._answer and self._answer.place:
            self._answer.place.leave()

    def _refuse(self, status: HTTPStatus) -> None:
        self._is_last = True
        self._waiting.clear()
        if self._playback is None and self._transport:
            self._transport.write(head(status, "text/plain", ("Content-Length", "0"), ("Connection", "close")))
        self.close()

    def close(self) -> None:
        self._is_closing = True
        if self._transport:
            self._transport.close()

    def abort(self) -> None:
        self._is_closing = True
        if self._transport:
            self._transport.abort()

    def _linger(self) -> None:
        if self._transport:
            self._transport.write_eof()
            self._clock.later(LINGER_S, self.close)

    # --- where the playback writes (Outlet)

    def write(self, data: bytes) -> None:
        if self._transport:
            self._transport.write(data)
        if self._request_note and self._request_note.first_byte_ms is None:
            self._request_note.first_byte_ms = now_ms()

    def is_blocked(self) -> bool:
        return self._is_blocked

    def answer_ended(self) -> None:
        assert self._answer
        if self._answer.is_generation:
            self._counts.finished_streams += 1
        self._over("finished")
        self._playback = None
        if self._request.is_too_large:
            self._linger()
        elif not self._answer.keeps_alive:
            self.close()
        elif self._waiting:
            self._answer_next()

    def cut_off(self) -> None:
        assert self._answer
        if self._answer.is_generation:
            self._counts.streams_cut_by_server += 1
        self._over("server")
        self.close()
