"""What operators type in the admin, checked and refused in plain words. A key typed by mistake is never repeated."""

import json
from typing import Any

from django import forms
from django.core.validators import EMPTY_VALUES
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput

from arena.contestants import pulling, trying
from arena.contestants.models import MAX_WEIGHT, Contestant
from arena.contestants.servers import ARENAS_OWN

_JSON_HELP = {
    "options": 'A JSON object, sent along with each request: {"temperature": 0.6, "num_ctx": 16384}',
    "sources": 'A JSON list: [{"title": "Model card", "url": "https://…"}]',
    "benchmarks": (
        'A JSON list: [{"name": "AIME 2024", "score": 50.0, "unit": "%", "source": "Its maker", "url": "https://…"}]'
    ),
}


class JSONField(forms.JSONField):
    """Says where the JSON breaks, instead of repeating it, and shows it again as it was typed."""

    def __init__(self, *args: Any, empty: object, **kwargs: Any) -> None:
        self._empty = empty
        super().__init__(*args, required=False, initial=empty, **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str) and value.strip():
            try:
                json.loads(value)
            except (ValueError, RecursionError) as error:
                raise forms.ValidationError(f"This is not JSON: {_where(error)}.", code="invalid") from None
        found = super().to_python(value)
        # Django asks no validator about what is empty, and would take a list of nothing for a table of nothing.
        return self._empty if found in EMPTY_VALUES else found

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial if self.disabled or data is None else InvalidJSONInput(data)


class ContestantForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    weight = forms.FloatField(
        required=False,
        initial=1,
        min_value=0,
        max_value=MAX_WEIGHT,
        help_text="1, or empty: like the others. 2: twice as readily. 0: never, unless someone chooses it.",
    )
    options = JSONField(empty={}, widget=forms.Textarea(attrs={"rows": 5}), help_text=_JSON_HELP["options"])
    sources = JSONField(empty=[], widget=forms.Textarea(attrs={"rows": 4}), help_text=_JSON_HELP["sources"])
    benchmarks = JSONField(
        empty=[],
        label="Published figures",
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=_JSON_HELP["benchmarks"],
    )
    strategy = JSONField(
        empty={}, widget=forms.Textarea(attrs={"rows": 2}), help_text='{} or {"kind": "plain"}: asked once.'
    )

    class Meta:
        model = Contestant
        fields = ["name", "slug", "base_url", "system", "description"]  # the admin names all of them
        labels = {
            "base_url": "Address",
            "first_token_timeout_s": "Until the first token",
            "silence_timeout_s": "Silence afterwards",
            "deadline_s": "All in all",
            "price_in_usd_per_mtok": "Input",
            "price_out_usd_per_mtok": "Output",
            "price_source": "Where that is from",
            "context_tokens": "Context (tokens)",
        }
        widgets = {"system": forms.Textarea(attrs={"rows": 4}), "description": forms.Textarea(attrs={"rows": 4})}

    def full_clean(self) -> None:
        """What was refused here may be a key or a password: it is not shown again."""
        super().full_clean()
        if refused := [name for name in ("api_key_env", "base_url") if name in self.errors]:
            self.data = {**self.data.dict(), **dict.fromkeys(refused, "")}  # type: ignore[attr-defined]  # a QueryDict

    def clean_api_key_env(self) -> str:
        name = str(self.cleaned_data["api_key_env"])
        if name in ARENAS_OWN:
            raise forms.ValidationError(f"{name} is the arena's own, and no model server's key.", code="invalid")
        return name

    def clean_weight(self) -> float:
        weight = self.cleaned_data["weight"]
        return 1.0 if weight is None else float(weight)

    def clean_never_meets(self) -> QuerySet[Contestant]:
        """It never meets itself anyway."""
        apart: QuerySet[Contestant] = self.cleaned_data["never_meets"]
        return apart.exclude(pk=self.instance.pk) if self.instance.pk else apart

    def clean_base_url(self) -> str:
        return str(self.cleaned_data["base_url"]).strip().rstrip("/")


class ActiveForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """A row of the list: its box says whose it is, for those who hear the page."""

    class Meta:
        model = Contestant
        fields = ["active"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["active"].widget.attrs["aria-label"] = f"{self.instance} is active"


class TrialForm(forms.Form):
    prompt = forms.CharField(
        label="What to ask",
        max_length=trying.PROMPT_MAX_CHARS,
        initial=trying.QUESTION,
        widget=forms.Textarea(attrs={"rows": 2, "cols": 60}),
        error_messages={"required": "Write what it is to be asked."},
    )


class PullForm(forms.Form):
    server = forms.ChoiceField(label="Ollama server", widget=forms.Select)
    model = forms.CharField(
        label="Model",
        max_length=200,
        help_text="As on ollama.com: qwq, qwq:32b or gemma2:27b. Or from Hugging Face: hf.co/name/model:Q4_K_M.",
        widget=forms.TextInput(attrs={"autocapitalize": "none", "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": "Write which model to pull."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.servers = pulling.servers()
        server = self.fields["server"]
        assert isinstance(server, forms.ChoiceField)
        server.choices = [(address, address) for address in self.servers]
        if len(self.servers) == 1:
            server.initial = next(iter(self.servers))

    def clean_model(self) -> str:
        try:
            return pulling.model_name(str(self.cleaned_data["model"]))
        except ValueError as error:
            raise forms.ValidationError(str(error), code="invalid") from None


def _where(error: ValueError | RecursionError) -> str:
    return f"{error.msg.lower()} (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else "unreadable"
