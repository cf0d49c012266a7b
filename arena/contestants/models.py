"""Who answers: an LLM entered in the arena, with what is needed to call it; and what operators have done for it."""

import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.deconstruct import deconstructible

from arena.contestants import checks
from arena.contestants.checks import Check
from arena.contestants.nearness import is_near, is_ollama_cloud

VARIABLE_NAME = r"^[A-Z_][A-Z0-9_]*\Z"
MAX_WEIGHT = 100
KEY_ADVICE = "must be the NAME of the variable that holds the key, such as OPENAI_API_KEY, never the key."


@deconstructible
class Holds:
    """A form's field has to pass the same check as the catalogue's."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def __call__(self, value: object) -> None:
        if complaint := self.check(value):
            raise ValidationError(f"This {complaint}" if complaint.startswith(("must", "may", "knows")) else complaint)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Holds) and self.check == other.check

    def __hash__(self) -> int:
        return hash(self.check)


_PRICE = (MinValueValidator(0), MaxValueValidator(checks.MAX_USD_PER_MTOK))
_SECONDS = (MinValueValidator(0.001), MaxValueValidator(checks.MAX_TIMEOUT_S))


class Provider(models.TextChoices):
    """The wire protocol a contestant's server speaks."""

    OLLAMA = "ollama", "Ollama"
    OPENAI = "openai", "OpenAI chat completions"
    OPENAI_RESPONSES = "openai-responses", "OpenAI Responses"
    ANTHROPIC = "anthropic", "Anthropic Messages"


class Source(models.TextChoices):
    """Where an entry comes from."""

    CATALOGUE = "catalogue", "catalogue"
    DISCOVERED = "discovered", "found on a server"
    SIMULATOR = "simulator", "simulated"
    ADMIN = "admin", "entered by hand"


class ContestantQuerySet(models.QuerySet["Contestant"]):
    def active(self) -> "ContestantQuerySet":
        return self.filter(active=True)

    def available(self) -> "ContestantQuerySet":
        return self.active().filter(is_available=True)

    def real(self) -> "ContestantQuerySet":
        return self.filter(simulated=False)

    def without_facts(self) -> "ContestantQuerySet":
        """As a draw needs them: what is only to be read about a contestant is left where it is."""
        return self.defer("description", "benchmarks", "sources", "price_source", "unavailable_because")


class Contestant(models.Model):
    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=120)
    provider = models.CharField(max_length=20, choices=Provider)
    model = models.CharField(max_length=200, help_text="The model's id at its server.")
    base_url = models.CharField(
        max_length=300, blank=True, help_text="Empty: the provider's default.", validators=[Holds(checks.base_url)]
    )
    api_key_env = models.CharField(
        "key variable",
        max_length=80,
        blank=True,
        help_text="Name of the variable that holds the key, never the key.",
        validators=[RegexValidator(VARIABLE_NAME, f"This {KEY_ADVICE}")],
    )
    vendor = models.CharField(max_length=80, blank=True, help_text="Who made it.")
    family = models.CharField(max_length=80, blank=True, help_text="What its vendor calls the line it belongs to.")
    description = models.TextField(blank=True)
    params_b = models.FloatField(
        "parameters (billions)",
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(checks.MAX_PARAMS_B)],
    )
    context_tokens = models.PositiveIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(checks.MAX_CONTEXT_TOKENS)]
    )
    license = models.CharField(max_length=80, blank=True)
    released_on = models.DateField(null=True, blank=True)
    retired_on = models.DateField(null=True, blank=True, help_text="When its vendor stopped, or will stop, serving it.")
    # [{"name", "score", "unit", "source", "url"}, …]: what others have measured.
    benchmarks = models.JSONField("published figures", default=list, blank=True, validators=[Holds(checks.benchmarks)])
    # [{"title", "url"}, …]: where the facts are from.
    sources = models.JSONField(default=list, blank=True, validators=[Holds(checks.sources)])
    price_in_usd_per_mtok = models.FloatField(null=True, blank=True, validators=_PRICE)
    price_out_usd_per_mtok = models.FloatField(null=True, blank=True, validators=_PRICE)
    price_source = models.CharField(max_length=300, blank=True, help_text="Where the prices are from, with a date.")
    opens_with_reasoning = models.BooleanField(
        default=False, help_text="Its stream begins inside the reasoning, without an opening tag."
    )
    options = models.JSONField(
        default=dict, blank=True, help_text="Passed to the model server.", validators=[Holds(checks.options)]
    )
    system = models.TextField("system prompt", blank=True, help_text="Put before a battle's own.")
    # Empty: the arena's settings.
    first_token_timeout_s = models.FloatField(null=True, blank=True, validators=_SECONDS)
    silence_timeout_s = models.FloatField(null=True, blank=True, validators=_SECONDS)
    deadline_s = models.FloatField(null=True, blank=True, validators=_SECONDS)
    strategy = models.JSONField(default=dict, blank=True, validators=[Holds(checks.strategy)])
    source = models.CharField(max_length=12, choices=Source, default=Source.ADMIN)
    simulated = models.BooleanField(default=False)
    active = models.BooleanField(default=True, help_text="Off: never drawn; keeps its place on the leaderboard.")
    weight = models.FloatField(
        default=1.0,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_WEIGHT)],
        help_text="How readily it is drawn beside the others; 0: never, unless someone chooses it.",
    )
    never_meets = models.ManyToManyField(
        "self", blank=True, help_text="No battle has it together with any of these. It holds both ways."
    )

    is_available = models.BooleanField(default=False, editable=False)
    unavailable_because = models.CharField(max_length=200, blank=True, editable=False)
    checked_at = models.DateTimeField(null=True, blank=True, editable=False)
    # The median of its latest answers, hidden reasoning included: what the next one is expected to have.
    usual_output_tokens = models.PositiveIntegerField(null=True, blank=True, editable=False)
    # Its server turned it away and would do so again: others are drawn before it for a while. For operators only: shown
    # to voters, right after a failure in a blind battle, it would tell who failed there.
    passed_over_until = models.DateTimeField(null=True, blank=True, editable=False)
    passed_over_because = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ContestantQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]
        constraints = [
            # Two workers may look at the same server at the same moment.
            models.UniqueConstraint(
                fields=["provider", "base_url", "model"],
                condition=models.Q(source="discovered"),
                name="found_model_is_entered_once",
            )
        ]

    def __str__(self) -> str:
        return self.display_name

    def clean(self) -> None:
        """What no field knows by itself; the fields' own checks are the catalogue's."""
        if self.simulated and self.base_url:
            raise ValidationError("A simulated contestant has no base URL.")
        if self.released_on and self.retired_on and self.retired_on < self.released_on:
            raise ValidationError("It cannot retire before its release.")

    @property
    def display_name(self) -> str:
        """The name wherever one may be shown: a simulated contestant always says so."""
        return f"{self.name} (simulated)" if self.simulated else self.name

    @property
    def runs_here(self) -> bool:
        """On one's own machine or network, where nobody asks for money. Not Ollama's cloud models: an Ollama that is
        near passes their prompts on."""
        if self.provider != Provider.OLLAMA or is_ollama_cloud(self.model):
            return False
        return is_near(self.base_url or settings.OLLAMA_HOST)

    @property
    def is_passed_over(self) -> bool:
        return self.passed_over_until is not None and self.passed_over_until > timezone.now()

    @property
    def is_free(self) -> bool:
        """Asking it twice costs nobody money."""
        prices = (self.price_in_usd_per_mtok, self.price_out_usd_per_mtok)
        return prices == (0, 0) if None not in prices else self.simulated or self.runs_here


class DrawAim(models.Model):
    """What the next draws are to find out, in the one row there is: the leaderboard writes it, the draw reads it."""

    # [[id, id, share of the next battles], …]: pairs of contestants that the ballots leave open.
    pairs = models.JSONField(default=list)
    # [id, …]: contestants in too few battles to be told apart.
    newcomers = models.JSONField(default=list)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = "aim of the draw"
        verbose_name_plural = "aim of the draw"

    def __str__(self) -> str:
        return f"aim as of {self.updated_at:%Y-%m-%d %H:%M:%S}"


class ErrandStatus(models.TextChoices):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


UNDER_WAY = (ErrandStatus.WAITING, ErrandStatus.RUNNING)


def new_run() -> str:
    return uuid.uuid4().hex


class Errand(models.Model):
    """Something that an operator has a worker do. How far it is while it runs is in Redis, under its run."""

    status = models.CharField(max_length=10, choices=ErrandStatus, default=ErrandStatus.WAITING)
    run = models.CharField(max_length=32, default=new_run, editable=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    failure_code = models.CharField(max_length=40, blank=True)
    failure_message = models.CharField(max_length=300, blank=True)
    story = models.TextField(blank=True, help_text="What the server said. It names servers, and never holds a key.")
    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @property
    def is_over(self) -> bool:
        return self.status not in UNDER_WAY


class Trial(Errand):
    """One short request to a contestant, outside any battle."""

    contestant = models.ForeignKey(Contestant, on_delete=models.CASCADE, related_name="trials")
    prompt = models.TextField()
    max_tokens = models.PositiveIntegerField()
    reasoning = models.TextField(blank=True)
    answer = models.TextField(blank=True)
    is_truncated = models.BooleanField(default=False)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    reasoning_tokens = models.PositiveIntegerField(null=True, blank=True)
    cost_usd = models.FloatField(null=True, blank=True)
    cost_source = models.CharField(max_length=300, blank=True)
    first_token_ms = models.PositiveIntegerField(null=True, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["contestant"],
                condition=models.Q(status__in=UNDER_WAY),
                name="one_trial_of_a_contestant_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"trial {self.pk} of {self.contestant}"


class Pull(Errand):
    """An Ollama server told to fetch a model. `server` is its address, without user and password."""

    server = models.CharField(max_length=300)
    model = models.CharField(max_length=200)
    attempt = models.PositiveSmallIntegerField(default=1)
    total_bytes = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["server", "model"],
                condition=models.Q(status__in=UNDER_WAY),
                name="a_model_is_pulled_once_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} at {self.server}"
