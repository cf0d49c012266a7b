"""How long a contestant is waited for: its own limits or the arena's, and what counts as its silence."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest
import redis
from django.conf import LazySettings

from arena.battles import runs
from arena.battles.event_log import read_log
from arena.battles.models import Response
from arena.contestants.deltas import AnswerDelta, Delta, Finish, FinishReason, Usage, Waiting, WaitReason
from arena.contestants.errors import RateLimited, Silent
from arena.contestants.models import Contestant
from arena.contestants.providers.call import Message
from arena.contestants.providers.patience import TimeLimits
from arena.contestants.queries import call_for, time_limits
from tests.battles.test_runs import Scripted, client, endless, responses_of, scripted
from tests.factories import make_battle, make_contestant

__all__ = ["client", "scripted"]

database = pytest.mark.django_db(transaction=True)

Script = Callable[[], AsyncGenerator[Delta, None]]
FINISH = Finish(FinishReason.STOP, "", "4", "4")


def played(scripted: Scripted, client: redis.Redis, script: Script, **fields: object) -> Response:
    scripted.scripts["one"] = script
    battle = make_battle(contestants=[make_contestant("one", **fields), make_contestant("fine")])
    runs.play_waiting(battle.pk, client)
    one, fine = responses_of(battle)
    assert fine.status == "finished"
    return one


async def counting_the_prompt() -> AsyncGenerator[Delta, None]:
    yield Usage(input_tokens=12)
    await asyncio.Event().wait()


async def talking_on() -> AsyncGenerator[Delta, None]:
    while True:
        yield AnswerDelta("and ")
        await asyncio.sleep(0.05)


async def turned_away() -> AsyncGenerator[Delta, None]:
    error = RateLimited("429", retry_after_s=60.0)
    error.was_refused = True
    raise error
    yield Waiting(None)


@database
def test_contestants_own_limits_go_before_the_arenas(scripted: Scripted, client: redis.Redis) -> None:
    response = played(scripted, client, endless, silence_timeout_s=0.1)
    assert (response.status, response.failure_code, response.reasoning) == ("failed", "silent", "Hm. ")
    assert response.failure_message == Silent.message
    assert not any(char.isdigit() for char in response.failure_message), "a limit of its own would tell who it is"


@database
def test_deadline_ends_one_that_writes_on_and_on(scripted: Scripted, client: redis.Redis) -> None:
    response = played(scripted, client, talking_on, deadline_s=0.3)
    assert (response.failure_code, response.is_truncated) == ("deadline", True)
    assert response.answer.startswith("and and ")


@database
def test_count_of_the_prompt_is_not_the_first_word(scripted: Scripted, client: redis.Redis) -> None:
    """Until there is text the longer limit holds; and the count is kept."""
    response = played(scripted, client, counting_the_prompt, silence_timeout_s=0.01, first_token_timeout_s=1.2)
    assert (response.failure_code, response.input_tokens) == ("silent", 12)
    assert response.duration_ms is not None
    assert response.duration_ms >= 1200


@database
def test_first_word_is_waited_for_no_longer_because_of_retries(scripted: Scripted, client: redis.Redis) -> None:
    response = played(scripted, client, turned_away, first_token_timeout_s=61.0, deadline_s=0.2)
    assert (response.failure_code, len([name for name, _ in scripted.asked if name == "one"])) == ("deadline", 1)
    response = played_again(scripted, client)
    assert response.failure_message == "This contestant's server is busy; try again in about 1 minute."


def played_again(scripted: Scripted, client: redis.Redis) -> Response:
    """With less time for the first word than its server wants for a pause."""
    Contestant.objects.filter(slug="one").update(first_token_timeout_s=59.0, deadline_s=None)
    battle = make_battle(contestants=[Contestant.objects.get(slug="one"), Contestant.objects.get(slug="fine")])
    runs.play_waiting(battle.pk, client)
    return responses_of(battle)[0]


@database
def test_busy_server_is_asked_again_and_the_wait_is_shown(
    scripted: Scripted, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy_at_first() -> AsyncGenerator[Delta, None]:
        if len([name for name, _ in scripted.asked if name == "one"]) < 3:
            error = RateLimited("429", retry_after_s=0.05)
            error.was_refused = True
            raise error
        yield AnswerDelta("4")
        yield FINISH

    monkeypatch.setattr("arena.contestants.providers.patience.FIRST_PAUSE_S", 0.01)
    response = played(scripted, client, busy_at_first)
    assert (response.status, response.answer) == ("finished", "4")
    battle = response.turn.battle
    events = [event for _, events in read_log(client, battle.pk) for event in events if isinstance(event, dict)]
    whys = [event["why"] for event in events if event["type"] == "waiting"]
    assert whys == [WaitReason.RETRYING, "", WaitReason.RETRYING, ""]
    assert response.first_token_ms is not None
    assert response.first_token_ms >= 100


def test_limits_are_the_arenas_where_a_contestant_has_none(settings: LazySettings) -> None:
    settings.ARENA_FIRST_TOKEN_TIMEOUT_S, settings.ARENA_SILENCE_TIMEOUT_S = 900.0, 180.0
    settings.ARENA_RESPONSE_DEADLINE_S = 3600.0
    assert time_limits(Contestant()) == TimeLimits(900.0, 180.0, 3600.0)
    assert time_limits(Contestant(silence_timeout_s=30.0)) == TimeLimits(900.0, 30.0, 3600.0)


QUESTION: Message = {"role": "user", "content": "Why?"}


@pytest.mark.parametrize(
    ("own", "battles", "sent"),
    [("", "", []), ("", "Be brief.", ["Be brief."]), ("You are Q.", "", ["You are Q."])]
    + [("You are Q.", "Be brief.", ["You are Q.\n\nBe brief."])],
)
def test_own_system_prompt_goes_before_the_battles(own: str, battles: str, sent: list[str]) -> None:
    contestant = Contestant(provider="openai", base_url="http://host/v1", model="m", system=own)
    messages: list[Message] = [{"role": "system", "content": battles}] if battles else []
    call = call_for(contestant, [*messages, QUESTION])
    assert [message["content"] for message in call.messages if message["role"] == "system"] == sent
    assert call.messages[-1] == QUESTION
    assert len(call.messages) == len(sent) + 1
