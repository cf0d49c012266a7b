"""The socket of a battle page: relays the battle's log from the browser's cursor. Nothing is ever received."""

import asyncio
import logging
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, InterfaceError
from redis.exceptions import RedisError

from arena.battles.event_log import LogState, Position, position_of
from arena.battles.events import Alive, ResponseFailed, ResponseSnapshot, Resync, TurnAdded, Wire
from arena.battles.models import Battle
from arena.battles.queries import BlindBattle, BlindResponse, blind_battle, find_battle
from arena.battles.relay import Feed, Restatement, message, messages, relay
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
        if await self._battle(battle_id) is None:
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
        position, messages = await feed.restatement(partial(_restatement, feed, battle))
        for part in messages:
            await self.send(text_data=part)
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
    def _battle(self, battle_id: UUID) -> Battle | None:
        """If its voter may see it. Without the texts: those who come back with a cursor need none."""
        return find_battle(battle_id, voter_of_scope(self.scope))


class NothingHere(AsyncWebsocketConsumer):
    """Sockets at any other address: closed, instead of a traceback in the log."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(CLOSE_NOT_FOUND)


async def _restatement(feed: Feed, battle: Battle) -> Restatement:
    """The log's present end, and messages that bring an empty page there."""
    while True:
        ends = feed.state.ends
        read = await database_sync_to_async(blind_battle)(battle)
        if feed.state.ends == ends:  # else one has ended meanwhile, whose text is in the database by now
            break
    # Nothing is awaited here: what the log knows is newer than what the database said.
    position, events = feed.position, present_state(read, feed.state)
    parts = []
    for part in messages(position, events):
        parts.append(part)
        await asyncio.sleep(0)  # others must not wait for a long battle
    return position, tuple(parts)


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
    return events


def _present_response(response: BlindResponse, log: LogState) -> list[Wire]:
    logged = log.responses.get((response.turn, response.slot))
    slot, turn = response.slot, response.turn
    if logged is not None and not logged.is_ended:
        return logged.restated(slot, turn)
    events = [ResponseSnapshot(slot, turn, response.reasoning, response.answer, response.status).wire()]
    if response.failure:
        events.append(ResponseFailed(slot, turn, response.failure.code, response.failure.message).wire())
    return events
