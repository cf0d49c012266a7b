"""Trying contestants in the admin: what a trial may cost, its form, and how it goes."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse

from arena.contestants import tasks, trying
from arena.contestants.admin_doors import OperatorViews, for_operators, stop
from arena.contestants.admin_forms import TrialForm
from arena.contestants.errands import State, state_of
from arena.contestants.models import Contestant, Trial

SHOWN_TRIALS = 8
CHOSEN_MAX = 20


@dataclass(frozen=True)
class Candidate:
    """A contestant with what a trial may cost, and its last one."""

    contestant: Contestant
    trial: Trial | None

    @property
    def max_tokens(self) -> int:
        return trying.token_limit(self.contestant)

    @property
    def most_usd(self) -> float | None:
        return trying.most_usd(self.contestant)

    @property
    def is_busy(self) -> bool:
        return self.trial is not None and not self.trial.is_over


class TryingViews(OperatorViews):
    def trying_urls(self) -> list[URLPattern]:
        return [
            self.page("try/", self.try_several, "try_several"),
            self.page("<int:pk>/try/", self.try_one, "try"),
            self.page("trial/<int:pk>/stop/", self.stop_trial, "stop_trial"),
        ]

    @admin.action(description="Try these contestants: one short request each", permissions=["change"])
    def try_chosen(self, request: HttpRequest, queryset: QuerySet[Contestant]) -> HttpResponse | None:
        chosen = [str(pk) for pk in queryset.values_list("pk", flat=True)[: CHOSEN_MAX + 1]]
        if len(chosen) > CHOSEN_MAX:
            messages.error(request, f"Choose at most {CHOSEN_MAX}: each request costs money.")
            return None
        return HttpResponseRedirect(f"{reverse('admin:contestants_try_several')}?of={','.join(chosen)}")

    @for_operators
    def try_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The form, and the contestant's trials, the newest of them in full."""
        contestant = get_object_or_404(Contestant, pk=pk)
        form = TrialForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            self._start_trials(request, [contestant], form.cleaned_data["prompt"])
            return HttpResponseRedirect(request.path)
        trials = list(contestant.trials.select_related("asked_by")[: SHOWN_TRIALS + 1])
        newest = trials[0] if trials else None
        context: dict[str, object] = {
            "title": f"Try {contestant.display_name}",
            "contestant": contestant,
            "candidate": Candidate(contestant, newest),
            "form": form,
            "trial": newest,
            "shown": _shown(newest) if newest else {},
            "earlier": trials[1:],
            "limit_s": trying.LIMIT_S,
        }
        return self.show(request, "try", context)

    @for_operators
    def try_several(self, request: HttpRequest) -> HttpResponse:
        """The contestants named in `of`, each with its last trial."""
        chosen = Contestant.objects.filter(pk__in=_numbers(request.GET.get("of", "")))
        candidates = [Candidate(contestant, contestant.trials.first()) for contestant in chosen]
        form = TrialForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            free = [candidate.contestant for candidate in candidates if not candidate.is_busy]
            self._start_trials(request, free, form.cleaned_data["prompt"])
            return HttpResponseRedirect(request.get_full_path())
        prices = [candidate.most_usd for candidate in candidates]
        context: dict[str, object] = {
            "title": "Try contestants",
            "candidates": candidates,
            "form": form,
            "most_usd": sum(price for price in prices if price is not None),
            "unpriced": prices.count(None),
            "busy": sum(candidate.is_busy for candidate in candidates),
        }
        return self.show(request, "try_several", context)

    @for_operators
    def stop_trial(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        trial = get_object_or_404(Trial, pk=pk)
        stop(request, trial)
        return HttpResponseRedirect(reverse("admin:contestants_try", args=[trial.contestant_id]))

    def _start_trials(self, request: HttpRequest, contestants: Sequence[Contestant], prompt: str) -> None:
        for contestant in contestants:
            try:
                trial = trying.start_trial(contestant, prompt=prompt, asked_by=request.user.pk)
            except trying.AlreadyTrying:
                messages.warning(request, f"{contestant} is being tried already: one request at a time.")
                continue
            self.log_change(request, contestant, "Tried it with one short request.")
            tasks.enqueue(trial)


def _shown(trial: Trial) -> State:
    """What there is to see of it: from the row once it is over, until then as its worker tells."""
    if not trial.is_over:
        return state_of(trial)
    names = ("reasoning", "answer", "first_token_ms", "duration_ms")
    return {name: getattr(trial, name) for name in names}


def _numbers(words: str) -> list[int]:
    """At most CHOSEN_MAX, as an address gives them; what is no number is left out."""
    return [int(word) for word in words.split(",")[:CHOSEN_MAX] if word.isascii() and word.isdigit() and len(word) < 18]
