"""What a visitor fills in to start a battle."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.conf import settings

from arena.battles.budgets import Payer, kept_out
from arena.battles.models import MAX_SIZE, MIN_SIZE, Battle, Pacing
from arena.battles.services import BattleOptions, usual_pacing
from arena.contestants.queries import in_play
from arena.problems.models import Problem
from arena.problems.queries import find_problem
from arena.teams.models import Team

RANDOM = "random"
CHOSEN = "chosen"
BLIND = "blind"
OPEN = "open"


class NewBattleForm(forms.Form):
    """`payer` is who fills it in, `teams` those in whose name they may start battles."""

    prompt = forms.CharField(required=False, strip=False)
    problem = forms.CharField(required=False)
    size = forms.TypedChoiceField(choices=[(n, n) for n in range(MIN_SIZE, MAX_SIZE + 1)], coerce=int, initial=MIN_SIZE)
    draw = forms.ChoiceField(choices=[(RANDOM, "Drawn at random"), (CHOSEN, "I choose")], initial=RANDOM)
    contestants = forms.MultipleChoiceField(required=False)
    names = forms.ChoiceField(choices=[(BLIND, "After my verdict"), (OPEN, "From the start")], initial=BLIND)
    pacing = forms.ChoiceField(required=False)
    team = forms.ChoiceField(required=False)
    system = forms.CharField(required=False, strip=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        payer: Payer,
        teams: Sequence[Team] = (),
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)
        self.payer = payer
        self.teams = teams
        limit = settings.ARENA_PROMPT_MAX_CHARS
        too_long = f"The prompt has %(show_value)s characters; at most {limit:,} are allowed."
        self.fields["prompt"].validators.append(_AtMost(limit, too_long))
        self.fields["size"].error_messages["invalid_choice"] = f"A battle has {MIN_SIZE} to {MAX_SIZE} contestants."
        contestants = self.fields["contestants"]
        assert isinstance(contestants, forms.MultipleChoiceField)
        playing = list(in_play())
        out = kept_out(playing, payer)
        contestants.choices = [(one.slug, one.display_name) for one in playing if one.slug not in out]
        contestants.error_messages["invalid_choice"] = "One you chose is no longer available: choose again."
        pacing = self.fields["pacing"]
        assert isinstance(pacing, forms.ChoiceField)
        pacing.choices = [(one.value, one.label) for one in (Pacing.EVEN, Pacing.TOGETHER, Pacing.LIVE)]
        pacing.initial = usual_pacing(blind=True)
        team = self.fields["team"]
        assert isinstance(team, forms.ChoiceField)
        team.choices = [("", "Whoever has its link"), *((team.slug, f"Only {team.name}") for team in teams)]
        team.error_messages["invalid_choice"] = "You cannot start battles of that team: choose again."

    @staticmethod
    def about(problem: Problem) -> dict[str, Any]:
        """To begin with: a problem of the collection."""
        return {"problem": problem.slug, "prompt": problem.statement}

    @staticmethod
    def again(battle: Battle) -> dict[str, Any]:
        """To begin with: the question of an earlier battle, to be put to others, and seen by as many."""
        prompt = battle.turns.values_list("prompt", flat=True).order_by("index").first() or ""
        slug = battle.problem.slug if battle.problem and battle.problem.statement.strip() == prompt else ""
        team = battle.team.slug if battle.team else ""
        size = battle.seats.count()
        again = {"problem": slug, "prompt": prompt, "size": size, "team": team, "system": battle.system}
        return again | ({"pacing": battle.pacing} if battle.blind else {})

    def clean_team(self) -> Team | None:
        return next((team for team in self.teams if team.slug == self.cleaned_data["team"]), None)

    def clean_problem(self) -> Problem | None:
        slug = self.cleaned_data["problem"]
        problem = find_problem(slug)
        if slug and problem is None:
            raise forms.ValidationError("There is no such problem any more.")
        return problem

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        prompt, problem = _plain(cleaned.get("prompt", "")), cleaned.get("problem")
        if not prompt and not problem and not self.errors.keys() & {"prompt", "problem"}:
            self.add_error("prompt", "Write a question first, or choose a problem.")
        # What stands in the box is what is asked. Only where it is the text of another problem (the choice was
        # changed without scripts) does the choice win.
        if problem and prompt and prompt != _plain(problem.statement) and not _is_a_statement(prompt):
            cleaned["problem"] = None
        if cleaned.get("draw") == CHOSEN and not cleaned.get("contestants") and "contestants" not in self.errors:
            self.add_error("contestants", "Choose at least one contestant, or have them drawn at random.")
        return cleaned

    def options(self) -> BattleOptions:
        cleaned = self.cleaned_data
        return {
            "prompt": cleaned["prompt"],
            "problem": cleaned["problem"],
            "size": cleaned["size"],
            "contestants": cleaned["contestants"] if cleaned["draw"] == CHOSEN else (),
            "blind": cleaned["names"] == BLIND,
            "pacing": cleaned["pacing"] if cleaned["names"] == BLIND else None,
            "system": cleaned["system"],
            "team": cleaned["team"],
            "network": self.payer.network,
        }


class FollowUpForm(forms.Form):
    """The next question to all contestants of a battle."""

    prompt = forms.CharField(strip=False, error_messages={"required": "Write a question first."})


class _AtMost:
    """Refuses longer texts. Django's own validator would say it in other words than the service does."""

    def __init__(self, limit: int, message: str) -> None:
        self.limit = limit
        self.message = message

    def __call__(self, text: str) -> None:
        length = len(_plain(text))
        if length > self.limit:
            raise forms.ValidationError(self.message, params={"show_value": f"{length:,}"})


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").strip()


def _is_a_statement(prompt: str) -> bool:
    return any(_plain(statement) == prompt for statement in Problem.objects.values_list("statement", flat=True))
