"""The catalogue's files: what is shipped, what may be overridden, and what each mistake is called."""

from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest
from django.conf import LazySettings

from arena.contestants import catalogue
from arena.contestants.catalogue import CatalogueError, Entry, read_catalogue
from arena.contestants.models import Contestant, Source
from arena.contestants.services import load_catalogue

GOOD = '[[contestant]]\nslug = "mine"\nname = "Mine"\nprovider = "openai"\nmodel = "m"\n'


def own(tmp_path: Path, text: str) -> str:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def entry_of(slug: str, file: str = "") -> Entry:
    return next(entry for entry in read_catalogue(file) if entry.slug == slug)


def test_contestants_of_the_founding_articles_are_shipped() -> None:
    names = {entry.name for entry in read_catalogue()}
    assert names >= {"QwQ 32B", "QwQ-32B-Preview", "Gemma 2 27B", "Gemma 2 9B", "Llama 3.3 70B", "Marco-o1", "o1"}
    assert names >= {"o1-preview", "o1-mini", "GPT-4o", "Claude 3.5 Sonnet", "Claude 3.5 Haiku", "Claude Haiku 4.5"}


def test_simulated_contestants_are_shipped_and_say_so() -> None:
    simulated = {entry.slug: entry.provider for entry in read_catalogue() if entry.simulated}
    assert simulated == {
        "sim-chatty": "openai",
        "sim-terse": "ollama",
        "sim-formal": "openai-responses",
        "sim-hasty": "anthropic",
    }


def test_every_field_of_an_entry_is_checked() -> None:
    assert set(catalogue._CHECKS) == {field.name for field in fields(Entry)}


def test_own_file_adds_a_contestant(tmp_path: Path) -> None:
    assert entry_of("mine", own(tmp_path, GOOD)).name == "Mine"


def test_own_file_overrides_the_fields_it_names(tmp_path: Path) -> None:
    entry = entry_of("qwq-32b", own(tmp_path, '[[contestant]]\nslug = "qwq-32b"\nmodel = "qwq:32b-q8_0"\n'))
    assert entry.model == "qwq:32b-q8_0"
    assert entry.opens_with_reasoning
    assert entry.options == {"num_ctx": 16384}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[contestant]", "is not TOML"),
        ("[contestant]\nslug = 'x'", "two brackets"),
        ("contestant = [1]", "contestant 1: must be a table"),
        ("[other]", "knows only [[contestant]], not 'other'"),
        ("[[contestant]]\nname = 'x'", "contestant 1: slug: is missing"),
        ("[[contestant]]\nslug = 'Über'", "contestant 'Über': slug: must be small letters"),
        ("[[contestant]]\nslug = 3", "contestant 3: slug: must be small letters"),
        ("[[contestant]]\nslug = 'mine'\nname = 'x'\nmodel = 'm'", "contestant 'mine': provider: is missing"),
        (GOOD + GOOD, "contestant 'mine': slug: is used twice"),
        (GOOD + "colour = 'red'", "contestant 'mine': colour: there is no such field"),
        (GOOD.replace("openai", "openia"), "contestant 'mine': provider: must be one of ollama, openai"),
        (GOOD.replace('"Mine"', '""'), "contestant 'mine': name: must not be empty"),
        (GOOD + "base_url = 'localhost:8000'", "contestant 'mine': base_url: must be a URL"),
        (GOOD + "base_url = 'http://me:secret@host'", "contestant 'mine': base_url: must not hold a password"),
        (GOOD + "api_key_env = 'sk-abcdef'", "contestant 'mine': api_key_env: must be the NAME"),
        (GOOD + "params_b = 'big'", "contestant 'mine': params_b: must be a number"),
        (GOOD + "price_in = -1", "contestant 'mine': price_in: must be a number between 0"),
        (GOOD + "price_out = nan", "contestant 'mine': price_out: must be a number between 0"),
        (GOOD + "simulated = 'yes'", "contestant 'mine': simulated: must be true or false"),
        (GOOD + "simulated = true\nbase_url = 'http://x'", "contestant 'mine': base_url: a simulated"),
        (GOOD + "options = 3", "contestant 'mine': options: must be a table"),
        (GOOD + "[contestant.options]\nt = inf", "contestant 'mine': options: may hold"),
        (GOOD + "[contestant.options]\nt = 2024-01-01", "contestant 'mine': options: may hold"),
        (GOOD + "[contestant.strategy]\nkind = 'magic'", "contestant 'mine': strategy: knows only"),
    ],
)
def test_mistake_is_named_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(own(tmp_path, text))
    message = str(caught.value)
    assert says in message
    assert "own.toml" in message
    assert "\n" not in message
    assert "sk-" not in message


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"nowhere\.toml: cannot be read"):
        read_catalogue(str(tmp_path / "nowhere.toml"))


@pytest.mark.django_db
def test_loading_again_changes_nothing() -> None:
    assert load_catalogue()
    assert load_catalogue() == []
    assert Contestant.objects.get(slug="sim-chatty").source == Source.SIMULATOR
    assert Contestant.objects.get(slug="o1").retired_on == date(2026, 10, 23)


@pytest.mark.django_db
def test_catalogue_wins_but_leaves_the_switch_to_the_operator() -> None:
    load_catalogue()
    Contestant.objects.filter(slug="o1").update(name="Other", active=False)
    assert [row.slug for row in load_catalogue()] == ["o1"]
    row = Contestant.objects.get(slug="o1")
    assert (row.name, row.active) == ("o1", False)


@pytest.mark.django_db
def test_own_file_is_found_by_its_setting(tmp_path: Path, settings: LazySettings) -> None:
    settings.ARENA_CATALOGUE = own(tmp_path, GOOD)
    load_catalogue()
    assert Contestant.objects.filter(slug="mine").exists()
