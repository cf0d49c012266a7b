"""The socket of a battle page: relays the battle's log from the browser's cursor. Nothing is ever received."""

import asyncio
import logging
from contextlib import suppress
from urllib.parse import parse_qs
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from arena.battles.event_log import LogState, Position, position_of
from arena.battles.events import Alive, ResponseFailed, ResponseSnapshot, ResponseWaiting, Resync, TurnAdded, Wire
from arena.battles.queries import BlindBattle, BlindResponse, blind_battle, find_battle
from arena.battles.relay import Feed, message, relay
from arena.teams.sockets import voter_of_scope

logger = logging.getLogger(__name__)

CLOSE_NOT_FOUND = 4404
CLOSE_TRY_AGAIN = 1013
# At most one message per browser and this time: a slow browser gets fewer and larger ones.
FRAME_EVERY_S = 0.05


class BattleConsumer(AsyncWebsocketConsumer):
    """`/ws/battles/<id>/?cursor=`: replay from the cursor, or snapshots, then news as they come."""

    async def connect(self) -> None:
        self._stream: asyncio.Task[None] | None = None
        battle_id = self.scope["url_route"]["kwargs"]["battle_id"]
        await self.accept()
        if not await self._may_watch(battle_id):
            await self.close(CLOSE_NOT_FOUND)
            return
        self._stream = asyncio.create_task(self._relay(battle_id))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Sockets change nothing: what a browser sends is ignored."""

    async def disconnect(self, code: int) -> None:
        if self._stream is not None:
            self._stream.cancel()
            with suppress(asyncio.CancelledError):
                await self._stream

    async def _relay(self, battle_id: UUID) -> None:
        try:
            async with relay().watch(str(battle_id)) as feed:
                position = await self._begin(feed, battle_id)
                await self._follow(feed, position, battle_id)
        except (RedisError, DatabaseError, InterfaceError) as error:
            # Left open it would look alive, and tell nothing.
            logger.warning("a battle cannot be watched: %s", error)
            await self.close(CLOSE_TRY_AGAIN)

    async def _begin(self, feed: Feed, battle_id: UUID) -> Position:
        """Bring the browser to the log's present end: from its cursor if the log reaches back, else by snapshots."""
        cursor = parse_qs(self.scope["query_string"].decode("latin-1")).get("cursor", [""])[0]
        position = position_of(cursor) if cursor else None
        if position is not None and feed.reaches_back_to(position):
            return position
        return await self._restate(feed, battle_id)

    async def _restate(self, feed: Feed, battle_id: UUID) -> Position:
        battle = await self._battle(battle_id)
        if battle is None:
            await self.send(text_data=message(feed.position, [Resync().wire()]))
            return feed.position
        # From here to the message nothing is awaited: what the log knows is newer than what the database said.
        position = feed.position
        await self.send(text_data=message(position, present_state(battle, feed.state)))
        return position

    async def _follow(self, feed: Feed, position: Position, battle_id: UUID) -> None:
        while True:
            if not await feed.news_after(position):
                await self.send(text_data=message(position, [Alive().wire()]))
                continue
            if feed.reaches_back_to(position):
                frame, position = feed.frame_after(position), feed.position
                await self.send(text_data=frame)
            else:  # this browser took so long to read that what follows is not held any more
                position = await self._restate(feed, battle_id)
            await feed.rest(FRAME_EVERY_S)

    @database_sync_to_async
    def _may_watch(self, battle_id: UUID) -> bool:
        """Without reading the texts: those who come back with a cursor need none."""
        return find_battle(battle_id, voter_of_scope(self.scope)) is not None

    @database_sync_to_async
    def _battle(self, battle_id: UUID) -> BlindBattle | None:
        battle = find_battle(battle_id, voter_of_scope(self.scope))
        return blind_battle(battle) if battle else None


class NothingHere(AsyncWebsocketConsumer):
    """Sockets at any other address: closed, instead of a traceback in the log."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(CLOSE_NOT_FOUND)


def present_state(battle: BlindBattle, log: LogState) -> list[Wire]:
    """Events that bring an empty page up to date.

    A response that has ended is taken from the database, unless the log knows that it was asked again. One that
    runs is taken from the log alone: text from the database would be doubled by the deltas that are still to come.
    """
    events: list[Wire] = []
    for turn in battle.turns:
        if turn.index:
            events.append(TurnAdded(turn.index, turn.prompt).wire())
        for response in turn.responses:
            events += _present_response(response, log)
    return events


def _present_response(response: BlindResponse, log: LogState) -> list[Wire]:
    logged = log.responses.get((response.turn, response.slot))
    slot, turn = response.slot, response.turn
    if logged is None or (response.is_ended and logged.is_ended):
        reasoning, answer, status = response.reasoning, response.answer, response.status
        failure = (response.failure.code, response.failure.message) if response.failure else None
    else:
        reasoning, answer, status, failure = logged.reasoning, logged.answer, logged.status, logged.failure
    events = [ResponseSnapshot(slot, turn, reasoning, answer, status).wire()]
    if failure:
        events.append(ResponseFailed(slot, turn, *failure).wire())
    if logged and logged.why:
        events.append(ResponseWaiting(slot, turn, logged.why).wire())
    return events
