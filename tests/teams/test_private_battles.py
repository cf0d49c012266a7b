"""A team's battle is seen by its members alone, through every door."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.routing import URLRouter
from django.test import Client

from arena.battles.models import Battle, Response
from arena.battles.relay import close_relay
from arena.battles.urls import websocket_urlpatterns
from arena.leaderboard.queries import counted_votes, figures
from arena.leaderboard.services import refresh_leaderboard
from arena.teams.models import Membership, Team, Voter
from arena.teams.queries import VOTER_KEY
from arena.teams.services import issue_token
from arena.voting.doors import vote
from tests.api.asking import Api, assert_problem
from tests.budgets.spending import make_team, make_user
from tests.factories import make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db(transaction=True)

VERDICTS = {"A": "correct", "B": "flawed"}
INSIDERS = ("owner", "member", "viewer")
OUTSIDERS = ("stranger", "other team", "visitor", "nobody", "left")
FORM = {"prompt": "Why?", "problem": "", "size": "2", "draw": "random", "names": "blind", "system": ""}


@dataclass
class Cast:
    """People by what they are to the team `owls`, and a finished battle that its member started."""

    team: Team
    battle: Battle
    voters: dict[str, Voter | None]

    def api(self, who: str) -> Api:
        voter = self.voters[who]
        if voter is None:
            return Api()
        return Api(issue_token(voter.user.username)) if voter.user else Api(voter=voter)

    def browser(self, who: str) -> Client:
        client, voter = Client(), self.voters[who]
        if voter is not None and voter.user:
            client.force_login(voter.user)
        elif voter is not None:
            session = client.session
            session[VOTER_KEY] = voter.pk
            session.save()
            client.cookies["sessionid"] = session.session_key or ""
        return client


@pytest.fixture
def cast() -> Cast:
    voters: dict[str, Voter | None] = {
        **{name: make_user(name) for name in ("owner", "member", "viewer", "stranger", "other", "left")},
        "visitor": make_voter(),
        "nobody": None,
    }
    voters["other team"] = voters.pop("other")
    inside = {name: voter for name in INSIDERS if (voter := voters[name])}
    team = make_team("owls", **inside)
    other = voters["other team"]
    assert other is not None
    make_team("larks", owner=other)
    left = voters["left"]
    battle = make_finished_battle(voter=left)  # who started it has left the team since
    battle.team = team
    battle.save(update_fields=["team"])
    return Cast(team, battle, voters)


@pytest.mark.parametrize("who", INSIDERS)
def test_insiders_see_it(cast: Cast, who: str) -> None:
    address = cast.battle.get_absolute_url()
    assert b"only Owls" in cast.browser(who).get(address).content
    assert cast.api(who).get(f"/battles/{cast.battle.pk}").json()["team"] == "owls"
    assert [one["id"] for one in cast.api(who).get("/battles", team="owls").json()["battles"]] == [str(cast.battle.pk)]
    assert watch(cast, who) == "watches"


@pytest.mark.parametrize("who", OUTSIDERS)
def test_outsiders_find_nothing(cast: Cast, who: str) -> None:
    battle, browser, api = cast.battle, cast.browser(who), cast.api(who)
    address = battle.get_absolute_url()
    assert browser.get(address).status_code == 404
    assert browser.get(f"/?again={battle.pk}").status_code == 404
    for path in ("turns/", "stop/", "responses/A/retry/", "ballot/"):
        assert browser.post(f"{address}{path}", {"prompt": "Why?"}).status_code == 404
    path = f"/battles/{battle.pk}"
    for answer in (
        api.get(path),
        api.post(f"{path}/turns", {"prompt": "Why?"}),
        api.post(f"{path}/stop"),
        api.post(f"{path}/responses/A/retry"),
        api.put(f"{path}/ballot", {"verdicts": VERDICTS}),
    ):
        assert_problem(answer, 404, "There is no battle")
    assert_problem(api.get("/battles", team="owls"), 404, "There is no team 'owls'", field="team")
    assert api.get("/battles").json()["battles"] == []
    assert str(battle.pk).encode() not in browser.get("/").content
    assert watch(cast, who) == "closed 4404"


def watch(cast: Cast, who: str) -> str:
    """Whether their browser may."""

    async def connect(session: Any) -> str:
        scope = {
            "type": "websocket",
            "path": f"/ws/battles/{cast.battle.pk}/",
            "query_string": b"",
            "headers": [(b"cookie", f"sessionid={session.session_key}".encode())],
        }
        socket = ApplicationCommunicator(URLRouter(websocket_urlpatterns), scope)
        await socket.send_input({"type": "websocket.connect"})
        assert (await socket.receive_output(5))["type"] == "websocket.accept"
        told = await socket.receive_output(5)
        if told["type"] == "websocket.send":
            await socket.send_input({"type": "websocket.disconnect", "code": 1000})
            await socket.wait(5)
        await close_relay()
        return "watches" if told["type"] == "websocket.send" else f"closed {told['code']}"

    return async_to_sync(connect)(cast.browser(who).session)


# --- What each role may do -------------------------------------------------------------------------


def start(cast: Cast, who: str) -> Any:
    return cast.api(who).post("/battles", {"prompt": "Why?", "team": "owls"})


@pytest.fixture
def three() -> None:
    for _ in range(3):
        make_contestant()


@pytest.mark.parametrize("who", ["owner", "member"])
def test_owners_and_members_start_the_teams_battles(cast: Cast, three: None, who: str) -> None:
    answer = start(cast, who)
    assert answer.status_code == 201
    assert Battle.objects.get(pk=answer.json()["id"]).team == cast.team


def test_viewers_start_none(cast: Cast, three: None) -> None:
    assert_problem(start(cast, "viewer"), 403, "Viewers of a team read along", field="team")


@pytest.mark.parametrize("who", OUTSIDERS)
def test_outsiders_cannot_even_tell_that_there_is_such_a_team(cast: Cast, three: None, who: str) -> None:
    assert_problem(start(cast, who), 422, "There is no team 'owls'.", field="team")
    assert Battle.objects.count() == 1


def test_form_offers_teams_to_those_who_have_some(cast: Cast, three: None) -> None:
    assert b'name="team"' in cast.browser("member").get("/").content
    for who in ("viewer", "stranger", "nobody"):
        assert b'name="team"' not in cast.browser(who).get("/").content


def test_form_starts_a_teams_battle_that_is_repeated_as_one(cast: Cast, three: None) -> None:
    browser = cast.browser("member")
    page = browser.post("/battles/", FORM | {"team": "owls"})
    battle = Battle.objects.exclude(pk=cast.battle.pk).get()
    assert (page.status_code, battle.team) == (302, cast.team)
    assert browser.get(f"/?again={battle.pk}").context["form"]["team"].value() == "owls"


def test_form_refuses_a_team_that_is_not_ones_own(cast: Cast, three: None) -> None:
    page = cast.browser("stranger").post("/battles/", FORM | {"team": "owls"})
    assert page.status_code == 422
    assert Battle.objects.count() == 1


def test_viewers_read_along_and_do_not_vote(cast: Cast) -> None:
    path = f"/battles/{cast.battle.pk}"
    assert cast.api("viewer").get(path).json()["may_vote"] is False
    assert_problem(cast.api("viewer").put(f"{path}/ballot", {"verdicts": VERDICTS}), 403, "its members vote")
    assert b"You read along" in cast.browser("viewer").get(cast.battle.get_absolute_url()).content
    assert cast.api("member").put(f"{path}/ballot", {"verdicts": VERDICTS}).status_code == 200


def test_someone_who_leaves_the_team_sees_it_no_more(cast: Cast) -> None:
    api, path = cast.api("member"), f"/battles/{cast.battle.pk}"
    assert api.get(path).status_code == 200
    Membership.objects.filter(user__username="member").delete()
    assert api.get(path).status_code == 404


def test_starter_who_became_a_viewer_asks_no_more_at_the_teams_expense(cast: Cast) -> None:
    viewer = cast.voters["viewer"]
    Battle.objects.update(started_by=viewer)
    Response.objects.update(status="failed")
    api, path = cast.api("viewer"), f"/battles/{cast.battle.pk}"
    assert api.get(path).json()["may_steer"] is False
    assert_problem(api.post(f"{path}/turns", {"prompt": "Why?"}), 403, "its members ask")
    assert_problem(api.post(f"{path}/responses/A/retry"), 403, "its members ask")
    Battle.objects.update(status="running")
    Response.objects.update(status="waiting")
    assert api.post(f"{path}/stop").status_code == 200


def test_team_with_battles_is_not_deleted_into_the_open(cast: Cast) -> None:
    admin = make_user("admin").user
    assert admin is not None
    admin.is_staff = admin.is_superuser = True
    admin.save()
    client = Client()
    client.force_login(admin)
    client.post(f"/admin/teams/team/{cast.team.pk}/delete/", {"post": "yes"})
    assert Team.objects.filter(pk=cast.team.pk).exists()


# --- The public leaderboard ------------------------------------------------------------------------


def test_public_boards_do_not_count_what_a_team_votes_among_itself(cast: Cast) -> None:
    contestants = [seat.contestant for seat in cast.battle.seats.select_related("contestant")]
    member = cast.voters["member"]
    assert member is not None
    vote(cast.battle, member, verdicts=VERDICTS, best="A")
    Response.objects.update(cost_usd=1.0, output_tokens=5, first_token_ms=5)
    assert len(counted_votes()[0].ballot) == 0
    assert figures() == {}
    assert refresh_leaderboard() == []
    public = make_finished_battle(contestants=contestants)
    vote(public, make_voter(), verdicts=VERDICTS, best="A")
    counted = [(snapshot.ballots, snapshot.rows) for snapshot in refresh_leaderboard()]
    cast.battle.ballots.all().delete()
    assert [ballots for ballots, _ in counted] == [1, 1]
    assert refresh_leaderboard() == []  # the same tables without the team's ballot


def test_public_counts_of_battles_leave_a_teams_out(cast: Cast) -> None:
    Battle.objects.update(revealed_at=datetime(2026, 11, 21, tzinfo=UTC))
    slug = cast.battle.seats.get(slot="A").contestant.slug
    assert cast.browser("nobody").get(f"/contestants/{slug}/").context["contestant"].battle_count == 0
