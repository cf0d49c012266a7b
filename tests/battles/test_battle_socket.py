"""The socket of a battle: what a browser gets when it comes, comes back, or may not come."""

import json
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import pytest
import redis
from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from django.conf import settings
from django.db import OperationalError

from arena.battles import consumers, feeds, messages, relay
from arena.battles.event_log import LogState, encode, log_key, publish
from arena.battles.events import (
    Alive,
    ProgressMade,
    ResponseFailed,
    ResponseFinished,
    ResponseRestarted,
    ResponseStarted,
    ResponseWaiting,
    TextDelta,
    TurnAdded,
    Wire,
)
from arena.battles.models import Battle, Response, Turn
from arena.battles.queries import BlindBattle, blind_battle, edition_of
from arena.battles.relay import close_relay
from arena.battles.urls import websocket_urlpatterns
from tests.battles.test_relay import until, watching
from tests.factories import make_battle, make_finished_battle

pytestmark = pytest.mark.django_db(transaction=True)

LIMIT_S = 60

Publish = Callable[..., None]


@pytest.fixture
def publishing() -> "Iterator[Callable[[Battle], Publish]]":
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        yield lambda battle: lambda *events: publish(client, battle.pk, events)


@pytest.fixture(autouse=True)
async def relay_ends_with_its_loop() -> AsyncIterator[None]:
    yield
    await close_relay()


@asynccontextmanager
async def browser(battle_id: object, cursor: str = "", shown: str = "") -> AsyncIterator[ApplicationCommunicator]:
    scope = {
        "type": "websocket",
        "path": f"/ws/battles/{battle_id}/",
        "query_string": urlencode({"cursor": cursor, "shown": shown}).encode(),
        "headers": [],
    }
    socket = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)
    await socket.send_input({"type": "websocket.connect"})
    assert (await socket.receive_output(LIMIT_S))["type"] == "websocket.accept"
    yield socket
    await socket.send_input({"type": "websocket.disconnect", "code": 1000})
    await socket.wait(LIMIT_S)


async def next_message(socket: ApplicationCommunicator) -> tuple[str, list[Wire]]:
    message = json.loads((await socket.receive_output(LIMIT_S))["text"])
    return message["c"], message["e"]


make = database_sync_to_async(make_battle)
make_finished = database_sync_to_async(make_finished_battle)


@database_sync_to_async
def change(battle: Battle, slot: str, **fields: object) -> None:
    Response.objects.filter(turn__battle=battle, seat__slot=slot).update(**fields)


async def test_unknown_battle_is_closed_with_4404() -> None:
    async with browser(uuid.uuid4()) as socket:
        assert await socket.receive_output(LIMIT_S) == {"type": "websocket.close", "code": 4404}


async def test_socket_whose_database_goes_away_is_closed_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(battle: Battle) -> None:
        raise OperationalError("the database went away")

    monkeypatch.setattr(consumers, "blind_battle", away)
    async with browser((await make()).pk) as socket:
        assert await socket.receive_output(LIMIT_S) == {"type": "websocket.close", "code": 1013}


async def test_finished_battle_begins_with_snapshots_from_the_database() -> None:
    battle = await make_finished()
    async with browser(battle.pk) as socket:
        _, events = await next_message(socket)
    assert events == [
        {
            "type": "snapshot",
            "slot": slot,
            "turn": 0,
            "reasoning": "Two and two.\n\nThat makes four.",
            "answer": "4",
            "status": "finished",
        }
        for slot in "AB"
    ]


async def test_late_joiner_gets_one_snapshot_and_then_the_news(publishing: Callable[[Battle], Publish]) -> None:
    battle = await make()
    say = publishing(battle)
    say(ResponseStarted("A", 0), TextDelta("A", 0, "r", "Let me "))
    say(TextDelta("A", 0, "r", "think"))
    async with browser(battle.pk) as socket:
        _, events = await next_message(socket)
        assert [event["reasoning"] for event in events if isinstance(event, dict)] == ["Let me think", ""]
        say(TextDelta("A", 0, "a", "4"), ResponseFinished("A", 0))
        _, events = await next_message(socket)
    assert events == [["A", 0, "a", "4"], {"type": "finished", "slot": "A", "turn": 0}]


async def test_late_joiner_is_told_why_nothing_has_come_yet(publishing: Callable[[Battle], Publish]) -> None:
    battle = await make()
    say = publishing(battle)
    loading = ResponseWaiting("A", 0, "loading")
    say(ResponseStarted("A", 0), loading, ResponseStarted("B", 0), ResponseWaiting("B", 0, "queued"))
    say(TextDelta("B", 0, "r", "So"))
    async with browser(battle.pk) as socket:
        cursor, events = await next_message(socket)
        assert [event["type"] for event in events if isinstance(event, dict)] == ["snapshot", "waiting", "snapshot"]
        assert events[1] == loading.wire()
    say(ResponseWaiting("A", 0, ""))
    async with browser(battle.pk, cursor) as socket:
        assert (await next_message(socket))[1] == [ResponseWaiting("A", 0, "").wire()]
    async with browser(battle.pk) as socket:
        _, events = await next_message(socket)
    assert [event["type"] for event in events if isinstance(event, dict)] == ["snapshot", "snapshot"]


async def test_late_joiner_is_told_how_many_are_how_far(publishing: Callable[[Battle], Publish]) -> None:
    battle = await make()
    started = [ResponseStarted("A", 0), ResponseStarted("B", 0)]
    publishing(battle)(ProgressMade(0, 2, 0, 0), *started, ProgressMade(0, 1, 1, 0))
    async with browser(battle.pk) as socket:
        _, events = await next_message(socket)
    assert events[-1] == {"type": "progress", "turn": 0, "thinking": 1, "writing": 1, "done": 0}
    assert [event["type"] for event in events if isinstance(event, dict)] == ["snapshot", "snapshot", "progress"]


async def test_cursor_brings_exactly_what_was_missed(publishing: Callable[[Battle], Publish]) -> None:
    battle = await make()
    say = publishing(battle)
    say(TextDelta("A", 0, "r", "seen "))
    async with browser(battle.pk) as socket:
        cursor, _ = await next_message(socket)
    say(TextDelta("A", 0, "r", "missed "))
    say(TextDelta("B", 0, "a", "both"))
    async with browser(battle.pk, cursor) as socket:
        _, events = await next_message(socket)
    assert events == [["A", 0, "r", "missed "], ["B", 0, "a", "both"]]


async def test_browser_that_fell_too_far_behind_is_told_everything_anew(
    publishing: Callable[[Battle], Publish], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "ENTRIES_HELD", 3)
    battle = await make()
    say = publishing(battle)
    state = LogState()
    async with browser(battle.pk) as socket:
        _, events = await next_message(socket)
        state.apply(events)
        with redis.Redis.from_url(settings.REDIS_URL) as client, client.pipeline(transaction=True) as pipe:
            for number in range(20):  # at once: the feed reads all of them before the socket sends any
                pipe.xadd(log_key(battle.pk), {"e": encode([TextDelta("A", 0, "a", f"{number} ")])})
            pipe.execute()
        _, events = await next_message(socket)
        state.apply(events)
        say(TextDelta("A", 0, "a", "end"))
        _, events = await next_message(socket)
        state.apply(events)
    assert state.responses[0, "A"].answer == "".join(f"{number} " for number in range(20)) + "end"


@pytest.mark.parametrize("cursor", ["zzzzzzzzzz", "garbage!", "0", "-1", "9" * 400])
async def test_strange_cursor_begins_with_snapshots(cursor: str, publishing: Callable[[Battle], Publish]) -> None:
    battle = await make()
    publishing(battle)(TextDelta("A", 0, "a", "text"))
    async with browser(battle.pk, cursor) as socket:
        _, events = await next_message(socket)
    state = LogState()
    state.apply(events)
    assert state.responses[0, "A"].answer == "text"


async def test_response_asked_again_is_shown_empty_though_the_database_had_a_failure(
    publishing: Callable[[Battle], Publish],
) -> None:
    battle = await make_finished()
    publishing(battle)(TextDelta("A", 0, "a", "old"), ResponseRestarted("A", 0), TextDelta("A", 0, "a", "new"))
    async with browser(battle.pk) as socket:
        _, events = await next_message(socket)
    assert isinstance(events[0], dict)
    assert (events[0]["answer"], events[0]["status"]) == ("new", "waiting")


async def test_later_turns_are_told_before_their_responses() -> None:
    battle = await make_finished()

    @database_sync_to_async
    def ask_on() -> None:
        turn = Turn.objects.create(battle=battle, index=1, prompt="And in base 3?")
        Response.objects.bulk_create(Response(turn=turn, seat=seat) for seat in battle.seats.all())

    await ask_on()
    async with browser(battle.pk) as socket:
        _, events = await next_message(socket)
    assert events[2] == TurnAdded(1, "And in base 3?").wire()
    assert [event["turn"] for event in events[3:] if isinstance(event, dict)] == [1, 1]


async def test_what_a_browser_sends_is_ignored() -> None:
    battle = await make_finished()
    async with browser(battle.pk) as socket:
        await next_message(socket)
        await socket.send_input({"type": "websocket.receive", "text": "{}"})
        assert await socket.receive_nothing()


async def test_long_battle_is_told_in_parts_of_which_only_the_last_has_a_cursor(
    publishing: Callable[[Battle], Publish], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MESSAGE_CHARS", 100)
    battle = await make_finished()
    words = [f"{number} " for number in range(300)]
    await change(battle, "B", reasoning="".join(words), answer="x" * 250, status="stopped")
    cursors, state = [""], LogState()
    async with browser(battle.pk) as socket:
        while not cursors[-1]:
            cursor, events = await next_message(socket)
            assert len(json.dumps(events)) < 400
            cursors.append(cursor)
            state.apply(events)
    assert len(cursors) > 10
    assert (state.responses[0, "A"].answer, state.responses[0, "A"].status) == ("4", "finished")
    told = state.responses[0, "B"]
    assert (told.reasoning, told.answer, told.status) == ("".join(words), "x" * 250, "stopped")


async def test_what_brings_an_empty_page_up_to_date_is_held_once_however_many_read_it_slowly(
    publishing: Callable[[Battle], Publish],
) -> None:
    battle = await make()
    say = publishing(battle)
    say(ResponseStarted("A", 0), TextDelta("A", 0, "a", "4"))
    async with watching(relay.relay(), str(battle.pk)) as reader:
        feed = reader.feed
        assert feed is not None
        slow = await consumers._presence(feed, battle.pk)
        assert await consumers._presence(feed, battle.pk) is slow
        before = feed.position
        say(TextDelta("A", 0, "a", "2"))
        await until(lambda: feed.position > before)
        later = await consumers._presence(feed, battle.pk)
    assert slow is not None and later is not None
    assert '"42"' in later.texts[0] and '"42"' not in slow.texts[0]


async def test_response_that_ends_while_the_database_is_read_is_told_whole(
    publishing: Callable[[Battle], Publish], monkeypatch: pytest.MonkeyPatch
) -> None:
    battle = await make()
    say = publishing(battle)
    say(ResponseStarted("A", 0), TextDelta("A", 0, "a", "4"))
    reads = []

    def read_and_end(asked: Battle) -> BlindBattle:
        read = blind_battle(asked)
        reads.append(read)
        if len(reads) == 1:
            Response.objects.filter(turn__battle=battle, seat__slot="A").update(status="finished", answer="4, no: 5")
            say(TextDelta("A", 0, "a", ", no: 5"), ResponseFinished("A", 0))
            feed_reads_on.wait(LIMIT_S)
        return read

    feed_reads_on = threading.Event()
    monkeypatch.setattr(consumers, "blind_battle", read_and_end)
    async with browser(battle.pk) as socket, watching(relay.relay(), str(battle.pk)) as reader:
        await until(lambda: reader.feed and reader.feed.state.ends)
        feed_reads_on.set()
        _, events = await next_message(socket)
    assert len(reads) == 2
    assert isinstance(events[0], dict)
    assert (events[0]["answer"], events[0]["status"]) == ("4, no: 5", "finished")


async def test_response_asked_again_is_shown_empty_before_the_log_tells_of_it(
    publishing: Callable[[Battle], Publish],
) -> None:
    battle = await make()
    publishing(battle)(TextDelta("A", 0, "a", "old"), ResponseFailed("A", 0, "busy", "Busy."))
    async with browser(battle.pk) as socket:
        _, events = await next_message(socket)
    assert [(event["slot"], event["answer"], event["status"]) for event in events if isinstance(event, dict)] == [
        ("A", "", "waiting"),
        ("B", "", "waiting"),
    ]


edition = database_sync_to_async(edition_of)


async def test_page_that_shows_all_there_is_gets_a_sign_of_life_and_then_the_news(
    publishing: Callable[[Battle], Publish],
) -> None:
    battle = await make_finished()
    publishing(battle)(TextDelta("A", 0, "a", "4"), ResponseFinished("A", 0))
    async with browser(battle.pk, shown=await edition(battle.pk)) as socket:
        cursor, events = await next_message(socket)
        assert events == [Alive().wire()]
        publishing(battle)(ResponseRestarted("A", 0))
        assert (await next_message(socket))[1] == [ResponseRestarted("A", 0).wire()]
    async with browser(battle.pk, cursor) as socket:
        assert (await next_message(socket))[1] == [ResponseRestarted("A", 0).wire()]


async def test_page_of_an_earlier_edition_is_told_everything(publishing: Callable[[Battle], Publish]) -> None:
    battle = await make_finished()
    before = await edition(battle.pk)
    await change(battle, "B", attempt=2, answer="5")
    async with browser(battle.pk, shown=before) as socket:
        _, events = await next_message(socket)
    assert [event["answer"] for event in events if isinstance(event, dict)] == ["4", "5"]


async def test_page_is_told_of_what_runs_although_the_database_does_not_know_yet(
    publishing: Callable[[Battle], Publish],
) -> None:
    battle = await make_finished()
    publishing(battle)(ResponseRestarted("A", 0), TextDelta("A", 0, "a", "new"))
    async with browser(battle.pk, shown=await edition(battle.pk)) as socket:
        _, events = await next_message(socket)
    assert isinstance(events[0], dict) and events[0]["answer"] == "new"


async def test_battle_that_runs_has_no_edition() -> None:
    assert await edition((await make()).pk) == ""


async def test_cursor_from_before_a_log_began_begins_with_snapshots() -> None:
    """The log may have begun and expired since: a laptop has slept, and a slot was asked again."""
    battle = await make_finished()
    async with browser(battle.pk, shown=await edition(battle.pk)) as socket:
        cursor, _ = await next_message(socket)
    await change(battle, "A", answer="asked again")
    async with browser(battle.pk, cursor) as socket:
        _, events = await next_message(socket)
    assert isinstance(events[0], dict) and events[0]["answer"] == "asked again"
