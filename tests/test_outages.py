"""While the database or Redis is away: plain words, status 503, and nothing that was typed is lost."""

import re
from collections.abc import Callable
from html import unescape

import pytest
import redis
from django.contrib.sessions.models import Session
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.test import Client

from arena.battles import views as battles_views
from arena.teams import sessions
from arena.teams.models import Voter
from arena.voting import api as voting_api
from arena.voting import views as voting_views
from arena.voting.models import Ballot
from tests.factories import make_finished_battle

pytestmark = pytest.mark.django_db

AWAY = OperationalError("server closed the connection, said db.internal")
BALLOT = {
    "verdict-A": "correct",
    "verdict-B": "flawed",
    "tags-B": ["circular", "skipped-steps"],
    "best": "A",
    "comment": 'I <3 "it"',
}


def raising(error: Exception) -> Callable[..., None]:
    def broken(*_: object, **__: object) -> None:
        raise error

    return broken


def hidden_fields(page: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page):
        found.setdefault(unescape(name), []).append(unescape(value))
    return found


@pytest.mark.parametrize("error", [AWAY, InterfaceError("closed"), redis.ConnectionError("db.internal")])
def test_page_says_so_and_comes_back_by_itself(
    client: Client, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(voting_views, "find_battle", raising(error))
    address = "/battles/6d0b2f2e-6d0e-4d6c-9f0a-0f6d0b2f2e6d/?a=1&b=2"
    page = client.get(address)
    text = unescape(page.content.decode())
    assert (page.status_code, page["Retry-After"], page["Cache-Control"]) == (503, "5", "no-store")
    assert 'http-equiv="refresh"' in text
    assert f'href="{address}"' in text
    assert "db.internal" not in text


def test_refused_ballot_is_kept_on_the_page_and_can_be_sent_again(client: Client) -> None:
    battle = make_finished_battle()
    address = f"{battle.get_absolute_url()}ballot/"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voting_views, "vote", raising(AWAY))
        page = client.post(address, BALLOT)
    text = page.content.decode()
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert "was not saved" in text
    assert f'action="{address}"' in text
    assert not Ballot.objects.exists()

    kept = hidden_fields(text)
    assert kept == {name: value if isinstance(value, list) else [value] for name, value in BALLOT.items()}
    assert client.post(address, kept).status_code == 302
    assert Ballot.objects.get().comment == BALLOT["comment"]


def test_password_is_never_written_into_a_page(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.contrib.auth.forms.authenticate", raising(AWAY))
    page = client.post("/accounts/login/", {"username": "ada", "password": "hunter2"})
    assert page.status_code == 503
    assert b"hunter2" not in page.content
    assert b"Go back" in page.content


def test_api_says_it_as_a_problem(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    battle = make_finished_battle()
    monkeypatch.setattr(voting_api, "vote", raising(AWAY))
    answer = client.put(
        f"/api/v1/battles/{battle.pk}/ballot",
        {"verdicts": {"A": "correct", "B": "flawed"}},
        content_type="application/json",
    )
    assert (answer.status_code, answer["Retry-After"], answer["Content-Type"]) == (503, "5", "application/problem+json")
    assert "try again" in answer.json()["detail"]
    assert "db.internal" not in answer.text
    assert not Ballot.objects.exists()


def test_ballot_and_the_cookie_of_its_voter_are_saved_together_or_not_at_all(client: Client) -> None:
    battle = make_finished_battle()
    address = f"{battle.get_absolute_url()}ballot/"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sessions.db.SessionStore, "save", raising(AWAY))
        assert client.post(address, BALLOT).status_code == 503
    assert not Ballot.objects.exists()
    assert set(Voter.objects.all()) == {battle.started_by}
    assert "sessionid" not in client.cookies

    assert client.post(address, BALLOT).status_code == 302
    assert (Ballot.objects.count(), Session.objects.count()) == (1, 1)
    assert "Who they were" in client.get(battle.get_absolute_url()).content.decode()


def test_session_that_cannot_be_saved_is_an_outage_and_no_bad_request(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save_session(request: HttpRequest, *_: object) -> HttpResponse:
        request.session["more"] = 2
        return HttpResponse("done")

    session = client.session
    session["anything"] = 1
    session.save()
    client.raise_request_exception = False
    monkeypatch.setattr(battles_views, "render", save_session)
    monkeypatch.setattr(Session, "save", raising(AWAY))
    page = client.get("/about/")
    assert (page.status_code, page["Retry-After"]) == (503, "5")
