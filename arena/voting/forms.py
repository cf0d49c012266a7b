"""The ballot as a form: a row of fields for each slot, then the pick and the comment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms

from arena.battles.queries import BlindBattle
from arena.voting.models import TIE, Judgement, Tag
from arena.voting.queries import last_responses
from arena.voting.services import BallotOptions

NO_PICK = ""


@dataclass(frozen=True, slots=True)
class SlotRow:
    """The fields of one slot; `steps` is how many numbered steps its last response has."""

    slot: str
    steps: int
    verdict: forms.BoundField
    first_flaw: forms.BoundField
    tags: forms.BoundField


class BallotForm(forms.Form):
    """Whether a slot, step or tag exists is for the service to say; the form only reads what was sent."""

    comment = forms.CharField(required=False)

    def __init__(self, battle: BlindBattle, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        self.slots = battle.slots
        self._steps = {slot: len(response.steps) for slot, response in last_responses(battle).items()}
        for slot in self.slots:
            for name, field in _fields_of(slot).items():
                self.fields[f"{name}-{slot}"] = field
        picks = [*((slot, slot) for slot in self.slots), (TIE, "Tie"), (NO_PICK, "No pick")]
        self.fields["best"] = forms.ChoiceField(
            choices=picks, required=False, initial=NO_PICK, error_messages={"invalid_choice": "Pick a slot or a tie."}
        )

    def rows(self) -> Iterator[SlotRow]:
        for slot in self.slots:
            yield SlotRow(
                slot,
                self._steps.get(slot, 0),
                *(self[f"{name}-{slot}"] for name in ("verdict", "first_flaw", "tags")),
            )

    def options(self) -> BallotOptions:
        """A step or tags given before the verdict was changed from "flawed" are dropped."""
        cleaned = self.cleaned_data
        flawed = [slot for slot in self.slots if cleaned[f"verdict-{slot}"] == Judgement.FLAWED]
        return {
            "verdicts": {slot: cleaned[f"verdict-{slot}"] for slot in self.slots},
            "best": cleaned["best"] or None,
            "first_flaws": {slot: step for slot in flawed if (step := cleaned[f"first_flaw-{slot}"]) is not None},
            "tags": {slot: tags for slot in flawed if (tags := cleaned[f"tags-{slot}"])},
            "comment": cleaned["comment"],
        }

    def refuse(self, sentence: str, field: str) -> None:
        """Put the service's sentence beside the field it is about, as near as the service can tell."""
        self.add_error(field if field in self.fields else None, sentence)


def unsure_ballot(slots: Sequence[str]) -> BallotOptions:
    """The ballot of someone who cannot tell and only wants to see the names."""
    return {"verdicts": dict.fromkeys(slots, Judgement.UNSURE.value), "best": None}


def _fields_of(slot: str) -> dict[str, forms.Field]:
    missing = f"Say what you think of {slot}."
    return {
        "verdict": forms.ChoiceField(
            choices=Judgement.choices, error_messages={"required": missing, "invalid_choice": missing}
        ),
        "first_flaw": forms.IntegerField(
            required=False, min_value=1, error_messages={"invalid": "A step is a whole number."}
        ),
        "tags": forms.MultipleChoiceField(choices=Tag.choices, required=False),
    }
