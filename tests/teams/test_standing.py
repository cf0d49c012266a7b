"""Flags, and leaving a voter's ballots out: who, when and why is kept, and all of it can be taken back."""

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from arena.teams.models import Concern, Exclusion, Flag, User, Voter
from arena.teams.signals import standing_changed
from arena.teams.standing import dismiss, exclude, raise_flag, reopen, take_back
from tests.factories import make_voter

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> User:
    return User.objects.create_user("olga")


@pytest.fixture
def told() -> list[object]:
    """Each time that standings are said to have changed."""
    heard: list[object] = []

    def listen(sender: object, **_: object) -> None:
        heard.append(sender)

    standing_changed.connect(listen, weak=False, dispatch_uid="test")
    yield heard  # type: ignore[misc]  # a fixture
    standing_changed.disconnect(dispatch_uid="test")


def test_who_was_excluded_when_by_whom_and_why_is_kept(operator: User) -> None:
    voter = make_voter()
    (exclusion,) = exclude([voter], by=operator, reason="  Votes for A whatever is written.\n")
    assert (exclusion.voter, exclusion.excluded_by, exclusion.reason) == (
        voter,
        operator,
        "Votes for A whatever is written.",
    )
    take_back([voter], by=operator)
    exclude([voter], by=operator, reason="Again.")
    first, second = Exclusion.objects.filter(voter=voter).order_by("excluded_at")
    assert (first.lifted_by, first.lifted_at is not None, second.lifted_at) == (operator, True, None)


def test_excluding_twice_keeps_the_first_reason(operator: User) -> None:
    voter = make_voter()
    exclude([voter], by=operator, reason="First.")
    assert exclude([voter], by=operator, reason="Second.") == []
    assert [exclusion.reason for exclusion in Exclusion.objects.in_force()] == ["First."]


def test_taking_back_who_is_in_changes_nothing(operator: User) -> None:
    assert take_back([make_voter()], by=operator) == []


def test_those_above_are_told_once_and_only_of_changes(
    operator: User, told: list[object], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    voters = [make_voter(), make_voter()]
    with django_capture_on_commit_callbacks(execute=True):
        exclude(voters, by=operator, reason="Why not.")
        exclude(voters, by=operator, reason="Again.")
    assert len(told) == 1
    with django_capture_on_commit_callbacks(execute=True):
        take_back(voters, by=operator)
        take_back(voters, by=operator)
    assert len(told) == 2


def test_a_flag_is_raised_once_and_its_evidence_kept_up_to_date(operator: User) -> None:
    voter = make_voter()
    assert raise_flag(voter.pk, Concern.ONE_SIDE, "A in 14 of 14.")
    assert not raise_flag(voter.pk, Concern.ONE_SIDE, "A in 15 of 15.")
    assert not raise_flag(voter.pk, Concern.ONE_SIDE, "A in 15 of 15.")
    flag = Flag.objects.get()
    assert (flag.evidence, flag.dismissed_at) == ("A in 15 of 15.", None)


def test_a_flag_that_was_dismissed_stays_so_until_it_is_raised_again(operator: User) -> None:
    voter = make_voter()
    raise_flag(voter.pk, Concern.TOO_FAST, "Ten in 3 s.")
    assert dismiss(Flag.objects.all(), operator) == 1
    assert dismiss(Flag.objects.all(), operator) == 0
    raise_flag(voter.pk, Concern.TOO_FAST, "Twenty in 3 s.")
    flag = Flag.objects.get()
    assert (flag.dismissed_by, flag.evidence) == (operator, "Twenty in 3 s.")
    assert reopen([flag]) == 1
    flag.refresh_from_db()
    assert (flag.dismissed_at, flag.dismissed_by) == (None, None)


def test_an_operator_who_leaves_leaves_their_decisions(operator: User) -> None:
    voter = make_voter()
    exclude([voter], by=operator, reason="So.")
    operator.delete()
    assert Exclusion.objects.in_force().filter(voter=voter, excluded_by=None).exists()
    assert Voter.objects.filter(pk=voter.pk).exists()
