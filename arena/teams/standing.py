"""The verbs of keeping the vote fair: raise and dismiss flags, exclude voters and take them back in."""

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.utils import timezone

from arena.teams.models import Exclusion, Flag, User, Voter
from arena.teams.signals import standing_changed


def raise_flag(voter_id: int, concern: str, evidence: str) -> bool:
    """Whether it is new. What was dismissed stays dismissed; its evidence is kept up to date all the same."""
    flag, is_new = Flag.objects.get_or_create(voter_id=voter_id, concern=concern, defaults={"evidence": evidence})
    if not is_new and flag.evidence != evidence:
        flag.evidence = evidence
        flag.save(update_fields=["evidence", "updated_at"])
    return is_new


def dismiss(flags: Iterable[Flag], by: User) -> int:
    """Somebody has looked, and finds nothing wrong. Returns how many were open."""
    open_ones = Flag.objects.filter(pk__in=[flag.pk for flag in flags], dismissed_at=None)
    return open_ones.update(dismissed_at=timezone.now(), dismissed_by=by)


def reopen(flags: Iterable[Flag]) -> int:
    dismissed = Flag.objects.filter(pk__in=[flag.pk for flag in flags], dismissed_at__isnull=False)
    return dismissed.update(dismissed_at=None, dismissed_by=None)


@transaction.atomic
def exclude(voters: Iterable[Voter], *, by: User, reason: str) -> list[Exclusion]:
    """Leave their ballots out of every board and tally from now on, those they cast later too. Who is excluded
    already stays so, for the reason given then."""
    made = [exclusion for voter in voters if (exclusion := _exclude(voter, by, reason.strip()))]
    _tell(made)
    return made


@transaction.atomic
def take_back(voters: Iterable[Voter], *, by: User) -> list[Exclusion]:
    """Count their ballots again, all of them."""
    lifted = list(Exclusion.objects.in_force().filter(voter__in=[voter.pk for voter in voters]).select_for_update())
    for exclusion in lifted:
        exclusion.lifted_at, exclusion.lifted_by = timezone.now(), by
        exclusion.save(update_fields=["lifted_at", "lifted_by"])
    _tell(lifted)
    return lifted


def _exclude(voter: Voter, by: User, reason: str) -> Exclusion | None:
    """None where an exclusion is in force: the constraint decides when two operators act at once."""
    try:
        with transaction.atomic():
            return Exclusion.objects.create(voter=voter, reason=reason, excluded_by=by)
    except IntegrityError:
        return None


def _tell(changed: list[Exclusion]) -> None:
    if changed:
        transaction.on_commit(_send)


def _send() -> None:
    # Robust: the decision stands; nobody who only listens may turn that into an error page.
    standing_changed.send_robust(sender=Exclusion)
