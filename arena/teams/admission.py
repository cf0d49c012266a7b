"""Who may take part: everybody, people with an account, or those who were invited; and accepting an invitation."""

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.db.models import F

from arena.teams.errors import AccountNeeded, InvitationNeeded, TeamError
from arena.teams.models import Acceptance, Invitation, Membership, User, Voter
from arena.teams.queries import current_voter

Person = AbstractBaseUser | AnonymousUser | None


def barrier(user: Person, session: SessionBase) -> TeamError | None:
    """Why this person may neither start battles nor vote; None if they may. No query where everybody is let in."""
    if not isinstance(user, User) and not settings.ARENA_ANONYMOUS_BATTLES:
        return AccountNeeded("This arena is open to people with an account only: sign in first, or send a token.")
    if settings.ARENA_INVITATION_ONLY and not is_invited(user, current_voter(user, session)):
        return InvitationNeeded("This arena is open to people who were invited: first open the link you were sent.")
    return None


def is_invited(user: Person, voter: Voter | None) -> bool:
    """By a link, into a team, or as one of those who run the arena."""
    if isinstance(user, User) and (user.is_staff or Membership.objects.filter(user=user).exists()):
        return True
    return voter is not None and Acceptance.objects.filter(voter=voter).exists()


def find_invitation(code: str) -> Invitation | None:
    """One that still lets somebody in."""
    return Invitation.objects.open().filter(code=code).first() if code.isprintable() else None


@transaction.atomic
def accept(invitation: Invitation, voter: Voter) -> None:
    """Let this voter in. Who is in already uses nothing up. Raises InvitationNeeded where others were faster."""
    if Acceptance.objects.filter(voter=voter).exists():
        return
    open_one = Invitation.objects.open().filter(pk=invitation.pk)
    # F, not the number that was read: of two who accept the last use at once, one gets it.
    if not open_one.update(uses_left=F("uses_left") - 1):
        raise InvitationNeeded("This invitation does not let anybody in any more. Ask for a new one.")
    Acceptance.objects.create(invitation=invitation, voter=voter)
