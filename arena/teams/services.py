"""Making voters, users and tokens."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction

from arena.teams import admission
from arena.teams.limits import Deed, hold_back_person
from arena.teams.models import ApiToken, Invitation, User, Voter
from arena.teams.queries import VOTER_KEY, current_voter
from arena.teams.visits import visit_of


def ensure_voter(user: AbstractBaseUser | AnonymousUser | None, session: SessionBase) -> Voter:
    """The voter behind this request, made and remembered in the session if there is none yet."""
    if isinstance(user, User):
        return Voter.objects.get_or_create(user=user)[0]
    voter = current_voter(user, session) or _new_visitor(visit_of(session))
    if session.get(VOTER_KEY) != voter.pk:
        session[VOTER_KEY] = voter.pk
    return voter


def _new_visitor(visit: str) -> Voter:
    """One per visit, even where its first deed arrives twice at once."""
    return Voter.objects.get_or_create(visit=visit)[0] if visit else Voter.objects.create()


@contextmanager
def acting_voter(
    user: AbstractBaseUser | AnonymousUser | None, session: SessionBase, deed: Deed, *, network: str = ""
) -> Iterator[Voter]:
    """The voter for one deed, in one transaction: if the deed is refused, no new voter and no cookie remain.

    The session is saved with the deed, or neither is: whoever's ballot stands is known by their cookie.
    Raises a TeamError: AccountNeeded or InvitationNeeded of those who may not take part, TooMany of those who do it
    too often. `network` is where the request comes from.
    """
    hold_back(user, session, deed, network=network)
    with _remembered_voter(user, session) as voter:
        yield voter


def hold_back(user: AbstractBaseUser | AnonymousUser | None, session: SessionBase, deed: Deed, *, network: str) -> None:
    """Counts one deed of this person; who does something for the first time is nobody yet. Raises a TeamError."""
    if barrier := admission.barrier(user, session):
        raise barrier
    person = f"user {user.pk}" if isinstance(user, User) else session.get(VOTER_KEY)
    hold_back_person(deed, str(person or ""), network)


def accept_invitation(
    invitation: Invitation, user: AbstractBaseUser | AnonymousUser | None, session: SessionBase
) -> Voter:
    """Lets this person take part. Raises a TeamError."""
    with _remembered_voter(user, session) as voter:
        admission.accept(invitation, voter)
    return voter


@contextmanager
def _remembered_voter(user: AbstractBaseUser | AnonymousUser | None, session: SessionBase) -> Iterator[Voter]:
    known, key = session.get(VOTER_KEY), session.session_key
    try:
        with transaction.atomic():
            yield ensure_voter(user, session)
            if session.get(VOTER_KEY) != known:
                session.save()
    except BaseException:
        # The row is gone, and its number will be given to somebody else: the session must not keep it.
        if session.get(VOTER_KEY) != known:
            del session[VOTER_KEY]
            session._session_key = key  # so is that of the session
        raise


def issue_token(username: str) -> str:
    """A new bearer token for this user, who is made if need be. The secret is returned and never stored."""
    user, is_new = User.objects.get_or_create(username=username)
    if is_new:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    secret = ApiToken.new_secret()
    ApiToken.objects.create(user=user, digest=ApiToken.digest_of(secret))
    return secret
