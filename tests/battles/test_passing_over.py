"""A contestant that would fail again is drawn last for a while, and nobody but the operator can see that."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from arena.battles.models import Battle, Response, ResponseStatus, Seat
from arena.battles.runs import UNKNOWN, save_outcome
from arena.battles.services import start_battle
from arena.battles.streaming import Outcome
from arena.contestants.errors import ContentRefused, KeyMissing, ModelGone, ProviderError, QuotaSpent, RateLimited
from arena.contestants.models import Contestant
from tests.factories import make_battle, make_contestant, make_voter

pytestmark = pytest.mark.django_db


def ended(contestant: Contestant, error: type[ProviderError] | None, *, status: str = "failed") -> Contestant:
    """As a worker saves how this contestant's response in some battle has ended."""
    battle = make_battle(contestants=[contestant, make_contestant()])
    Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.STREAMING, run="some-run")
    response = Response.objects.select_related("turn", "seat__contestant").get(seat__slot="A", turn__battle=battle)
    code, message = (error.code, error.message) if error else ("", "")
    save_outcome(response, Outcome(status, "", "", "", UNKNOWN, None, 5, failure_code=code, failure_message=message))
    return Contestant.objects.get(pk=contestant.pk)


def drawn(size: int, *chosen: str) -> set[str]:
    battle = start_battle(make_voter(), prompt="Why?", size=size, contestants=chosen)
    return {seat.contestant.slug for seat in battle.seats.select_related("contestant")}


@pytest.mark.parametrize("error", [QuotaSpent, ModelGone, KeyMissing])
def test_failure_that_lasts_puts_it_last(error: type[ProviderError]) -> None:
    contestant = ended(make_contestant("spent"), error)
    assert contestant.is_passed_over
    assert contestant.passed_over_because == error.message
    others = {make_contestant().slug for _ in range(2)} | set(
        Contestant.objects.exclude(pk=contestant.pk).values_list("slug", flat=True)
    )
    for _ in range(10):
        assert drawn(3) <= others


@pytest.mark.parametrize("error", [RateLimited, ContentRefused])
def test_failure_that_passes_does_not(error: type[ProviderError]) -> None:
    assert not ended(make_contestant("busy"), error).is_passed_over


def test_it_can_be_chosen_and_is_drawn_where_there_are_too_few_others() -> None:
    ended(make_contestant("spent"), QuotaSpent)
    make_contestant("fine")
    assert "spent" in drawn(2, "spent")
    assert "spent" in drawn(3)


def test_it_comes_back_by_itself_and_at_once_after_a_success() -> None:
    contestant = ended(make_contestant("spent"), QuotaSpent)
    assert not ended(ended(contestant, None, status="finished"), None, status="finished").is_passed_over
    contestant = ended(contestant, QuotaSpent)
    assert ended(contestant, None, status="stopped").is_passed_over, "a stop says nothing of its account"
    Contestant.objects.update(passed_over_until=timezone.now() - timedelta(seconds=1))
    assert not Contestant.objects.get(slug="spent").is_passed_over


def public_pages(client: Client) -> list[str]:
    paths = ("/contestants/", "/contestants/spent/", "/api/v1/contestants", "/")
    return [client.get(path).content.decode().partition("csrfmiddlewaretoken")[0] for path in paths]


def test_public_pages_do_not_tell(client: Client) -> None:
    """Who looked at them before and after a failure in a blind battle would know who sat there."""
    contestant = make_contestant("spent")
    battle = make_battle(contestants=[contestant, make_contestant()])
    before = public_pages(client)
    Response.objects.filter(turn__battle=battle).update(status=ResponseStatus.STREAMING, run="some-run")
    seat = Seat.objects.get(battle=battle, contestant=contestant)
    response = Response.objects.select_related("turn", "seat__contestant").get(seat=seat)
    outcome = Outcome("failed", "", "", "", UNKNOWN, None, 5, failure_code="quota_spent", failure_message="No credit.")
    save_outcome(response, outcome)
    assert Contestant.objects.get(slug="spent").is_passed_over
    assert public_pages(client) == before
    assert Battle.objects.get().is_running


def test_operator_is_told(admin_client: Client) -> None:
    contestant = ended(make_contestant("spent"), QuotaSpent)
    Contestant.objects.update(checked_at=timezone.now())
    page = admin_client.get(f"/admin/contestants/contestant/{contestant.pk}/change/").content.decode()
    assert "others are drawn before it until" in page
    assert "has no credit left" in page
