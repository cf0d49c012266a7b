"""A deed whose answer was lost is sent again without the session's cookie: it is the same visitor's all the same."""

import re

import pytest
from django.test import Client

from arena.teams.models import Voter
from arena.teams.visits import COOKIE, COOKIE_MAX_CHARS
from arena.voting.models import Ballot
from tests.factories import make_finished_battle

pytestmark = pytest.mark.django_db

VERDICTS = {"A": "correct", "B": "flawed"}


def cast(client: Client, path: str, *, cookies: dict[str, str]) -> int:
    """As a program sends it, with these cookies and no others."""
    client.cookies.clear()
    client.cookies.load(cookies)
    body = {"verdicts": VERDICTS, "best": "A"}
    return client.put(f"/api/v1{path.rstrip('/')}/ballot", body, content_type="application/json").status_code


def looked_at(client: Client, path: str) -> dict[str, str]:
    """The cookies of someone who has opened the page."""
    client.get(path)
    return {name: cookie.value for name, cookie in client.cookies.items()}


def test_a_ballot_sent_again_by_a_new_visitor_is_one_ballot(client: Client) -> None:
    path = make_finished_battle().get_absolute_url()
    cookies = looked_at(client, path)
    assert cast(client, path, cookies=cookies) == 200
    assert cast(client, path, cookies=cookies) == 409
    assert Ballot.objects.count() == 1


def test_whose_answer_was_lost_sees_that_they_have_voted(client: Client) -> None:
    path = make_finished_battle().get_absolute_url()
    cookies = looked_at(client, path)
    cast(client, path, cookies=cookies)
    client.cookies.clear()
    client.cookies.load(cookies)
    assert client.get(f"/api/v1{path.rstrip('/')}").json()["my_ballot"]["best"] == "A"


def test_two_visitors_are_two(client: Client) -> None:
    path = make_finished_battle().get_absolute_url()
    for _ in range(2):
        client.cookies.clear()
        assert cast(client, path, cookies=looked_at(client, path)) == 200
    assert Ballot.objects.count() == 2


def test_looking_at_a_page_makes_nobody_a_voter(client: Client) -> None:
    path = make_finished_battle().get_absolute_url()
    voters = Voter.objects.count()
    client.get(path)
    assert Voter.objects.count() == voters
    assert "sessionid" not in client.cookies
    assert re.fullmatch(r"[\w-]{32}", client.cookies[COOKIE].value)
    assert client.cookies[COOKIE]["httponly"]


def test_the_cookie_itself_is_not_stored(client: Client) -> None:
    path = make_finished_battle().get_absolute_url()
    cookies = looked_at(client, path)
    cast(client, path, cookies=cookies)
    assert not Voter.objects.filter(visit=cookies[COOKIE]).exists()
    assert Voter.objects.exclude(visit=None).count() == 1


def test_a_cookie_of_any_length_does_no_harm(client: Client) -> None:
    path = make_finished_battle().get_absolute_url()
    for value in ("x" * COOKIE_MAX_CHARS, "x" * 4000, "\u00e4"):
        assert cast(client, path, cookies={COOKIE: value}) in {200, 409}
