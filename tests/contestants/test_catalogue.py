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


def test_every_kind_of_server_of_the_founding_articles_is_shipped() -> None:
    entries = {entry.slug: entry for entry in read_catalogue()}
    assert {entries[slug].provider for slug in ("qwq-32b", "gemma-2-27b", "llama-3-3-70b", "marco-o1")} == {"ollama"}
    assert {entries[slug].provider for slug in ("o1-summaries", "gpt-4o-responses")} == {"openai-responses"}
    assert "ubicloud.com" in entries["qwq-32b-preview-ubicloud"].base_url
    assert "openrouter.ai" in entries["qwq-32b-openrouter"].base_url
    assert "groq.com" in entries["llama-3-3-70b-groq"].base_url
    assert entries["qwq-32b-preview-transformers"].system == (
        "You are a helpful and harmless assistant. You are Qwen developed by Alibaba. You should think step-by-step."
    )


def test_shipped_contestants_come_with_facts_and_their_sources() -> None:
    for entry in read_catalogue():
        if not entry.simulated:
            assert entry.vendor and entry.family and entry.description and entry.license, entry.slug
            assert entry.context_tokens and entry.released and entry.sources, entry.slug
            assert entry.benchmarks, entry.slug


def test_shipped_figures_are_those_of_the_review() -> None:
    figures = {(entry.slug, str(row["name"])): row["score"] for entry in read_catalogue() for row in entry.benchmarks}
    preview = [("GPQA", 65.2), ("AIME", 50.0), ("MATH-500", 90.6)]
    assert [figures["qwq-32b-preview", name] for name, _ in preview] == [score for _, score in preview]
    assert figures["o1-preview", "MATH-500"] == 85.5
    assert figures["o1-preview", "AIME"] == 44.6
    assert figures["claude-3-5-sonnet", "GPQA Diamond"] == 65.0


def test_no_shipped_address_is_asked_for_without_a_key_of_its_own() -> None:
    assert all(entry.api_key_env for entry in read_catalogue() if entry.base_url)


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


def test_own_file_says_when_a_contestant_retires_or_that_it_does_not(tmp_path: Path) -> None:
    later = entry_of("gpt-4o", own(tmp_path, '[[contestant]]\nslug = "gpt-4o"\nretired = 2028-01-01\n'))
    never = entry_of("gpt-4o", own(tmp_path, '[[contestant]]\nslug = "gpt-4o"\nretired = false\n'))
    assert (later.retired, never.retired) == (date(2028, 1, 1), False)


@pytest.mark.parametrize("edit", ['model = "o9"', 'base_url = "https://o1.example.org/v1"', 'provider = "ollama"'])
def test_replacing_the_model_or_its_server_is_one_edit(tmp_path: Path, edit: str) -> None:
    """What was said of the old one, its retirement first of all, does not hold for the new one."""
    entry = entry_of("o1", own(tmp_path, f'[[contestant]]\nslug = "o1"\n{edit}\n'))
    assert entry.retired is None
    assert (entry.name, entry.context_tokens) == ("o1", 200_000)


def test_limits_are_overridden_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = tmp_path / "shipped.toml"
    shipped.write_text(GOOD + "[contestant.timeouts]\nsilence_s = 9\ndeadline_s = 99", encoding="utf-8")
    monkeypatch.setattr(catalogue, "SHIPPED", shipped)
    entry = entry_of("mine", own(tmp_path, "[[contestant]]\nslug = 'mine'\n[contestant.timeouts]\nsilence_s = 1.5"))
    assert entry.timeouts == {"silence_s": 1.5, "deadline_s": 99}


FULL = (
    GOOD
    + """
vendor = "V"
family = "F"
description = "D"
context_tokens = 1000
released = 2025-01-02
retired = 2026-01-02
system = "S"
price_in = 0.5
price_out = 1
price_source = "A bill, 2026-01"
[contestant.timeouts]
first_token_s = 1
silence_s = 2.5
deadline_s = 3
[[contestant.benchmarks]]
name = "B"
score = 12.5
unit = "%"
source = "Somebody"
url = "https://example.org/b"
[[contestant.sources]]
title = "T"
url = "https://example.org/t"
"""
)


@pytest.mark.django_db
def test_every_fact_gets_into_the_row(tmp_path: Path, settings: LazySettings) -> None:
    settings.ARENA_CATALOGUE = own(tmp_path, FULL)
    load_catalogue()
    row = Contestant.objects.get(slug="mine")
    assert (row.vendor, row.family, row.description, row.context_tokens) == ("V", "F", "D", 1000)
    assert (row.released_on, row.retired_on) == (date(2025, 1, 2), date(2026, 1, 2))
    assert (row.system, row.price_source) == ("S", "A bill, 2026-01")
    assert (row.first_token_timeout_s, row.silence_timeout_s, row.deadline_s) == (1, 2.5, 3)
    assert [figure["score"] for figure in row.benchmarks] == [12.5]
    assert row.sources == [{"title": "T", "url": "https://example.org/t"}]
    row.full_clean()
    assert load_catalogue() == []


@pytest.mark.django_db
def test_shipped_rows_pass_the_admins_checks() -> None:
    for row in load_catalogue():
        row.full_clean()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GOOD + "released = '2025-01-02'", "contestant 'mine': released: must be a date without quotes"),
        (GOOD + "released = 2025-01-02T03:04:05", "contestant 'mine': released: must be a date"),
        (GOOD + "retired = true", "contestant 'mine': retired: must be a date without quotes, such as 2026-10-23, or"),
        (GOOD + "released = 2025-01-02\nretired = 2025-01-01", "contestant 'mine': retired: is before its release"),
        (GOOD + "context_tokens = 0", "contestant 'mine': context_tokens: must be a whole number above 0"),
        (GOOD + "context_tokens = 1.5", "contestant 'mine': context_tokens: must be a whole number"),
        (GOOD + "vendor = 3", "contestant 'mine': vendor: must be a text"),
        (GOOD + "system = ['a']", "contestant 'mine': system: must be a text"),
        (GOOD + "timeouts = 3", "contestant 'mine': timeouts: must be a table"),
        (GOOD + 'options = { stop = ["\\u0000"] }', "contestant 'mine': options: may not hold NUL"),
        (GOOD + "timeouts = { silence_s = 0 }", "contestant 'mine': timeouts: silence_s: must be a number above 0"),
        (GOOD + "timeouts = { silence_s = inf }", "contestant 'mine': timeouts: silence_s: must be a number above 0"),
        (GOOD + "timeouts = { patience = 1 }", "contestant 'mine': timeouts: patience: there is no such field"),
        (GOOD + "benchmarks = {}", "contestant 'mine': benchmarks: must be a list"),
        (GOOD + "benchmarks = [3]", "contestant 'mine': benchmarks: 1: must be a table"),
        (FULL.replace("score = 12.5", "score = nan"), "contestant 'mine': benchmarks: 1: score: must be a finite"),
        (FULL.replace("score = 12.5", "score = true"), "contestant 'mine': benchmarks: 1: score: must be a finite"),
        (FULL.replace("score = 12.5", ""), "contestant 'mine': benchmarks: 1: score: is missing"),
        (FULL.replace("score = 12.5", "score = 1\nx = 2"), "contestant 'mine': benchmarks: 1: x: there is no such"),
        (FULL.replace("https://example.org/b", "javascript:alert(1)"), "benchmarks: 1: url: must be a URL that starts"),
        (FULL.replace("https://example.org/t", "data:text/html,x"), "sources: 1: url: must be a URL that starts"),
        (FULL.replace("https://example.org/t", "https://me:pw@example.org"), "sources: 1: url: must be a URL"),
        (FULL.replace("https://example.org/t", "https://example.org/a b"), "sources: 1: url: must be a URL"),
        (GOOD + "base_url = 'https://x.openai.azure.com/openai?api-version=1'", "base_url: must not hold a query"),
    ],
)
def test_mistake_in_a_fact_is_named_in_one_line(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        read_catalogue(own(tmp_path, text))
    assert says in str(caught.value)
    assert "own.toml: contestant 'mine'" in str(caught.value)
    assert "\n" not in str(caught.value)


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
        (
            GOOD + "base_url = 'http://me:secret@host'",
            "contestant 'mine': base_url: must not hold a user or a password",
        ),
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
