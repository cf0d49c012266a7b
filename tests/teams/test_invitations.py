"""Where only those take part who were invited."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from arena.battles.models import Battle
from arena.teams.admission import accept, barrier
from arena.teams.errors import AccountNeeded, InvitationNeeded
from arena.teams.models import Acceptance, Invitation, Membership, Team, User, Voter
from arena.teams.services import issue_token
from arena.voting.models import Ballot
from tests.factories import make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

BALLOT = {"verdict-A": "correct", "verdict-B": "flawed", "best": "A"}


@pytest.fixture(autouse=True)
def by_invitation(settings: LazySettings) -> None:
    settings.ARENA_INVITATION_ONLY = True


@pytest.fixture
def invitation() -> Invitation:
    return Invitation.objects.create(label="The seminar", uses_left=2)


def test_visitors_are_let_in_by_the_link(client: Client, invitation: Invitation) -> None:
    battle = make_finished_battle()
    page = client.get(battle.get_absolute_url())
    assert "By invitation" in page.text
    assert "Cast and see the names" not in page.text
    refused = client.post(reverse("cast_ballot", args=[battle.pk]), BALLOT)
    assert (refused.status_code, "people who were invited" in refused.text) == (403, True)
    assert not Voter.objects.exclude(pk=battle.started_by_id).exists()

    assert "You are invited" in client.get(invitation.get_absolute_url()).text
    assert not Acceptance.objects.exists()
    welcome = client.post(invitation.get_absolute_url(), follow=True)
    assert "You are in" in welcome.text
    assert "Cast and see the names" in client.get(battle.get_absolute_url()).text
    client.post(reverse("cast_ballot", args=[battle.pk]), BALLOT)
    assert Ballot.objects.get().voter.acceptance.invitation == invitation


def test_accepting_twice_uses_one(client: Client, invitation: Invitation) -> None:
    for _ in range(3):
        assert client.post(invitation.get_absolute_url()).status_code == 302
    invitation.refresh_from_db()
    assert invitation.uses_left == 1


def test_the_new_battle_page_says_what_is_needed(client: Client) -> None:
    page = client.get("/")
    assert "By invitation" in page.text
    assert 'id="new-battle"' not in page.text
    refused = client.post("/battles/", {"prompt": "Why?", "size": "2", "draw": "random", "names": "blind"})
    assert refused.status_code in (403, 422)
    assert Battle.objects.count() == 0


@pytest.mark.parametrize(
    "fields",
    [
        {"uses_left": 0},
        {"expires_at": timezone.now() - timedelta(seconds=1)},
        {"revoked_at": timezone.now()},
    ],
)
def test_a_link_that_is_over_says_so(client: Client, fields: dict[str, object]) -> None:
    over = Invitation.objects.create(**fields)
    for page in (client.get(over.get_absolute_url()), client.post(over.get_absolute_url())):
        assert (page.status_code, "This invitation is over" in page.text) == (404, True)
    with pytest.raises(InvitationNeeded):
        accept(over, make_voter())
    assert over.state != "open"


@pytest.mark.parametrize("code", ["nonsense", "a\tb", "%00", "ü"])
def test_made_up_links_are_over_too(client: Client, code: str) -> None:
    assert client.get(reverse("invitation", args=[code])).status_code == 404


def test_who_is_in_stays_in(client: Client, invitation: Invitation) -> None:
    client.post(invitation.get_absolute_url())
    invitation.delete()
    assert 'id="new-battle"' in client.get("/").text or "By invitation" not in client.get("/").text


def test_the_last_use_is_given_once(invitation: Invitation) -> None:
    Invitation.objects.update(uses_left=1)
    first, second = make_voter(), make_voter()
    accept(invitation, first)
    with pytest.raises(InvitationNeeded, match="does not let anybody in any more"):
        accept(invitation, second)
    accept(invitation, first)
    assert Acceptance.objects.count() == 1


def test_an_invitation_without_a_number_lets_everybody_in() -> None:
    endless = Invitation.objects.create()
    for _ in range(5):
        accept(endless, make_voter())
    endless.refresh_from_db()
    assert (endless.uses_left, endless.state) == (None, "open")


def test_members_of_a_team_and_staff_are_invited() -> None:
    member, staff, other = (User.objects.create_user(name) for name in ("mia", "sam", "otto"))
    Membership.objects.create(team=Team.objects.create(name="Logic", slug="logic"), user=member)
    staff.is_staff = True
    session = SessionStore()
    assert barrier(member, session) is None
    assert barrier(staff, session) is None
    assert isinstance(barrier(other, session), InvitationNeeded)
    assert isinstance(barrier(AnonymousUser(), session), InvitationNeeded)


def test_with_accounts_only_an_invitation_is_accepted_with_one(
    client: Client, invitation: Invitation, settings: LazySettings
) -> None:
    settings.ARENA_ANONYMOUS_BATTLES = False
    assert isinstance(barrier(AnonymousUser(), SessionStore()), AccountNeeded)
    page = client.get(invitation.get_absolute_url())
    assert page["Location"] == f"/accounts/login/?next={invitation.get_absolute_url()}"
    client.force_login(User.objects.create_user("ada"))
    client.post(invitation.get_absolute_url())
    assert Acceptance.objects.get().voter.user


def test_scripts_accept_and_vote(client: Client, invitation: Invitation) -> None:
    battle = make_finished_battle()
    headers = {"Authorization": f"Bearer {issue_token('ada')}"}
    ballot = {"verdicts": {"A": "correct", "B": "flawed"}}
    path = f"/api/v1/battles/{battle.pk}"
    assert client.get(path, headers=headers).json()["may_vote"] is False
    refused = client.put(f"{path}/ballot", ballot, "application/json", headers=headers)
    assert (refused.status_code, "people who were invited" in refused.json()["detail"]) == (403, True)
    made_up = client.post("/api/v1/invitations/nonsense/accept", "", "application/json", headers=headers)
    assert made_up.status_code == 404
    accepted = client.post(f"/api/v1/invitations/{invitation.code}/accept", "", "application/json", headers=headers)
    assert (accepted.status_code, accepted.json()) == (200, {"invited": True})
    assert client.get(path, headers=headers).json()["may_vote"] is True
    assert client.put(f"{path}/ballot", ballot, "application/json", headers=headers).status_code == 200


def test_without_the_setting_nobody_is_asked(client: Client, invitation: Invitation, settings: LazySettings) -> None:
    settings.ARENA_INVITATION_ONLY = False
    assert "By invitation" not in client.get("/").text
    assert "open to everybody" in client.get(invitation.get_absolute_url()).text
