"""Who is asking: the voter behind a session or a bearer token."""

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase

from arena.teams.models import ACTIVE_ROLES, ApiToken, Membership, Team, User, Voter
from arena.teams.visits import visit_of

VOTER_KEY = "voter"


def current_voter(user: AbstractBaseUser | AnonymousUser | None, session: SessionBase) -> Voter | None:
    """The voter of a signed-in user or of an anonymous session; None while they have done nothing yet."""
    if isinstance(user, User):
        return voter_of_user(user)
    if voter_id := session.get(VOTER_KEY):
        return Voter.objects.filter(pk=voter_id, user=None).first()
    visit = visit_of(session)
    return Voter.objects.filter(visit=visit, user=None).first() if visit else None


def voter_of_user(user: User) -> Voter | None:
    return Voter.objects.filter(user=user).first()


def is_active_in(team: Team, voter: Voter | None) -> bool:
    """Whether this voter starts the team's battles and judges them; viewers only read."""
    if voter is None or voter.user_id is None:
        return False
    return Membership.objects.filter(team=team, user=voter.user_id, role__in=ACTIVE_ROLES).exists()


def bearer_secret(authorization: str) -> str | None:
    """The token in an Authorization header; None if the header is absent or of another scheme.

    Another scheme is not ours to judge: a proxy in front may ask browsers for Basic credentials.
    """
    scheme, _, secret = authorization.strip().partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def user_of_token(secret: str) -> User | None:
    token = ApiToken.objects.select_related("user").filter(digest=ApiToken.digest_of(secret)).first()
    return token.user if token and token.user.is_active else None
