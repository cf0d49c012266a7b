"""The socket of a battle page: relays the battle's log from the browser's cursor. Nothing is ever received."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID
from weakref import WeakValueDictionary

from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from arena.battles.event_log import START, LogState, Position, position_of
from arena.battles.events import NamedItself, ResponseFailed, ResponseSnapshot, Resync, TurnAdded, Wire
from arena.battles.feeds import FRAME_EVERY_S, Feed
from arena.battles.messages import message, messages
from arena.battles.models import Battle
from arena.battles.queries import BlindBattle, BlindResponse, blind_battle, edition_of
from arena.battles.relay import relay
from arena.teams.sockets import Credentials, credentials_of, voter_behind
from arena.web_threads import in_web_thread

logger = logging.getLogger(__name__)

CLOSE_NOT_FOUND = 4404
CLOSE_TRY_AGAIN = 1013

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Offer = Callable[[str], bool]
Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Presence:
    """Messages that bring an empty page up to date, and the position to which they bring it."""

    texts: tuple[str, ...]
    position: Position


async def watch_battle(scope: Scope, receive: Receive, send: Send) -> None:
    """`/ws/battles/<id>/?cursor=`: replay from the cursor, or snapshots, then news as they come.

    With `?shown=`, the edition of a page whose responses have all ended, that page is not told again what it shows.

    A plain ASGI application: a consumer class of Channels would keep tasks of its own for every open socket.
    """
    await receive()
    await send({"type": "websocket.accept"})
    viewer = Viewer(scope, send)
    if isinstance(scope["headers"], list):  # whoever has the scope keeps it, but nobody reads the handshake again
        scope["headers"].clear()
    try:
        if not await viewer.may_watch():
            await send({"type": "websocket.close", "code": CLOSE_NOT_FOUND})
            return
        async with relay().watch(str(viewer.battle_id), viewer) as feed:
            viewer.begin(feed)
            try:
                await _left(receive)
            finally:
                await viewer.end()
    except (RedisError, DatabaseError, InterfaceError) as error:
        await _close_to_come_again(send, error)
    except OSError:
        pass  # it left while it was written to


async def _left(receive: Receive) -> None:
    """Sockets change nothing: what a browser sends is ignored."""
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def _close_to_come_again(send: Send, error: Exception) -> None:
    """Left open it would look alive, and tell nothing."""
    logger.warning("a battle cannot be watched: %s", error)
    with suppress(OSError):
        await send({"type": "websocket.close", "code": CLOSE_TRY_AGAIN})


class LogLost(Exception):
    """What was told of a battle is nowhere but in the database."""


class Viewer:
    """One browser on one battle. While it is up to date and reads what it is sent, it costs no task."""

    __slots__ = ("_credentials", "_feed", "_offer", "_position", "_send", "_shown", "_task", "battle_id")

    _feed: Feed

    def __init__(self, scope: Scope, send: Send) -> None:
        query = parse_qs(scope["query_string"].decode("latin-1"))
        self.battle_id: UUID = scope["url_route"]["kwargs"]["battle_id"]
        self._position = _place(query.get("cursor", [""])[0])
        self._shown = query.get("shown", [""])[0]
        self._credentials: Credentials = credentials_of(scope)
        self._send = send
        # Our own web server writes at once what it has room for; with others each frame takes a task.
        self._offer: Offer | None = (scope.get("extensions") or {}).get("arena.offer", {}).get("offer")
        self._task: asyncio.Task[None] | None = None

    def begin(self, feed: Feed) -> None:
        """Bring the browser to the log's present end: from its cursor if the log reaches back, else by snapshots."""
        self._feed = feed
        self._start(self._catch_up)

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def look(self) -> None:
        if self._task is None and self._position is not None and self._position < self._feed.position:
            if self._feed.reaches_back_to(self._position) and self._offers(self._feed.frame_after(self._position)):
                self._position = self._feed.position
            else:
                self._start(self._catch_up)

    def say_alive(self) -> None:
        """Whoever is written to already need not hear it, nor whoever does not read."""
        if self._task is None and self._position == self._feed.position:
            alive = self._feed.frame_after(self._position)
            if not self._offers(alive):
                self._start(partial(self._sends, alive))

    def come_again(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._start(partial(_close_to_come_again, self._send, LogLost("Redis has forgotten its log")))

    def _offers(self, text: str) -> bool:
        return self._offer is not None and self._offer(text)

    def _start(self, work: Work) -> None:
        self._task = asyncio.get_running_loop().create_task(self._work(work))

    async def _work(self, work: Work) -> None:
        try:
            await work()
        except (RedisError, DatabaseError, InterfaceError) as error:
            await _close_to_come_again(self._send, error)
        except OSError:
            pass  # it has left: whoever receives from it is told
        except Exception as error:  # a fault of ours
            logger.exception("a battle cannot be shown")
            await _close_to_come_again(self._send, error)
        finally:
            if self._task is asyncio.current_task():
                self._task = None

    async def _catch_up(self) -> None:
        """A slow browser gets fewer and larger frames: the next is made when it has room for it."""
        while True:
            if self._position is not None and self._feed.reaches_back_to(self._position):
                presence = self._whole(self._feed.frame_after(self._position))
            else:
                presence = await self._already_shown() or await self._present()
            for text in presence.texts:
                await self._sends(text)
            self._position = presence.position
            if self._position == self._feed.position:
                return
            await asyncio.sleep(FRAME_EVERY_S)

    def _whole(self, text: str) -> Presence:
        """One message is all it takes."""
        return Presence((text,), self._feed.position)

    async def _sends(self, text: str) -> None:
        await self._send({"type": "websocket.send", "text": text})

    async def _already_shown(self) -> Presence | None:
        """A sign of life, if its page shows all there is."""
        shown, self._shown = self._shown, ""
        if self._position is not None or not shown:
            return None
        ends = self._feed.state.ends
        is_latest = shown == await in_web_thread(partial(edition_of, self.battle_id))
        # Nothing is awaited here: what begins after that read is news to come.
        if not is_latest or ends != self._feed.state.ends or not self._feed.is_at_rest:
            return None
        return self._whole(self._feed.frame_after(self._feed.position))

    async def _present(self) -> Presence:
        """What brings it to the log's end if it knows nothing, in messages."""
        may_watch = self._position is None or await self.may_watch()
        presence = await _presence(self._feed, self.battle_id) if may_watch else None
        return presence or self._whole(message(self._feed.cursor, [Resync().wire()]))

    async def may_watch(self) -> bool:
        return await in_web_thread(self._may_watch)

    def _may_watch(self) -> bool:
        """Without reading the texts: those who come back with a cursor need none."""
        return Battle.objects.visible_to(voter_behind(self._credentials)).filter(pk=self.battle_id).exists()


def _place(cursor: str) -> Position | None:
    """The start is no place to go on from: the log may have begun, and expired, since."""
    position = position_of(cursor) if cursor else None
    return None if position == START else position


_being_read: dict[Feed, "asyncio.Task[Presence | None]"] = {}
_being_sent: WeakValueDictionary[Feed, Presence] = WeakValueDictionary()


async def _presence(feed: Feed, battle_id: UUID) -> Presence | None:
    """Made once for all who ask while it is being made, or still being sent to somebody who reads slowly. None if there
    is no such battle any more."""
    being_sent = _being_sent.get(feed)
    if being_sent is not None and being_sent.position == feed.position:
        return being_sent
    if feed not in _being_read:
        _being_read[feed] = asyncio.get_running_loop().create_task(_read(feed, battle_id))
        _being_read[feed].add_done_callback(lambda _: _being_read.pop(feed))
    presence = await asyncio.shield(_being_read[feed])
    if presence is not None:
        _being_sent[feed] = presence
    return presence


async def _read(feed: Feed, battle_id: UUID) -> Presence | None:
    while True:
        ends = feed.state.ends
        battle = await in_web_thread(partial(_battle, battle_id))
        if battle is None:
            return None
        if feed.state.ends == ends:  # else one has ended meanwhile: its text is in the database, and no longer here
            break
    # Nothing is awaited here: what the log knows is newer than what the database said.
    position, cursor, events = feed.position, feed.cursor, present_state(battle, feed.state)
    parts = []
    for part in messages(cursor, events):
        parts.append(part)
        await asyncio.sleep(0)  # others must not wait for a long battle
    return Presence(tuple(parts), position)


def _battle(battle_id: UUID) -> BlindBattle | None:
    battle = Battle.objects.select_related("problem", "team").filter(pk=battle_id).first()
    return blind_battle(battle) if battle else None


def present_state(battle: BlindBattle, log: LogState) -> list[Wire]:
    """Events that bring an empty page up to date.

    A response that runs as far as the log knows is taken from the log alone: text from the database would be doubled by
    the deltas that are still to come. What has ended there is taken from the database, which was read since: so it may
    have been asked again.
    """
    events: list[Wire] = []
    for turn in battle.turns:
        if turn.index:
            events.append(TurnAdded(turn.index, turn.prompt).wire())
        for response in turn.responses:
            events += _present_response(response, log)
    return [*events, *log.progress.values()]


def _present_response(response: BlindResponse, log: LogState) -> list[Wire]:
    logged = log.responses.get((response.turn, response.slot))
    slot, turn = response.slot, response.turn
    if logged is not None and not logged.is_ended:
        return logged.restated(slot, turn)
    events = [NamedItself(slot, turn).wire()] if response.named_itself else []
    events += [ResponseSnapshot(slot, turn, response.reasoning, response.answer, response.status).wire()]
    if response.failure:
        events.append(ResponseFailed(slot, turn, response.failure.code, response.failure.message).wire())
    return events


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """Sockets at any other address: closed, instead of a traceback in the log."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.close", "code": CLOSE_NOT_FOUND})
