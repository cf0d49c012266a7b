import pytest
from django.conf import LazySettings

from arena.battles.models import Battle, BattleStatus, Response, ResponseStatus
from arena.contestants.models import Contestant
from arena.problems.models import Problem
from arena.teams.models import User, Voter
from arena.teams.services import issue_token
from tests.api.asking import Api, assert_problem, visitor
from tests.factories import make_battle, make_contestant, make_finished_battle

pytestmark = pytest.mark.django_db

UNKNOWN = "0b1f8cb6-5f0e-4a39-9a0c-3f1f7c3a5c77"


@pytest.fixture(autouse=True)
def _contestants() -> None:
    for slug in ("ada", "bob", "cy"):
        make_contestant(slug)


def test_a_visitor_starts_a_battle_and_owns_it() -> None:
    api = Api()
    answer = api.post("/battles", {"prompt": "Why?", "size": 3, "system": "Be brief."})
    assert answer.status_code == 201
    battle = Battle.objects.get()
    assert answer.json() == {
        "id": str(battle.pk),
        "url": f"/battles/{battle.pk}/",
        "stream": f"/ws/battles/{battle.pk}/",
        "status": "running",
        "slots": ["A", "B", "C"],
    }
    assert battle.system == "Be brief."
    assert [listed["id"] for listed in api.get("/battles").json()["battles"]] == [str(battle.pk)]


def test_two_contestants_unless_asked_for_more() -> None:
    assert Api().post("/battles", {"prompt": "Why?"}).json()["slots"] == ["A", "B"]


def test_a_script_starts_a_battle_with_its_token_and_gets_no_cookie() -> None:
    api = Api(issue_token("ada"))
    answer = api.post("/battles", {"prompt": "Why?"})
    assert answer.status_code == 201
    assert not answer.cookies
    assert Battle.objects.get().started_by == Voter.objects.get(user__username="ada")


def test_a_problem_of_the_collection_is_asked() -> None:
    Problem.objects.create(slug="primes", title="Primes", statement="Prove it.", category="proof")
    answer = Api().post("/battles", {"problem": "primes"})
    assert answer.status_code == 201
    battle = Battle.objects.get()
    assert battle.problem is not None
    assert battle.turns.get().prompt == "Prove it."


def test_chosen_contestants_take_part() -> None:
    answer = Api().post("/battles", {"prompt": "Why?", "contestants": ["cy", "ada"], "blind": False})
    assert answer.status_code == 201
    battle = Battle.objects.get()
    assert {seat.contestant.slug for seat in battle.seats.all()} == {"ada", "cy"}
    assert not battle.blind


def test_optional_fields_may_be_null() -> None:
    body = {"prompt": "Why?", "problem": None, "contestants": None, "pacing": None, "team": None, "system": None}
    assert Api().post("/battles", body).status_code == 201


@pytest.mark.parametrize("pacing", ["live", "even", "together"])
def test_pacing_is_as_asked_for(pacing: str) -> None:
    started = Api().post("/battles", {"prompt": "Why?", "pacing": pacing})
    assert started.status_code == 201
    assert Battle.objects.get().pacing == pacing
    assert Api().get(f"/battles/{started.json()['id']}").json()["pacing"] == pacing


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "prompt", "Write a question"),
        ({"prompt": ""}, "prompt", "Write a question"),
        ({"prompt": " \n"}, "prompt", "Write a question"),
        ({"prompt": "x" * 50_001}, "prompt", "50,000"),
        ({"prompt": "a\0b"}, "prompt", "NUL"),
        ({"prompt": "a\ud83d"}, "prompt", "surrogate"),
        ({"prompt": 7}, "prompt", "must be text"),
        ({"prompt": "Why?", "problem": "primes"}, "problem", "not both"),
        ({"problem": "nothing"}, "problem", "no problem 'nothing'"),
        ({"problem": "\ud83d"}, "problem", "surrogate"),
        ({"prompt": "Why?", "size": 1}, "size", "2 to 6"),
        ({"prompt": "Why?", "size": 99}, "size", "2 to 6"),
        ({"prompt": "Why?", "size": -(10**400)}, "size", ""),
        ({"prompt": "Why?", "size": 2.5}, "size", "whole number"),
        ({"prompt": "Why?", "size": "2"}, "size", "whole number"),
        ({"prompt": "Why?", "size": True}, "size", "whole number"),
        ({"prompt": "Why?", "size": None}, "size", "whole number"),
        ({"prompt": "Why?", "contestants": ["nobody"]}, "contestants", "no contestant 'nobody'"),
        ({"prompt": "Why?", "contestants": ["ada", "ada"]}, "contestants", "only once"),
        ({"prompt": "Why?", "contestants": "ada"}, "contestants", "must be a list"),
        ({"prompt": "Why?", "contestants": ["a\0"]}, "contestants.0", "NUL"),
        ({"prompt": "Why?", "contestants": ["\udc00"]}, "contestants.0", "surrogate"),
        ({"prompt": "Why?", "contestants": [1]}, "contestants.0", "must be text"),
        ({"prompt": "Why?", "blind": "no"}, "blind", "true or false"),
        ({"prompt": "Why?", "pacing": "slow"}, "pacing", "'live', 'even' or 'together'"),
        ({"prompt": "Why?", "team": "x"}, "team", "no team 'x'"),
        ({"prompt": "Why?", "colour": "red"}, "colour", "not a field"),
    ],
)
def test_a_battle_that_cannot_be_is_refused_and_nothing_is_stored(
    body: dict[str, object], field: str, words: str
) -> None:
    answer = Api().post("/battles", body)
    assert_problem(answer, 422, words, field=field)
    assert not Battle.objects.exists()
    assert not Voter.objects.exists()
    assert not answer.cookies


def test_too_few_contestants_is_a_conflict() -> None:
    assert_problem(Api().post("/battles", {"prompt": "Why?", "size": 5}), 409, "there are 3", field="contestants")


def test_visitors_are_turned_away_where_an_account_is_needed(settings: LazySettings) -> None:
    settings.ARENA_ANONYMOUS_BATTLES = False
    answer = Api().post("/battles", {"prompt": "Why?"})
    assert_problem(answer, 401, "sign in first")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not Battle.objects.exists()
    assert Api(issue_token("ada")).post("/battles", {"prompt": "Why?"}).status_code == 201


def test_a_signed_in_browser_acts_as_its_user() -> None:
    api = Api()
    api.client.force_login(User.objects.create_user("ada"))
    assert api.post("/battles", {"prompt": "Why?"}).status_code == 201
    assert str(Battle.objects.get().started_by) == "ada"


def test_a_follow_up_goes_to_every_slot() -> None:
    api, voter = visitor()
    battle = make_finished_battle(voter=voter)
    answer = api.post(f"/battles/{battle.pk}/turns", {"prompt": "And in base 3?"})
    assert answer.status_code == 201
    assert answer.json()["status"] == "running"
    turn = battle.turns.get(index=1)
    assert turn.prompt == "And in base 3?"
    assert turn.responses.count() == 2


def test_a_follow_up_waits_for_its_turn() -> None:
    api, voter = visitor()
    battle = make_battle(voter=voter)
    assert_problem(api.post(f"/battles/{battle.pk}/turns", {"prompt": "And?"}), 409, "still at work")
    assert battle.turns.count() == 1


@pytest.mark.parametrize("body", [{}, {"prompt": ""}, {"prompt": None}, {"prompt": "\ud83d"}, {"text": "And?"}, []])
def test_a_follow_up_without_a_question_is_refused(body: object) -> None:
    api, voter = visitor()
    battle = make_finished_battle(voter=voter)
    assert_problem(api.post(f"/battles/{battle.pk}/turns", body), 422)
    assert battle.turns.count() == 1


def test_the_starter_stops_what_runs() -> None:
    api, voter = visitor()
    battle = make_battle(voter=voter)
    answer = api.post(f"/battles/{battle.pk}/stop")
    assert answer.status_code == 200
    assert answer.json()["status"] == "finished"
    assert_problem(api.post(f"/battles/{battle.pk}/stop"), 409, "Nothing is running")


def test_one_slot_is_asked_again() -> None:
    api, voter = visitor()
    battle = make_finished_battle(voter=voter)
    Response.objects.filter(seat__slot="B").update(status=ResponseStatus.FAILED)
    answer = api.post(f"/battles/{battle.pk}/responses/B/retry")
    assert answer.status_code == 200
    assert answer.json()["status"] == BattleStatus.RUNNING
    assert Response.objects.get(seat__slot="B").attempt == 2
    assert Response.objects.get(seat__slot="A").attempt == 1


def test_what_cannot_be_asked_again_is_refused() -> None:
    api, voter = visitor()
    battle = make_finished_battle(voter=voter)
    assert_problem(api.post(f"/battles/{battle.pk}/responses/A/retry"), 409, "failed or was stopped")
    for slot in ("C", "a", "AB"):
        assert_problem(api.post(f"/battles/{battle.pk}/responses/{slot}/retry"), 404, "no slot")
    assert_problem(api.post(f"/battles/{battle.pk}/responses/%00/retry"), 404)


@pytest.mark.parametrize("path", ["turns", "stop", "responses/A/retry"])
def test_only_the_starter_steers(path: str) -> None:
    battle = make_finished_battle()
    body = {"prompt": "And?"} if path == "turns" else None
    for api in (Api(), visitor()[0], Api(issue_token("eve"))):
        assert_problem(api.post(f"/battles/{battle.pk}/{path}", body), 403, "Only the person who started")
    assert battle.turns.count() == 1


@pytest.mark.parametrize("path", ["turns", "stop", "responses/A/retry"])
@pytest.mark.parametrize("battle_id", [UNKNOWN, "1", "not-an-id", "%00", "%ED%A0%80", "..%2f..", UNKNOWN[:-1]])
def test_a_battle_that_is_not_there_is_404(path: str, battle_id: str) -> None:
    assert_problem(Api().post(f"/battles/{battle_id}/{path}", {"prompt": "And?"}), 404)


def test_two_that_never_meet_cannot_be_chosen_together() -> None:
    Contestant.objects.get(slug="ada").never_meets.add(Contestant.objects.get(slug="bob"))
    answer = Api().post("/battles", {"prompt": "Why?", "contestants": ["bob", "ada"]})
    assert_problem(answer, 422, "never meet here: choose another for one.", field="contestants")
    assert Api().post("/battles", {"prompt": "Why?", "contestants": ["bob", "cy"]}).status_code == 201
