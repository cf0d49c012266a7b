"""A browser's part of the socket protocol, in the least code that keeps to it."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable

import aiohttp

Texts = dict[tuple[int, str], tuple[str, str]]

ENDED = {"finished", "failed", "stopped"}


class Viewer:
    """Applies events, remembers the cursor, and comes back with it whenever the connection is lost."""

    def __init__(self, base_url: str, battle_id: str, *, slots: int) -> None:
        self.url = f"{base_url.replace('http', 'ws', 1)}/ws/battles/{battle_id}/"
        self.slots = slots
        self.cursor = ""
        self.connections = 0
        self.messages = 0
        self.statuses: dict[tuple[int, str], str] = {}
        self._reasoning: dict[tuple[int, str], str] = {}
        self._answer: dict[tuple[int, str], str] = {}

    @property
    def texts(self) -> Texts:
        return {key: (self._reasoning[key], self._answer[key]) for key in self.statuses}

    @property
    def has_seen_the_end(self) -> bool:
        return len(self.statuses) == self.slots and all(status in ENDED for status in self.statuses.values())

    async def watch(self, leave: Callable[[], Awaitable[bool]] | None = None) -> None:
        """Follow the battle to its end. `leave` is asked after each message whether to hang up and come back."""
        async with aiohttp.ClientSession() as session:
            while not self.has_seen_the_end:
                try:
                    await self._watch_once(session, leave)
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.1)

    async def _watch_once(self, session: aiohttp.ClientSession, leave: Callable[[], Awaitable[bool]] | None) -> None:
        async with session.ws_connect(self.url, params={"cursor": self.cursor} if self.cursor else {}) as socket:
            self.connections += 1
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    return
                self.messages += 1
                self._apply(json.loads(message.data))
                if self.has_seen_the_end or (leave and await leave()):
                    return

    def _apply(self, message: dict[str, object]) -> None:
        events = message["e"]
        assert isinstance(events, list)
        for event in events:
            if isinstance(event, list):
                slot, turn, part, text = event
                texts = self._reasoning if part == "r" else self._answer
                texts[turn, slot] = texts.get((turn, slot), "") + text
            elif "slot" in event:
                self._apply_named(event)
        self.cursor = str(message["c"])

    def _apply_named(self, event: dict[str, str]) -> None:
        key = int(event["turn"]), event["slot"]
        self._reasoning.setdefault(key, "")
        self._answer.setdefault(key, "")
        match event["type"]:
            case "snapshot":
                self.statuses[key] = event["status"]
                self._reasoning[key], self._answer[key] = event["reasoning"], event["answer"]
            case "restarted":
                self.statuses[key], self._reasoning[key], self._answer[key] = "waiting", "", ""
            case "relabel":
                self._reasoning[key], self._answer[key] = self._reasoning[key] + self._answer[key], ""
            case "started":
                self.statuses[key] = "streaming"
            case "finished" | "failed" | "stopped" as status:
                self.statuses[key] = status


def hanging_up(times: int, *, of_messages: int, seed: int) -> Callable[[], Awaitable[bool]]:
    """Says yes at `times` random moments among the first `of_messages` messages."""
    moments = set(random.Random(seed).sample(range(of_messages), times))
    count = iter(range(1_000_000))

    async def leave() -> bool:
        return next(count) in moments

    return leave
