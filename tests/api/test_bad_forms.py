"""The same bad input through the pages' forms: a 4xx page with a sentence, nothing stored, no traceback."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from arena.battles.models import Battle, Response, ResponseStatus, Turn
from arena.voting.models import Ballot
from tests.api.asking import Api, visitor
from tests.factories import make_battle, make_contestant, make_finished_battle

pytestmark = pytest.mark.django_db

UNKNOWN = "0b1f8cb6-5f0e-4a39-9a0c-3f1f7c3a5c77"
QUESTION = {"prompt": "Why?", "size": "2", "draw": "random", "names": "blind"}
BALLOT = {"verdict-A": "correct", "verdict-B": "flawed", "best": "A"}


@pytest.fixture(autouse=True)
def _contestants() -> None:
    make_contestant("ada")
    make_contestant("bob")


def assert_refused(page: Any, *statuses: int, words: str = "") -> None:
    assert page.status_code in statuses, page.status_code
    assert page.headers["Content-Type"].startswith("text/html")
    assert "Traceback" not in page.text
    assert "site-packages" not in page.text
    assert words in page.text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"prompt": ""}, "question"),
        ({"prompt": " \r\n"}, "question"),
        ({"prompt": "x" * 50_001}, "50,000"),
        ({"prompt": "a\0b"}, ""),
        ({"system": "a\0b"}, ""),
        ({"problem": "nothing", "prompt": ""}, "no such problem"),
        ({"problem": "a\0b"}, ""),
        ({"size": "1"}, "2 to 6"),
        ({"size": "99"}, "2 to 6"),
        ({"size": "two"}, "2 to 6"),
        ({"size": "9" * 5000}, "2 to 6"),
        ({"draw": "chosen", "contestants": "nobody"}, "choose again"),
        ({"draw": "chosen", "contestants": "a\0b"}, "choose again"),
        ({"draw": "never"}, ""),
        ({"names": "never"}, ""),
    ],
    ids=repr,
)
def test_a_battle_that_cannot_be_is_refused(changed: dict[str, str], words: str) -> None:
    page = Api().client.post(reverse("start_battle"), QUESTION | changed)
    assert_refused(page, 422, words=words)
    assert not Battle.objects.exists()


def test_half_a_surrogate_pair_cannot_be_sent_by_a_form_and_breaks_nothing() -> None:
    """It is no UTF-8: what a form sends instead arrives as replacement characters, which can be stored."""
    body = urlencode(QUESTION).replace("Why%3F", "%ED%A0%BD")
    page = Api().client.post(reverse("start_battle"), body, content_type="application/x-www-form-urlencoded")
    assert page.status_code in (302, 400, 422)
    for turn in Turn.objects.all():
        turn.prompt.encode()


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_megabyte_is_refused(content_type: str) -> None:
    body = "prompt=" + "x" * 1_000_000
    if content_type.startswith("multipart"):
        body = f'--x\r\nContent-Disposition: form-data; name="prompt"\r\n\r\n{body}\r\n--x--\r\n'
    page = Api().client.post(reverse("start_battle"), body, content_type=content_type)
    assert_refused(page, 400, 413, 422)
    assert not Battle.objects.exists()


@pytest.mark.parametrize("action", ["", "ballot/", "turns/", "stop/", "responses/A/retry/"])
@pytest.mark.parametrize("battle_id", [UNKNOWN, "1", "nonsense", "%00", "%ED%A0%80"])
def test_a_battle_that_is_not_there_is_404(action: str, battle_id: str) -> None:
    client = Api().client
    address = f"/battles/{battle_id}/{action}"
    assert_refused(client.post(address, BALLOT) if action else client.get(address), 404)


@pytest.mark.parametrize("action", ["turns/", "stop/", "responses/A/retry/"])
def test_a_foreign_battle_is_not_steered(action: str) -> None:
    battle = make_finished_battle()
    page = visitor()[0].client.post(f"/battles/{battle.pk}/{action}", {"prompt": "And?"})
    assert_refused(page, 403, words="Only the person who started")
    assert battle.turns.count() == 1


@pytest.mark.parametrize("prompt", ["", " ", "a\0b", "x" * 50_001])
def test_a_follow_up_that_cannot_be_is_refused(prompt: str) -> None:
    api, voter = visitor()
    battle = make_finished_battle(voter=voter)
    assert_refused(api.client.post(f"/battles/{battle.pk}/turns/", {"prompt": prompt}), 422)
    assert battle.turns.count() == 1


def test_a_second_ballot_is_refused() -> None:
    api, _ = visitor()
    battle = make_finished_battle()
    address = f"/battles/{battle.pk}/ballot/"
    assert api.client.post(address, BALLOT).status_code == 302
    assert_refused(api.client.post(address, BALLOT), 409, words="already voted")
    assert Ballot.objects.count() == 1


def test_a_ballot_before_the_end_or_any_answer_is_refused() -> None:
    running, silent = make_battle(), make_finished_battle()
    Response.objects.filter(turn__battle=silent).update(status=ResponseStatus.FAILED, reasoning="", answer="", steps=[])
    for battle in (running, silent):
        assert_refused(Api().client.post(f"/battles/{battle.pk}/ballot/", BALLOT), 409)
    assert not Ballot.objects.exists()


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict-A": ""},
        {"verdict-A": "right"},
        {"verdict-A": "\0"},
        {"best": "Z"},
        {"best": "\0"},
        {"first_flaw-B": "0"},
        {"first_flaw-B": "3"},
        {"first_flaw-B": "9" * 5000},
        {"first_flaw-B": "one"},
        {"tags-B": "ugly"},
        {"comment": "a\0b"},
        {"comment": "x" * 5_001},
    ],
    ids=repr,
)
def test_a_ballot_that_cannot_be_is_refused(changed: dict[str, str]) -> None:
    battle = make_finished_battle()
    assert_refused(Api().client.post(f"/battles/{battle.pk}/ballot/", BALLOT | changed), 422)
    assert not Ballot.objects.exists()
    battle.refresh_from_db()
    assert battle.revealed_at is None
