import pytest
from django.conf import LazySettings
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore

from arena.teams.errors import AccountNeeded
from arena.teams.limits import Deed
from arena.teams.models import User, Voter
from arena.teams.queries import VOTER_KEY
from arena.teams.services import acting_voter
from tests.factories import make_voter

pytestmark = pytest.mark.django_db


def test_a_visitor_gets_a_voter_that_the_session_remembers() -> None:
    session = SessionStore()
    with acting_voter(AnonymousUser(), session, Deed.VOTE) as voter:
        pass
    with acting_voter(AnonymousUser(), session, Deed.VOTE) as again:
        assert again == voter


def test_a_refused_deed_leaves_no_voter_and_no_session() -> None:
    session = SessionStore()
    with pytest.raises(ValueError, match="refused"), acting_voter(AnonymousUser(), session, Deed.VOTE):
        raise ValueError("refused")
    assert not Voter.objects.exists()
    assert session.is_empty()


def test_a_refused_deed_keeps_a_voter_known_before() -> None:
    voter = make_voter()
    session = SessionStore()
    session[VOTER_KEY] = voter.pk
    with pytest.raises(ValueError, match="refused"), acting_voter(None, session, Deed.VOTE):
        raise ValueError("refused")
    assert session[VOTER_KEY] == voter.pk
    assert Voter.objects.filter(pk=voter.pk).exists()


def test_visitors_are_turned_away_where_an_account_is_needed(settings: LazySettings) -> None:
    settings.ARENA_ANONYMOUS_BATTLES = False
    with pytest.raises(AccountNeeded), acting_voter(AnonymousUser(), SessionStore(), Deed.VOTE):
        pass
    with acting_voter(User.objects.create_user("ada"), SessionStore(), Deed.VOTE) as voter:
        assert str(voter) == "ada"
