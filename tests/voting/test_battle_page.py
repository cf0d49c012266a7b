"""The page of a battle: who sees what, and what can be done on it besides voting."""

import re
import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from arena.battles.models import Battle, Response, ResponseStatus
from arena.teams.models import Voter
from tests.factories import make_battle, make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db


@pytest.fixture
def starter(client: Client) -> Voter:
    """The anonymous visitor behind `client`."""
    return become(client)


def become(client: Client) -> Voter:
    voter = make_voter()
    session = client.session
    session["voter"] = voter.pk
    session.save()
    return voter


def url(battle: Battle, rest: str = "") -> str:
    return f"/battles/{battle.pk}/{rest}"


def fail(battle: Battle, slot: str) -> None:
    Response.objects.filter(turn__battle=battle, seat__slot=slot).update(
        status=ResponseStatus.FAILED, failure_code="silent", failure_message="It was silent for too long."
    )


def test_unknown_battle_is_not_found(client: Client) -> None:
    for rest in ("", "ballot/", "turns/", "stop/", "responses/A/retry/"):
        path = f"/battles/{uuid.uuid4()}/{rest}"
        page = client.post(path) if rest else client.get(path)
        assert page.status_code == 404


@pytest.mark.parametrize("rest", ["ballot/", "turns/", "stop/", "responses/A/retry/"])
def test_only_a_post_changes_anything(client: Client, rest: str) -> None:
    assert client.get(url(make_battle(), rest)).status_code == 405


def test_whoever_has_the_link_sees_the_battle_but_cannot_steer_it(client: Client) -> None:
    page = client.get(url(make_battle())).content.decode()
    assert "What is 2 + 2?" in page and "Your verdict comes next" in page
    assert "Stop all" not in page


def test_no_name_is_shown_before_the_ballot(client: Client, starter: Voter) -> None:
    contestants = [make_contestant(f"secret-{n}", name=f"Secret {n}", model=f"covert-{n}") for n in range(2)]
    for battle in (
        make_battle(voter=starter, contestants=contestants),
        make_finished_battle(voter=starter, contestants=contestants),
    ):
        page = client.get(url(battle)).content.decode().lower()
        assert "secret" not in page and "covert" not in page


def test_open_battle_shows_the_names_and_says_that_it_does_not_count(client: Client) -> None:
    battle = make_finished_battle(contestants=[make_contestant(name="Ada"), make_contestant(name="Bob")], blind=False)
    page = client.get(url(battle)).content.decode()
    assert "Ada" in page and "kept but not ranked" in page


def test_running_battle_can_be_stopped_by_its_starter(client: Client, starter: Voter) -> None:
    battle = make_battle(voter=starter)
    assert "Stop all" in client.get(url(battle)).content.decode()
    page = client.post(url(battle, "stop/"))
    assert (page.status_code, page["Location"]) == (302, url(battle))
    assert not Response.objects.running().exists()


def test_stranger_cannot_stop_a_battle(client: Client) -> None:
    page = client.post(url(make_battle(), "stop/"))
    assert page.status_code == 403
    assert "Only the person who started this battle can do that." in page.content.decode()
    assert Response.objects.running().exists()


def test_stopping_what_has_ended_is_refused_on_the_page(client: Client, starter: Voter) -> None:
    page = client.post(url(make_finished_battle(voter=starter), "stop/"))
    assert (page.status_code, "Nothing is running" in page.content.decode()) == (409, True)


def test_follow_up_goes_to_everyone(client: Client, starter: Voter) -> None:
    battle = make_finished_battle(voter=starter)
    page = client.post(url(battle, "turns/"), {"prompt": "And 3 + 3?"})
    assert page["Location"] == url(battle, "#turn-1")
    assert battle.turns.get(index=1).responses.count() == 2


@pytest.mark.parametrize("prompt", ["", "  ", "a\0b", "x" * 50_001])
def test_bad_follow_up_is_refused_and_nothing_is_stored(client: Client, starter: Voter, prompt: str) -> None:
    battle = make_finished_battle(voter=starter)
    page = client.post(url(battle, "turns/"), {"prompt": prompt})
    assert page.status_code == 422
    assert 'id="follow-up-error"' in page.content.decode()
    assert battle.turns.count() == 1


def test_follow_up_that_comes_too_early_keeps_what_was_typed(client: Client, starter: Voter) -> None:
    page = client.post(url(make_battle(voter=starter), "turns/"), {"prompt": "And 3 + 3?"})
    assert page.status_code == 409
    assert "still at work" in page.content.decode() and "And 3 + 3?" in page.content.decode()


def test_failed_slot_is_asked_again(client: Client, starter: Voter) -> None:
    battle = make_finished_battle(voter=starter)
    fail(battle, "B")
    page = client.post(url(battle, "responses/B/retry/"))
    assert page["Location"] == url(battle, "#turn-0-B")
    assert Response.objects.get(turn__battle=battle, seat__slot="B").status == ResponseStatus.WAITING


def test_clock_starts_with_the_turn_for_all_slots_and_anew_for_one_that_is_asked_again(
    client: Client, starter: Voter
) -> None:
    battle = make_battle(voter=starter)
    battle.turns.update(created_at=timezone.now() - timedelta(hours=2))
    assert all(7200 <= seconds < 7300 for seconds in clocks(client, battle)[-2:])
    Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.STOPPED)
    client.post(url(battle, "responses/B/retry/"))
    assert clocks(client, battle)[-1] < 100


def clocks(client: Client, battle: Battle) -> list[int]:
    """What the panes count on from."""
    return [int(seconds) for seconds in re.findall(r'data-elapsed="(\d+)"', client.get(url(battle)).content.decode())]


@pytest.mark.parametrize("slot", ["A", "Z"])
def test_slot_that_has_finished_or_does_not_exist_is_not_asked_again(client: Client, starter: Voter, slot: str) -> None:
    page = client.post(url(make_finished_battle(voter=starter), f"responses/{slot}/retry/"))
    assert 400 <= page.status_code < 500
    assert 'role="alert"' in page.content.decode()


def test_battle_in_which_nothing_was_written_asks_for_no_verdict(client: Client) -> None:
    battle = make_finished_battle()
    Response.objects.filter(turn__battle=battle).update(reasoning="", answer="")
    assert "There is nothing to judge" in client.get(url(battle)).content.decode()


def test_page_of_a_refused_post_can_be_reloaded(client: Client) -> None:
    battle = make_battle()
    assert f'data-address="{url(battle)}"' in client.post(url(battle, "stop/")).content.decode()
