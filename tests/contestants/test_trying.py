import json
import threading
from collections.abc import Callable

import pytest

from arena.contestants import errands, trying
from arena.contestants.models import Contestant, ErrandStatus, Trial
from arena.contestants.trying import AlreadyTrying, limited_options, most_usd, play_trial, start_trial, token_limit
from tests.contestants.servers import Asked, Connection, serving_aside
from tests.factories import make_contestant
from tests.live import wait_until

pytestmark = pytest.mark.django_db


def ollama(base_url: str = "", **fields: object) -> Contestant:
    return make_contestant(provider="ollama", model="llama3:8b", base_url=base_url, **fields)


def played(contestant: Contestant, prompt: str = trying.QUESTION) -> Trial:
    trial = start_trial(contestant, prompt=prompt)
    play_trial(trial.pk)
    trial.refresh_from_db()
    return trial


async def say(connection: Connection, *lines: dict[str, object]) -> None:
    for line in lines:
        await connection.send(json.dumps(line).encode() + b"\n")


async def answered(asked: Asked, connection: Connection) -> None:
    await connection.head(200, Content_Type="application/x-ndjson")
    await say(
        connection,
        {"message": {"thinking": "17 × 20 + 17 × 3"}, "done": False},
        {"message": {"content": "391"}, "done": False},
        {"message": {}, "done": True, "done_reason": "stop", "prompt_eval_count": 20, "eval_count": 30},
    )


def test_trial_keeps_all_that_came() -> None:
    with serving_aside(answered) as server:
        trial = played(ollama(server.url, price_in_usd_per_mtok=1.0, price_out_usd_per_mtok=2.0))
    assert (trial.status, trial.reasoning, trial.answer) == ("done", "17 × 20 + 17 × 3", "391")
    assert (trial.input_tokens, trial.output_tokens) == (20, 30)
    assert trial.cost_usd == pytest.approx(80e-6)
    assert trial.duration_ms is not None and trial.first_token_ms is not None
    assert trial.first_token_ms <= trial.duration_ms
    assert server.asked[0].body["options"] == {"num_predict": 500}
    assert server.asked[0].body["messages"] == [{"role": "user", "content": trying.QUESTION}]


def test_failure_tells_the_operator_the_full_story() -> None:
    async def refused(asked: Asked, connection: Connection) -> None:
        await connection.reply({"error": "model 'llama3:8b' not found"}, status=404)

    with serving_aside(refused) as server:
        trial = played(ollama(server.url))
    assert (trial.status, trial.failure_code) == ("failed", "model_gone")
    assert trial.failure_message == "This contestant's server no longer offers it."
    assert trial.story == f"model_gone: {server.url}/api/chat 404 model 'llama3:8b' not found"


def test_missing_key_is_a_failure_like_any_other() -> None:
    trial = played(make_contestant(provider="anthropic"))
    assert trial.failure_code == "key_missing"
    assert trial.story.startswith("key_missing: ANTHROPIC_API_KEY is not set.")


def test_contestant_is_asked_once_only_whatever_happens() -> None:
    async def busy(asked: Asked, connection: Connection) -> None:
        await connection.reply({"error": "busy"}, status=503)

    with serving_aside(busy) as server:
        assert played(ollama(server.url)).failure_code == "overloaded"
        assert len(server.asked) == 1


def test_simulated_contestant_can_be_tried() -> None:
    trial = played(make_contestant(provider="ollama", model="load?tokens=5&rate=0", simulated=True))
    assert (trial.status, trial.cost_usd) == ("done", 0.0)
    assert "t4" in trial.answer


def test_one_trial_of_a_contestant_at_a_time() -> None:
    contestant = ollama()
    start_trial(contestant)
    with pytest.raises(AlreadyTrying):
        start_trial(contestant)
    start_trial(ollama())


def test_trial_that_is_over_is_not_played_again() -> None:
    with serving_aside(answered) as server:
        trial = played(ollama(server.url))
        play_trial(trial.pk)
        assert len(server.asked) == 1


def test_server_that_ignores_the_limit_is_not_read_for_ever() -> None:
    async def chatter(asked: Asked, connection: Connection) -> None:
        await connection.head(200, Content_Type="application/x-ndjson")
        while True:
            await say(connection, {"message": {"content": "on and on "}, "done": False})

    with serving_aside(chatter) as server:
        trial = played(ollama(server.url))
    assert trial.failure_code == "too_large"
    assert trial.answer.startswith("on and on") and len(trial.answer) <= trying.MAX_CHARS


def test_silent_server_is_left_after_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "LIMIT_S", 0.5)

    async def silent(asked: Asked, connection: Connection) -> None:
        await connection.gone()

    with serving_aside(silent) as server:
        assert played(ollama(server.url)).failure_code == "deadline"


def while_it_runs(trial: Trial, act: Callable[[], None]) -> None:
    """Play the trial, and act as soon as its first words can be seen."""

    def act_when_seen() -> None:
        wait_until(lambda: errands.state_of(trial).get("answer"), "the first words")
        act()

    thread = threading.Thread(target=act_when_seen)
    thread.start()
    play_trial(trial.pk)
    thread.join()
    trial.refresh_from_db()


async def endless(asked: Asked, connection: Connection) -> None:
    await connection.head(200, Content_Type="application/x-ndjson")
    await say(connection, {"message": {"content": "Well, "}, "done": False})
    await connection.gone()


def test_stop_ends_the_request_and_keeps_what_came(transactional_db: None) -> None:
    with serving_aside(endless) as server:
        trial = start_trial(ollama(server.url))
        running = Trial(pk=trial.pk, run=trial.run)
        while_it_runs(running, lambda: errands._client().set(errands._stop_key(trial.run), "1", ex=60) and None)
        trial.refresh_from_db()
    assert (trial.status, trial.answer) == ("stopped", "Well,")


def test_waiting_trial_is_stopped_at_once() -> None:
    trial = start_trial(ollama())
    errands.request_stop(trial)
    play_trial(trial.pk)
    trial.refresh_from_db()
    assert (trial.status, trial.started_at) == ("stopped", None)


def test_trial_whose_worker_died_ends_and_is_not_paid_twice() -> None:
    trial = start_trial(ollama())
    assert errands.claim(Trial, trial.pk)
    assert errands.without_worker(Trial) == []
    Trial.objects.update(started_at="2026-01-01T00:00:00Z")
    [lost] = errands.without_worker(Trial)
    trying.interrupt(lost)
    trial.refresh_from_db()
    assert (trial.status, trial.failure_code) == (ErrandStatus.FAILED, "interrupted")


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({"provider": "openai", "model": "gpt-4o"}, 500),
        ({"provider": "openai", "model": "o1-mini"}, 2000),
        ({"provider": "ollama", "model": "qwq:32b"}, 2000),
        ({"provider": "anthropic", "model": "claude", "options": {"thinking": {"type": "enabled"}}}, 2000),
        ({"provider": "openai", "model": "gpt-4o", "options": {"max_tokens": 100}}, 100),
    ],
)
def test_reasoners_get_more_tokens_and_nobody_more_than_its_own_limit(fields: dict[str, object], limit: int) -> None:
    assert token_limit(make_contestant(**fields)) == limit


@pytest.mark.parametrize(
    ("provider", "model", "options", "sent"),
    [
        ("ollama", "m", {"num_ctx": 1, "num_predict": 9999}, {"num_ctx": 1, "num_predict": 500}),
        ("openai", "gpt-4o", {}, {"max_tokens": 500}),
        ("openai", "o1", {"max_tokens": 90000}, {"max_completion_tokens": 500}),
        ("openai", "gpt-9", {"max_completion_tokens": 9000}, {"max_completion_tokens": 500}),
        ("openai-responses", "o1", {"max_tokens": 7}, {"max_output_tokens": 500}),
        ("anthropic", "c", {"max_tokens": 9000}, {"max_tokens": 500}),
    ],
)
def test_limit_is_sent_under_the_protocols_own_name(
    provider: str, model: str, options: dict[str, object], sent: dict[str, object]
) -> None:
    assert limited_options(make_contestant(provider=provider, model=model, options=options), 500) == sent


def test_budget_for_thinking_stays_below_the_limit() -> None:
    contestant = make_contestant(provider="anthropic", options={"thinking": {"type": "enabled", "budget_tokens": 8000}})
    assert limited_options(contestant, 2000)["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert "thinking" not in limited_options(contestant, 1000)


def test_what_it_may_cost_is_told_before() -> None:
    priced = make_contestant(provider="openai", model="o1", price_in_usd_per_mtok=15.0, price_out_usd_per_mtok=60.0)
    assert most_usd(priced) == pytest.approx(0.12, abs=0.001)
    assert most_usd(make_contestant(price_in_usd_per_mtok=0.0, price_out_usd_per_mtok=0.0)) == 0
    assert most_usd(make_contestant()) is None
