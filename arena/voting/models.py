"""What people say: a ballot is one voter's judgement of one battle, with a verdict for every slot."""

from django.db import models

from arena.battles.models import Battle, Seat
from arena.teams.models import Exclusion, Voter


class Judgement(models.TextChoices):
    """A verdict on the reasoning of one slot."""

    CORRECT = "correct", "Correct"
    FLAWED = "flawed", "Flawed"
    UNSURE = "unsure", "Can't tell"


class Tag(models.TextChoices):
    SKIPPED_STEPS = "skipped-steps", "skipped steps"
    CIRCULAR = "circular", "circular"
    ARITHMETIC_SLIP = "arithmetic-slip", "arithmetic slip"
    WRONG_ANSWER = "wrong-answer", "wrong answer"
    RIGHT_ANSWER_WRONG_REASONING = "right-answer-wrong-reasoning", "right answer, wrong reasoning"
    MIXED_LANGUAGES = "mixed-languages", "mixed languages"
    NO_ANSWER = "no-answer", "did not answer"
    TOO_LONG = "too-long", "too long"


class Uncounted(models.TextChoices):
    """Why a ballot is kept but not ranked."""

    OPEN = "open", "The names were shown from the start."
    SLOT_FAILED = "slot-failed", "A contestant did not finish."
    NAMED_ITSELF = "named-itself", "A contestant said who it is."
    ASKED_WHO = "asked-who", "The question asked the contestants who they are."
    ASKED_ALONE = "asked-alone", "A contestant was asked again, alone: its own speed could be seen."


TIE = "tie"


class BallotQuerySet(models.QuerySet["Ballot"]):
    def heard_by(self, voter: Voter | None) -> "BallotQuerySet":
        """Without those of voters the operator has excluded, of which only they themselves see their own."""
        excluded = Exclusion.objects.in_force()
        if voter is not None:
            excluded = excluded.exclude(voter=voter)
        return self.exclude(voter__in=excluded.values("voter"))


class Ballot(models.Model):
    battle = models.ForeignKey(Battle, on_delete=models.CASCADE, related_name="ballots")
    voter = models.ForeignKey(Voter, on_delete=models.CASCADE, related_name="ballots")
    best = models.CharField(max_length=3, blank=True, help_text="A slot, 'tie', or empty: no pick.")
    comment = models.TextField(blank=True)
    uncounted_because = models.CharField(max_length=20, choices=Uncounted, blank=True)
    cast_at = models.DateTimeField(auto_now_add=True)

    objects = BallotQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["battle", "voter"], name="one_ballot_per_voter_and_battle")]

    def __str__(self) -> str:
        return f"ballot {self.pk}"


class Verdict(models.Model):
    ballot = models.ForeignKey(Ballot, on_delete=models.CASCADE, related_name="verdicts")
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="verdicts")
    judgement = models.CharField(max_length=10, choices=Judgement)
    first_flaw = models.PositiveIntegerField(null=True, blank=True, help_text="The first flawed step, from 1.")
    tags = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["seat__slot"]
        constraints = [models.UniqueConstraint(fields=["ballot", "seat"], name="one_verdict_per_slot")]

    def __str__(self) -> str:
        return f"{self.judgement} for seat {self.seat_id}"
