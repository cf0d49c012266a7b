"""A model its vendor has given up is not drawn there, keeps its history, and lives on where another server has it."""

from datetime import date, timedelta

import pytest
from django.conf import LazySettings

from arena.contestants import services
from arena.contestants.models import Contestant
from arena.contestants.retirement import is_retired, retires_on
from arena.contestants.standing import State, standing_of
from tests.contestants.test_availability import listing, ollama, replying, state
from tests.factories import make_contestant

pytestmark = pytest.mark.django_db

LAST_DAY = date(2026, 10, 23)
DAY_BEFORE = LAST_DAY - timedelta(days=1)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def make_o1(**fields: object) -> Contestant:
    return make_contestant("o1", model="o1", retired_on=LAST_DAY, **fields)


def test_retires_on_its_day_at_the_vendors_address() -> None:
    o1 = make_o1()
    assert retires_on(o1) == LAST_DAY
    assert not is_retired(o1, DAY_BEFORE)
    assert is_retired(o1, LAST_DAY)


def test_retired_one_is_not_asked_for_and_says_since_when() -> None:
    make_o1()
    assert "api.openai.com" not in {server.host for server in services.look_around(today=LAST_DAY)}
    services.check_availability(today=LAST_DAY)
    assert state("o1") == (False, "Retired: api.openai.com stopped offering it on 23 October 2026.")


def test_day_before_it_is_like_any_other() -> None:
    make_o1()
    services.check_availability(today=DAY_BEFORE)
    assert state("o1") == (False, "OPENAI_API_KEY is not set.")


def test_other_server_that_has_it_goes_on(settings: LazySettings) -> None:
    with replying(listing("o1")) as server:
        settings.OPENAI_BASE_URL = server.url
        o1 = make_o1()
        services.check_availability(today=LAST_DAY)
    assert state("o1") == (True, "")
    assert retires_on(o1) is None


def test_model_on_ones_own_ollama_never_retires(settings: LazySettings) -> None:
    make_contestant("a", provider="ollama", model="qwq:32b", retired_on=LAST_DAY)
    with ollama() as server:
        settings.OLLAMA_HOST = server.url
        services.check_availability(today=LAST_DAY)
    assert state("a") == (True, "")


@pytest.mark.parametrize(
    ("base_url", "retired"), [("https://closed.example.org/v1", True), ("http://127.0.0.1:1/v1", False)]
)
def test_entry_with_an_address_of_its_own_speaks_for_that_address(base_url: str, retired: bool) -> None:
    assert is_retired(make_o1(base_url=base_url), LAST_DAY) is retired


def test_closed_server_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-1")
    make_o1(base_url="https://closed.example.org/v1", api_key_env="MY_KEY")
    assert "closed.example.org" not in {server.host for server in services.look_around(today=LAST_DAY)}


def test_standing_says_what_is_to_come() -> None:
    o1 = make_o1()
    assert standing_of(o1, in_play=True, today=DAY_BEFORE).leaves_in_words == "23 October 2026"
    assert standing_of(o1, in_play=False, today=LAST_DAY).state == State.RETIRED
    assert standing_of(o1, in_play=False, today=LAST_DAY).leaves is None


def test_shipped_ones_retire_when_their_vendors_say_so() -> None:
    services.load_catalogue()
    days = {row.slug: retires_on(row) for row in Contestant.objects.all()}
    assert {slug for slug, day in days.items() if day and day <= date(2026, 11, 21)} == {
        *("o1", "o1-summaries", "o1-preview", "o1-mini", "claude-3-5-sonnet", "claude-3-5-haiku"),
        *("qwq-32b-preview-ubicloud", "llama-3-3-70b-groq"),
    }
    assert days["gpt-4o"] == date(2027, 1, 14)
    assert days["qwq-32b"] is days["claude-haiku-4-5"] is None
