"""Making voters, users and tokens."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase

from arena.teams.models import ApiToken, User, Voter
from arena.teams.queries import VOTER_KEY, current_voter


def ensure_voter(user: AbstractBaseUser | AnonymousUser | None, session: SessionBase) -> Voter:
    """The voter behind this request, made and remembered in the session if there is none yet."""
    voter = current_voter(user, session)
    if voter is not None:
        return voter
    if isinstance(user, User):
        return Voter.objects.get_or_create(user=user)[0]
    voter = Voter.objects.create()
    session[VOTER_KEY] = voter.pk
    return voter


def issue_token(username: str) -> str:
    """A new bearer token for this user, who is made if need be. The secret is returned and never stored."""
    user, is_new = User.objects.get_or_create(username=username)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    secret = ApiToken.new_secret()
    ApiToken.objects.create(user=user, digest=ApiToken.digest_of(secret))
    return secret
