import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from arena.teams.models import User, Voter
from arena.teams.queries import VOTER_KEY
from arena.teams.services import issue_token
from arena.teams.sockets import credentials_of, voter_behind
from tests.factories import make_voter

pytestmark = pytest.mark.django_db


def known(session: SessionStore | None = None, authorization: str = "") -> Voter | None:
    """Behind a handshake with this session's cookie and this header."""
    headers = [(b"host", b"testserver")]
    if session is not None:
        session.save()
        headers.append((b"cookie", f"other=1; sessionid={session.session_key}".encode()))
    if authorization:
        headers.append((b"authorization", authorization.encode()))
    return voter_behind(credentials_of({"type": "websocket", "headers": headers}))


def signed_in(user: User) -> SessionStore:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    return session


def test_nobody_without_session_or_token() -> None:
    assert known() is None
    assert not Voter.objects.exists()


def test_visitor_is_known_by_the_session() -> None:
    voter = make_voter()
    session = SessionStore()
    session[VOTER_KEY] = voter.pk
    assert known(session) == voter


def test_signed_in_user_is_known_by_the_session() -> None:
    user = User.objects.create_user("ada", password="a long one")
    voter = Voter.objects.create(user=user)
    assert known(signed_in(user)) == voter


def test_session_of_a_changed_password_is_nobody() -> None:
    user = User.objects.create_user("ada", password="a long one")
    Voter.objects.create(user=user)
    session = signed_in(user)
    user.set_password("another")
    user.save()
    assert known(session) is None


def test_bearer_token_is_its_user() -> None:
    secret = issue_token("ada")
    voter = Voter.objects.create(user=User.objects.get(username="ada"))
    assert known(authorization=f"Bearer {secret}") == voter


def test_wrong_token_never_falls_back_to_the_session() -> None:
    session = SessionStore()
    session[VOTER_KEY] = make_voter().pk
    assert known(session, "Bearer arena_wrong") is None


def test_a_visitors_session_cannot_name_the_voter_of_a_user() -> None:
    voter = Voter.objects.create(user=User.objects.create_user("ada"))
    session = SessionStore()
    session[VOTER_KEY] = voter.pk
    assert known(session) is None


def test_session_is_asked_again_each_time_and_may_have_ended() -> None:
    session = SessionStore()
    session[VOTER_KEY] = make_voter().pk
    session.save()
    credentials = credentials_of({"headers": [(b"cookie", f"sessionid={session.session_key}".encode())]})
    assert voter_behind(credentials) is not None
    session.flush()
    assert voter_behind(credentials) is None
