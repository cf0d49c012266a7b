import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from arena.teams.models import User, Voter
from arena.teams.queries import VOTER_KEY
from arena.teams.services import issue_token
from arena.teams.sockets import voter_of_scope
from tests.factories import make_voter

pytestmark = pytest.mark.django_db


def scope(session: SessionStore | None = None, authorization: str = "") -> dict[str, object]:
    headers = [(b"host", b"testserver")]
    if authorization:
        headers.append((b"authorization", authorization.encode()))
    return {"type": "websocket", "headers": headers, "session": session or SessionStore()}


def signed_in(user: User) -> SessionStore:
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    return session


def test_nobody_without_session_or_token() -> None:
    assert voter_of_scope(scope()) is None
    assert not Voter.objects.exists()


def test_visitor_is_known_by_the_session() -> None:
    voter = make_voter()
    session = SessionStore()
    session[VOTER_KEY] = voter.pk
    assert voter_of_scope(scope(session)) == voter


def test_signed_in_user_is_known_by_the_session() -> None:
    user = User.objects.create_user("ada", password="a long one")
    voter = Voter.objects.create(user=user)
    assert voter_of_scope(scope(signed_in(user))) == voter


def test_session_of_a_changed_password_is_nobody() -> None:
    user = User.objects.create_user("ada", password="a long one")
    Voter.objects.create(user=user)
    session = signed_in(user)
    user.set_password("another")
    user.save()
    assert voter_of_scope(scope(session)) is None


def test_bearer_token_is_its_user() -> None:
    secret = issue_token("ada")
    voter = Voter.objects.create(user=User.objects.get(username="ada"))
    assert voter_of_scope(scope(authorization=f"Bearer {secret}")) == voter


def test_wrong_token_never_falls_back_to_the_session() -> None:
    session = SessionStore()
    session[VOTER_KEY] = make_voter().pk
    assert voter_of_scope(scope(session, "Bearer arena_wrong")) is None


def test_a_visitors_session_cannot_name_the_voter_of_a_user() -> None:
    voter = Voter.objects.create(user=User.objects.create_user("ada"))
    session = SessionStore()
    session[VOTER_KEY] = voter.pk
    assert voter_of_scope(scope(session)) is None
