from base64 import urlsafe_b64encode

import pytest
from django.conf import LazySettings

from arena.battles.models import Battle, BattleStatus, Response, ResponseStatus
from arena.problems.models import Problem
from arena.teams.models import Voter
from arena.teams.services import issue_token
from arena.voting.models import Ballot
from tests.api.asking import Api, assert_problem, visitor
from tests.factories import make_battle, make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

UNKNOWN = "0b1f8cb6-5f0e-4a39-9a0c-3f1f7c3a5c77"

VERDICTS = {"A": "correct", "B": "flawed"}


def cursor_at(moment: str) -> str:
    return urlsafe_b64encode(f"{moment} {UNKNOWN}".encode()).decode()


def test_a_finished_battle_before_the_ballot() -> None:
    api, voter = visitor()
    battle = make_finished_battle(voter=voter)
    seen = api.get(f"/battles/{battle.pk}").json()
    assert seen["turns"] == [
        {
            "index": 0,
            "prompt": "What is 2 + 2?",
            "asks_for_identity": False,
            "responses": [
                {
                    "slot": slot,
                    "status": "finished",
                    "reasoning": "Two and two.\n\nThat makes four.",
                    "answer": "4",
                    "failure": None,
                    "truncated": False,
                    "named_itself": False,
                    "steps": [[0, 12], [14, 30]],
                }
                for slot in ("A", "B")
            ],
        }
    ]
    del seen["turns"], seen["created_at"]
    assert seen == {
        "id": str(battle.pk),
        "url": f"/battles/{battle.pk}/",
        "stream": f"/ws/battles/{battle.pk}/",
        "prompt": "What is 2 + 2?",
        "system": "",
        "problem": None,
        "team": None,
        "status": "finished",
        "blind": True,
        "pacing": "live",
        "slots": ["A", "B"],
        "ballots": 0,
        "may_vote": True,
        "may_steer": True,
        "unranked_because": "",
        "my_ballot": None,
        "tally": None,
        "reference": None,
        "reveal": None,
    }


def test_a_failure_is_told_in_plain_words() -> None:
    battle = make_finished_battle()
    Response.objects.filter(seat__slot="B").update(
        status=ResponseStatus.FAILED, failure_code="rate-limited", failure_message="The server is busy."
    )
    seen = Api().get(f"/battles/{battle.pk}").json()
    assert seen["turns"][0]["responses"][1]["failure"] == {"code": "rate-limited", "message": "The server is busy."}
    assert seen["unranked_because"].startswith("B failed")


def test_whoever_has_the_link_sees_it_and_gets_no_cookie() -> None:
    battle = make_battle()
    answer = Api().get(f"/battles/{battle.pk}")
    assert answer.status_code == 200
    assert answer.json()["may_steer"] is False
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.cookies


def test_a_ballot_shows_the_names_to_its_voter_alone() -> None:
    api, voter = visitor()
    battle = make_finished_battle(contestants=[make_contestant("ada", name="Ada"), make_contestant("bob")])
    Response.objects.filter(seat__slot="A").update(output_tokens=12, cost_usd=0.5, first_token_ms=30, duration_ms=99)
    cast = {
        "verdicts": VERDICTS,
        "best": "A",
        "first_flaws": {"B": 2},
        "tags": {"B": ["circular"]},
        "comment": "B runs in a circle.",
    }
    answer = api.put(f"/battles/{battle.pk}/ballot", cast)
    assert answer.status_code == 200
    seen = answer.json()
    assert seen["status"] == "revealed"
    assert seen["my_ballot"] == cast
    assert seen["ballots"] == 1
    assert seen["tally"]["best"] == {"A": 1, "B": 0, "tie": 0}
    assert seen["tally"]["verdicts"]["B"] == {"correct": 0, "flawed": 1, "unsure": 0}
    assert seen["reveal"]["A"] == {
        "slug": "ada",
        "name": "Ada",
        "simulated": False,
        "cost_usd": 0.5,
        "input_tokens": None,
        "output_tokens": 12,
        "reasoning_tokens": None,
        "first_token_ms": 30,
        "duration_ms": 99,
        "tokens_per_second": None,
        "cached_input_tokens": None,
        "price_source": "",
        "earlier_cost_usd": None,
    }
    assert api.get(f"/battles/{battle.pk}").json() == seen
    for other in (Api(), visitor()[0]):
        others = other.get(f"/battles/{battle.pk}").json()
        assert others["status"] == "finished"
        assert others["reveal"] is others["tally"] is others["my_ballot"] is None
        assert others["ballots"] == 1


def test_a_visitor_is_remembered_by_the_ballot() -> None:
    api = Api()
    battle = make_finished_battle()
    assert api.put(f"/battles/{battle.pk}/ballot", {"verdicts": VERDICTS}).status_code == 200
    assert api.get(f"/battles/{battle.pk}").json()["my_ballot"]["best"] is None
    assert_problem(api.put(f"/battles/{battle.pk}/ballot", {"verdicts": VERDICTS}), 409, "already voted")
    assert Ballot.objects.count() == 1


def test_a_script_votes_with_its_token() -> None:
    api = Api(issue_token("ada"))
    battle = make_finished_battle()
    answer = api.put(f"/battles/{battle.pk}/ballot", {"verdicts": VERDICTS, "best": "tie"})
    assert answer.json()["my_ballot"]["best"] == "tie"
    assert Ballot.objects.get().voter == Voter.objects.get(user__username="ada")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "verdicts"),
        ([], ""),
        ("A", ""),
        ({"verdicts": {}}, "verdicts"),
        ({"verdicts": {"A": "correct"}}, "verdicts"),
        ({"verdicts": VERDICTS | {"C": "correct"}}, "verdicts"),
        ({"verdicts": VERDICTS | {"A": "right"}}, "verdicts.A"),
        ({"verdicts": VERDICTS | {"\ud83d": "correct"}}, "verdicts"),
        ({"verdicts": VERDICTS | {"A": "\0"}}, "verdicts.A"),
        ({"verdicts": VERDICTS, "best": "Z"}, "best"),
        ({"verdicts": VERDICTS, "best": 1}, "best"),
        ({"verdicts": VERDICTS, "first_flaws": {"A": 1}}, "first_flaws"),
        ({"verdicts": VERDICTS, "first_flaws": {"B": 0}}, "first_flaws"),
        ({"verdicts": VERDICTS, "first_flaws": {"B": 3}}, "first_flaws"),
        ({"verdicts": VERDICTS, "first_flaws": {"B": 10**30}}, "first_flaws"),
        ({"verdicts": VERDICTS, "first_flaws": {"B": True}}, "first_flaws.B"),
        ({"verdicts": VERDICTS, "first_flaws": {"Z": 1}}, "first_flaws"),
        ({"verdicts": VERDICTS, "tags": {"A": ["ugly"]}}, "tags"),
        ({"verdicts": VERDICTS, "tags": {"Z": []}}, "tags"),
        ({"verdicts": VERDICTS, "comment": "x" * 5_001}, "comment"),
        ({"verdicts": VERDICTS, "comment": "a\0b"}, "comment"),
        ({"verdicts": VERDICTS, "comment": "\udead"}, "comment"),
        ({"verdicts": VERDICTS, "winner": "A"}, "winner"),
    ],
)
def test_a_ballot_that_cannot_be_is_refused_and_nothing_is_stored(body: object, field: str) -> None:
    api = Api()
    battle = make_finished_battle()
    voters = Voter.objects.count()
    assert_problem(api.put(f"/battles/{battle.pk}/ballot", body), 422, field=field)
    assert not Ballot.objects.exists()
    assert Voter.objects.count() == voters
    battle.refresh_from_db()
    assert battle.revealed_at is None


def test_a_ballot_before_the_end_is_refused() -> None:
    battle = make_battle()
    assert_problem(Api().put(f"/battles/{battle.pk}/ballot", {"verdicts": VERDICTS}), 409, "still at work")
    assert not Ballot.objects.exists()


def test_a_ballot_before_any_answer_is_refused() -> None:
    battle = make_finished_battle()
    Response.objects.update(status=ResponseStatus.FAILED, reasoning="", answer="", steps=[])
    assert_problem(Api().put(f"/battles/{battle.pk}/ballot", {"verdicts": VERDICTS}), 409, "nothing to judge")
    assert not Ballot.objects.exists()


@pytest.mark.parametrize("battle_id", [UNKNOWN, "1", "nonsense", "%00", "%F0%9F"])
def test_a_battle_that_is_not_there_is_404(battle_id: str) -> None:
    assert_problem(Api().get(f"/battles/{battle_id}"), 404)
    assert_problem(Api().put(f"/battles/{battle_id}/ballot", {"verdicts": VERDICTS}), 404)
    assert not Voter.objects.exists()


def test_visitors_do_not_vote_where_an_account_is_needed(settings: LazySettings) -> None:
    settings.ARENA_ANONYMOUS_BATTLES = False
    battle = make_finished_battle()
    assert_problem(Api().put(f"/battles/{battle.pk}/ballot", {"verdicts": VERDICTS}), 401)
    assert Api().get(f"/battles/{battle.pk}").status_code == 200


def test_my_battles_are_listed_newest_first_and_page_by_page() -> None:
    api, voter = visitor()
    mine = [str(make_battle(voter=voter).pk) for _ in range(5)]
    make_battle()
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = api.get("/battles", limit=2, cursor=cursor).json()
        seen += [battle["id"] for battle in page["battles"]]
        cursor = page["next"]
    assert seen == mine[::-1]


def test_battles_made_at_the_same_moment_are_all_listed() -> None:
    api, voter = visitor()
    mine = {str(make_battle(voter=voter).pk) for _ in range(4)}
    Battle.objects.update(created_at=make_voter().created_at)
    first = api.get("/battles", limit=3).json()
    second = api.get("/battles", limit=3, cursor=first["next"]).json()
    assert second["next"] is None
    assert {battle["id"] for battle in first["battles"] + second["battles"]} == mine


def test_a_listed_battle_is_light_and_blind() -> None:
    api, voter = visitor()
    battle = make_finished_battle(3, voter=voter)
    listed = api.get("/battles").json()["battles"][0]
    assert listed.pop("created_at")
    assert listed == {
        "id": str(battle.pk),
        "url": f"/battles/{battle.pk}/",
        "prompt": "What is 2 + 2?",
        "status": "finished",
        "blind": True,
        "slots": ["A", "B", "C"],
        "problem": None,
        "team": None,
    }


def test_the_list_is_filtered_by_status_as_the_voter_sees_it() -> None:
    api, voter = visitor()
    running = make_battle(voter=voter)
    finished = make_finished_battle(voter=voter)
    voted = make_finished_battle(voter=voter)
    opened = make_finished_battle(voter=voter, blind=False)
    assert api.put(f"/battles/{voted.pk}/ballot", {"verdicts": VERDICTS}).status_code == 200
    for status, expected in {"running": [running], "finished": [finished], "revealed": [opened, voted]}.items():
        battles = api.get("/battles", status=status).json()["battles"]
        assert [(battle["id"], battle["status"]) for battle in battles] == [(str(b.pk), status) for b in expected]
        for battle in battles:
            assert api.get(f"/battles/{battle['id']}").json()["status"] == status


def test_the_list_is_filtered_by_problem() -> None:
    api, voter = visitor()
    problem = Problem.objects.create(slug="primes", title="Primes", statement="Prove it.", category="proof")
    battle = make_battle(voter=voter)
    make_battle(voter=voter)
    Battle.objects.filter(pk=battle.pk).update(problem=problem)
    listed = api.get("/battles", problem="primes").json()["battles"]
    assert [(one["id"], one["problem"]) for one in listed] == [(str(battle.pk), "primes")]


def test_nobody_has_no_battles() -> None:
    make_battle()
    assert Api().get("/battles").json() == {"battles": [], "next": None}


@pytest.mark.parametrize(
    ("parameters", "status", "words"),
    [
        ({"team": "x"}, 404, "no team 'x'"),
        ({"problem": "x"}, 404, "no problem 'x'"),
        ({"problem": "\0"}, 422, "NUL"),
        ({"status": "lost"}, 422, "status must be 'running', 'finished' or 'revealed'"),
        ({"cursor": "nonsense"}, 422, "cursor"),
        ({"cursor": "é"}, 422, "cursor"),
        ({"cursor": "MjAyNg=="}, 422, "cursor"),
        ({"cursor": cursor_at("0001-01-01T00:00:00+23:59")}, 422, "cursor"),
        ({"cursor": cursor_at("9999-12-31T23:59:59-23:59")}, 422, "cursor"),
        ({"cursor": "x" * 201}, 422, "at most 200"),
        ({"limit": "0"}, 422, "1 or more"),
        ({"limit": "101"}, 422, "100 or less"),
        ({"limit": "many"}, 422, "whole number"),
        ({"voter": "me"}, 422, "no parameter 'voter'"),
    ],
)
def test_a_list_that_cannot_be_is_refused(parameters: dict[str, str], status: int, words: str) -> None:
    assert_problem(Api().get("/battles", **parameters), status, words)
    api, _ = visitor()
    assert_problem(api.get("/battles", **parameters), status, words)


def test_the_battle_stays_as_it_was_when_its_list_is_read() -> None:
    api, voter = visitor()
    battle = make_battle(voter=voter)
    api.get("/battles")
    battle.refresh_from_db()
    assert battle.status == BattleStatus.RUNNING
