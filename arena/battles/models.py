"""The blind contest: a battle has slots with contestants, turns with prompts, and a response for each.

And what each response is charged with, for the budgets.
"""

import uuid

from django.db import models
from django.urls import reverse
from django.utils import timezone

from arena.contestants.models import Contestant
from arena.problems.models import Problem
from arena.teams.models import Membership, Team, Voter

SLOTS = "ABCDEF"
MIN_SIZE = 2
MAX_SIZE = len(SLOTS)


class BattleStatus(models.TextChoices):
    RUNNING = "running"
    FINISHED = "finished"


class Pacing(models.TextChoices):
    """How text reaches the browsers of a battle (see `pacing.py`)."""

    LIVE = "live", "As it comes"
    EVEN = "even", "At one pace"
    TOGETHER = "together", "When all are done"


class BattleQuerySet(models.QuerySet["Battle"]):
    def visible_to(self, voter: Voter | None) -> "BattleQuerySet":
        """A team's battle is for its members alone. Any other is unlisted, not secret: whoever has its link, an
        unguessable id, may watch and vote."""
        if voter is None or voter.user_id is None:
            return self.filter(team=None)
        own_teams = Membership.objects.filter(user=voter.user_id).values("team")
        return self.filter(models.Q(team=None) | models.Q(team__in=own_teams))

    def locked(self) -> "BattleQuerySet":
        """Locked until the transaction ends, so that what is read stays true.

        Everybody locks in this order, or two would wait for each other: battle, its responses, the day of the budgets,
        charges, contestants.
        """
        return self.select_for_update()

    def listed_for(self, voter: Voter | None) -> "BattleQuerySet":
        """The battles this voter started and may see, newest first, as lists need them."""
        own = self.filter(started_by=voter) if voter else self.none()
        return own.visible_to(voter).for_list()

    def of_team(self, team: Team, voter: Voter | None) -> "BattleQuerySet":
        """The team's battles, whoever started them, if this voter may see them; newest first."""
        return self.filter(team=team).visible_to(voter).for_list()

    def for_list(self) -> "BattleQuerySet":
        """With their problems and teams, and without the long texts."""
        texts = ("system", "problem__statement", "problem__answer", "problem__notes")
        return self.select_related("problem", "team").defer(*texts).order_by("-created_at", "-id")


class Battle(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    started_by = models.ForeignKey(Voter, on_delete=models.SET_NULL, null=True, related_name="battles")
    problem = models.ForeignKey(Problem, on_delete=models.SET_NULL, null=True, blank=True, related_name="battles")
    # PROTECT: without its team the battle would be anybody's to read.
    team = models.ForeignKey(Team, on_delete=models.PROTECT, null=True, blank=True, related_name="battles")
    system = models.TextField("system prompt", blank=True)
    blind = models.BooleanField(default=True)
    pacing = models.CharField(max_length=10, choices=Pacing, default=Pacing.LIVE)
    status = models.CharField(max_length=10, choices=BattleStatus, default=BattleStatus.RUNNING)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # Set when the first voter sees the names: from then on nothing that was judged may change.
    revealed_at = models.DateTimeField(null=True, blank=True)

    objects = BattleQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["started_by", "-created_at"]),
            models.Index(fields=["team", "-created_at"]),
            models.Index(fields=["status"]),  # the sweep asks each few seconds for those that run
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def get_absolute_url(self) -> str:
        return reverse("battle", args=[self.pk])

    @property
    def is_running(self) -> bool:
        return self.status == BattleStatus.RUNNING


class Seat(models.Model):
    """A contestant's anonymous place in a battle."""

    battle = models.ForeignKey(Battle, on_delete=models.CASCADE, related_name="seats")
    slot = models.CharField(max_length=1)
    contestant = models.ForeignKey(Contestant, on_delete=models.PROTECT, related_name="seats")

    class Meta:
        ordering = ["slot"]
        constraints = [
            models.UniqueConstraint(fields=["battle", "slot"], name="one_contestant_per_slot"),
            models.UniqueConstraint(fields=["battle", "contestant"], name="contestant_never_meets_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.slot} of {self.battle_id}"


class Turn(models.Model):
    """One prompt, put to every contestant of the battle."""

    battle = models.ForeignKey(Battle, on_delete=models.CASCADE, related_name="turns")
    index = models.PositiveSmallIntegerField()
    prompt = models.TextField()
    asks_for_identity = models.BooleanField(default=False, help_text="It asks the contestants who they are.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["index"]
        constraints = [models.UniqueConstraint(fields=["battle", "index"], name="one_turn_per_index")]

    def __str__(self) -> str:
        return f"turn {self.index} of {self.battle_id}"


class ResponseStatus(models.TextChoices):
    WAITING = "waiting"
    STREAMING = "streaming"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"


TERMINAL = (ResponseStatus.FINISHED, ResponseStatus.FAILED, ResponseStatus.STOPPED)


class ResponseQuerySet(models.QuerySet["Response"]):
    def running(self) -> "ResponseQuerySet":
        return self.exclude(status__in=TERMINAL)


class Response(models.Model):
    """One contestant's output in a turn. Texts are saved once, when the response ends."""

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="responses")
    seat = models.ForeignKey(Seat, on_delete=models.CASCADE, related_name="responses")
    status = models.CharField(max_length=10, choices=ResponseStatus, default=ResponseStatus.WAITING)
    attempt = models.PositiveSmallIntegerField(default=1)
    replays = models.PositiveSmallIntegerField(
        default=0, help_text="Attempts made by itself after a worker died, since a person last asked."
    )
    queued_at = models.DateTimeField(default=timezone.now)
    asked_alone = models.BooleanField(default=False, help_text="Somebody had it, and no other slot, asked again.")
    run = models.CharField(max_length=32, blank=True, help_text="The worker's run that plays, or played, it.")
    # Of a response that has ended, and whose text is not shown to its end yet: the status that it then gets. All else
    # of its end is saved already, for nobody to read.
    ended_as = models.CharField(max_length=10, blank=True, editable=False)
    # Not of the battle: a slot may be asked again while the stop of the others is still on its way.
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    reasoning = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    raw = models.TextField(blank=True, help_text="As the server sent it, tags included; empty if the same.")
    # [[start, end], …]: the numbered steps of the reasoning, or of the answer where no reasoning is shared.
    steps = models.JSONField(default=list, blank=True)
    # [["r" or "a", start, end], …]: where reasoning and answer say who wrote them, in order. Masked before the reveal.
    named_itself = models.JSONField(default=list, blank=True)
    is_split_inferred = models.BooleanField(default=False)
    is_truncated = models.BooleanField(default=False)
    failure_code = models.CharField(max_length=30, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)

    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    reasoning_tokens = models.PositiveIntegerField(null=True, blank=True)
    cached_input_tokens = models.PositiveIntegerField(null=True, blank=True, help_text="Of the input tokens.")
    cost_usd = models.FloatField(null=True, blank=True)
    price_source = models.CharField(max_length=300, blank=True, help_text="How the cost is known.")
    # What earlier attempts are known to have cost: they are dropped, the money is spent.
    earlier_cost_usd = models.FloatField(null=True, blank=True)
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)
    tokens_per_second = models.FloatField(null=True, blank=True, help_text="From the first token to the last.")
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ResponseQuerySet.as_manager()

    may_be_charged = True  # where nobody has looked; no charge is made while it plays

    class Meta:
        ordering = ["turn__index", "seat__slot"]
        constraints = [models.UniqueConstraint(fields=["turn", "seat"], name="one_response_per_turn_and_slot")]
        # Not only of those that run: SQLite uses a partial index only where it is certain that it holds, and never for
        # a status that is a parameter. It also holds all that is asked of every finished response: SQLite keeps a row's
        # columns in order, so that whoever wants one of the last must read through the texts, megabytes of them.
        indexes = [
            models.Index(
                fields=["status", "id", "turn", "seat", "output_tokens", "first_token_ms", "cost_usd"],
                name="responses_without_their_texts",
            )
        ]

    def __str__(self) -> str:
        return f"response {self.pk}"


class SpendingDay(models.Model):
    """A UTC calendar day on which a budget was in force. Its row is locked while somebody looks whether a budget
    allows what they want to start, so that no two see the same money."""

    day = models.DateField(primary_key=True)
    # Without it, the digests of the day's network addresses are noise: it is forgotten when the next day begins.
    salt = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name_plural = "spending today"

    def __str__(self) -> str:
        return str(self.day)


class Charge(models.Model):
    """What one attempt of a response costs, in nanodollars: until it is settled, what it is expected to.

    Nanodollars (1e-9 USD) because most prices are whole nanodollars per token, and whole numbers add up exactly in
    either database; SQLite would add decimals as floats. A response that costs nothing has none.
    """

    day = models.DateField(help_text="When it was asked, in UTC.")
    # A battle that is deleted does not give its money back.
    response = models.ForeignKey(Response, on_delete=models.SET_NULL, null=True, related_name="charges")
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, related_name="charges")
    visitor = models.ForeignKey(Voter, on_delete=models.SET_NULL, null=True, related_name="charges")
    network = models.CharField(max_length=32, blank=True, help_text="A digest of the visitor's network address.")
    nano_usd = models.BigIntegerField()
    prompt_tokens = models.PositiveIntegerField(help_text="How long its prompt is, by our own count.")
    is_settled = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["response"], condition=models.Q(is_settled=False), name="one_open_charge_per_response"
            )
        ]
        indexes = [
            models.Index(fields=["day", "nano_usd"]),  # holds the whole sum of a day
            models.Index(fields=["day", "team"]),
            models.Index(fields=["day", "visitor"]),
            models.Index(fields=["day", "network"]),
        ]

    def __str__(self) -> str:
        return f"charge {self.pk}"
