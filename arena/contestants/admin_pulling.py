"""Pulling Ollama models in the admin: the form, how far each pull is, and what the servers have."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse

from arena.contestants import pulling, tasks
from arena.contestants.admin_doors import OperatorViews, for_operators, stop
from arena.contestants.admin_forms import PullForm
from arena.contestants.discovery import plain_name
from arena.contestants.errands import State, state_of
from arena.contestants.models import Contestant, Provider, Pull
from arena.contestants.servers import server_of

SHOWN_PULLS = 8


class PullingViews(OperatorViews):
    def pulling_urls(self) -> list[URLPattern]:
        return [
            self.page("pull/", self.pull, "pull"),
            self.page("pull/models/", self.shelves, "shelves"),
            self.page("pull/<int:pk>/stop/", self.stop_pull, "stop_pull"),
        ]

    @for_operators
    def pull(self, request: HttpRequest) -> HttpResponse:
        contestant = _contestant(request)
        form = PullForm(request.POST or None, initial=_starting_values(contestant))
        if request.method == "POST" and form.is_valid():
            self._start_pull(request, form, contestant)
            return HttpResponseRedirect(request.get_full_path())
        pulls = list(Pull.objects.select_related("asked_by")[:SHOWN_PULLS])
        context: dict[str, object] = {
            "title": "Pull an Ollama model",
            "contestant": contestant,
            "form": form,
            "pulls": [(pull, {} if pull.is_over else state_of(pull)) for pull in pulls],
            "is_under_way": any(not pull.is_over for pull in pulls),
            "entered": _entered([pull.model for pull in pulls]),
        }
        return self.show(request, "pull", context)

    @for_operators
    def shelves(self, request: HttpRequest) -> HttpResponse:
        """What every server has: a page of its own, since servers may take their time."""
        found = pulling.shelves()
        models = [stored.model for shelf in found for stored in shelf.stored]
        context: dict[str, object] = {
            "title": "What the Ollama servers have",
            "shelves": found,
            "entered": _entered(models),
        }
        return self.show(request, "shelves", context)

    @for_operators
    def stop_pull(self, request: HttpRequest, pk: int) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        stop(request, get_object_or_404(Pull, pk=pk))
        return HttpResponseRedirect(reverse("admin:contestants_pull"))

    def _start_pull(self, request: HttpRequest, form: PullForm, contestant: Contestant | None) -> None:
        server, model = form.servers[form.cleaned_data["server"]], form.cleaned_data["model"]
        try:
            pull = pulling.start_pull(server, model, asked_by=request.user.pk)
        except pulling.AlreadyPulling:
            messages.warning(request, f"{model} is being pulled already.")
            return
        if contestant:
            self.log_change(request, contestant, f"Pulled {model}.")
        tasks.enqueue(pull)


def may_be_pulled(contestant: Contestant) -> bool:
    return contestant.provider == Provider.OLLAMA and not contestant.simulated


def _contestant(request: HttpRequest) -> Contestant | None:
    """The one that the pull is for, if the address names one."""
    word = request.GET.get("contestant", "")
    is_number = word.isascii() and word.isdigit() and len(word) < 18
    found = Contestant.objects.filter(pk=int(word)).first() if is_number else None
    return found if found and may_be_pulled(found) else None


def _starting_values(contestant: Contestant | None) -> State:
    if contestant is None:
        return {}
    return {"model": contestant.model, "server": server_of(contestant).address}


def _entered(models: list[str]) -> dict[str, Contestant]:
    """The contestants that stand for these models, by the model's name as a server writes it."""
    rows = Contestant.objects.real().filter(provider=Provider.OLLAMA)
    by_name = {plain_name(row.model): row for row in rows}
    return {model: by_name[plain_name(model)] for model in models if plain_name(model) in by_name}
