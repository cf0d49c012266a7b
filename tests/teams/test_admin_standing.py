"""The operator looks at a voter, leaves their ballots out, and takes that back."""

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from arena.teams.models import Concern, Exclusion, Flag, Invitation, User, Voter
from arena.teams.standing import exclude, raise_flag
from tests.factories import make_voter

pytestmark = pytest.mark.django_db

VOTERS = reverse("admin:teams_voter_changelist")
EXCLUDE = reverse("admin:teams_voter_exclude")
TAKE_BACK = reverse("admin:teams_voter_take_back")
EVIDENCE = "Picked slot A in 14 of 14 ballots."


@pytest.fixture
def suspect() -> Voter:
    voter = make_voter()
    raise_flag(voter.pk, Concern.ONE_SIDE, EVIDENCE)
    return voter


def page_of(voter: Voter) -> str:
    return reverse("admin:teams_voter_change", args=[voter.pk])


def test_the_list_says_what_was_noticed_and_finds_it(admin_client: Client, suspect: Voter) -> None:
    other = make_voter()
    everybody = admin_client.get(VOTERS).text
    assert "favours one side" in everybody
    assert str(other) in everybody
    noticed = admin_client.get(f"{VOTERS}?standing=noticed").text
    assert str(suspect) in noticed
    assert str(other) not in noticed


def test_a_voters_page_shows_the_evidence_and_leads_on(admin_client: Client, suspect: Voter) -> None:
    page = admin_client.get(page_of(suspect)).text
    assert EVIDENCE in page
    assert f"{EXCLUDE}?ids={suspect.pk}" in page
    ballots = f"{reverse('admin:voting_ballot_changelist')}?voter__id__exact={suspect.pk}"
    assert ballots in page
    assert admin_client.get(ballots).status_code == 200


def test_ballots_are_left_out_for_a_reason_and_counted_again(admin_client: Client, suspect: Voter) -> None:
    address = f"{EXCLUDE}?ids={suspect.pk}"
    assert EVIDENCE in admin_client.get(address).text
    unsaid = admin_client.post(address, {"reason": "  "})
    assert (unsaid.status_code, "Say why" in unsaid.text) == (422, True)
    assert not Exclusion.objects.exists()

    done = admin_client.post(address, {"reason": "A whatever is written"}, follow=True)
    assert done.redirect_chain == [(page_of(suspect), 302)]
    assert "A whatever is written" in done.text
    assert "by admin" in done.text
    assert f"{TAKE_BACK}?ids={suspect.pk}" in done.text
    left_out = admin_client.get(f"{VOTERS}?standing=left-out").text
    assert str(suspect) in left_out

    back = f"{TAKE_BACK}?ids={suspect.pk}"
    assert "Count again" in admin_client.get(back).text
    again = admin_client.post(back, follow=True)
    assert "Counted again" in again.text
    assert not Exclusion.objects.in_force().exists()
    assert LogEntry.objects.count() == 2


def test_several_are_left_out_at_once(admin_client: Client, suspect: Voter) -> None:
    other = make_voter()
    chosen = {"action": "exclude_chosen", "_selected_action": [suspect.pk, other.pk]}
    page = admin_client.post(VOTERS, chosen, follow=True)
    (address, _), *_ = page.redirect_chain
    assert str(other) in page.text
    admin_client.post(address, {"reason": "Both."})
    assert Exclusion.objects.in_force().count() == 2
    back = admin_client.post(VOTERS, chosen | {"action": "take_back_chosen"})
    admin_client.post(back["Location"])
    assert not Exclusion.objects.in_force().exists()


@pytest.mark.parametrize("ids", ["", "999999", "x", "٣", "1;2", "9" * 40])
def test_nobody_is_no_page(admin_client: Client, ids: str) -> None:
    assert admin_client.get(EXCLUDE, {"ids": ids}).status_code == 404


def test_only_staff_who_may_change_voters_decide(client: Client, suspect: Voter) -> None:
    staff = User.objects.create_user("sam", is_staff=True)
    staff.user_permissions.add(Permission.objects.get(codename="view_voter"))
    client.force_login(staff)
    assert client.get(page_of(suspect)).status_code == 200
    for address in (EXCLUDE, TAKE_BACK):
        assert client.post(f"{address}?ids={suspect.pk}", {"reason": "Mine."}).status_code == 403
    assert not Exclusion.objects.exists()
    client.logout()
    assert client.get(f"{EXCLUDE}?ids={suspect.pk}").status_code == 302


def test_flags_are_dismissed_and_raised_again(admin_client: Client, suspect: Voter) -> None:
    flags = reverse("admin:teams_flag_changelist")
    flag = Flag.objects.get()
    assert EVIDENCE in admin_client.get(flags).text
    for action, is_dismissed in (("dismiss_chosen", True), ("reopen_chosen", False)):
        admin_client.post(flags, {"action": action, "_selected_action": [flag.pk]})
        flag.refresh_from_db()
        assert (flag.dismissed_at is not None) is is_dismissed
    assert admin_client.post(flags, {"action": "delete_selected", "_selected_action": [flag.pk]}).status_code != 500
    assert Flag.objects.exists()


def test_an_invitation_shows_its_link_and_is_revoked_and_restored(admin_client: Client) -> None:
    admin_client.post(reverse("admin:teams_invitation_add"), {"label": "The seminar", "uses_left": "30"})
    invitation = Invitation.objects.get()
    assert invitation.created_by
    assert (invitation.label, invitation.uses_left, invitation.created_by.username) == ("The seminar", 30, "admin")
    page = admin_client.get(reverse("admin:teams_invitation_change", args=[invitation.pk])).text
    assert f"http://testserver/invitations/{invitation.code}/" in page
    listed = reverse("admin:teams_invitation_changelist")
    for action, state in (("revoke", "revoked"), ("restore", "open")):
        admin_client.post(listed, {"action": action, "_selected_action": [invitation.pk]})
        invitation.refresh_from_db()
        assert invitation.state == state


def test_deleting_a_voter_takes_what_was_said_of_them_along(suspect: Voter, admin_user: User) -> None:
    exclude([suspect], by=admin_user, reason="So.")
    suspect.delete()
    assert not Flag.objects.exists()
    assert not Exclusion.objects.exists()
