from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from arena.contestants.models import Contestant
from arena.contestants.services import load_catalogue
from arena.teams.models import User
from tests.factories import make_contestant

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("admin", password="x"))
    return client


def test_list_shows_who_can_be_asked_and_no_key(admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-never-shown")
    load_catalogue()
    page = admin.get("/admin/contestants/contestant/")
    assert "Chatty (simulated)" in page.content.decode()
    assert "sk-never-shown" not in page.content.decode()


def test_entry_of_the_catalogue_can_be_switched_off_and_nothing_else(admin: Client) -> None:
    load_catalogue()
    row = Contestant.objects.get(slug="o1")
    page = admin.post(f"/admin/contestants/contestant/{row.pk}/change/", {"name": "Other"})
    assert page.status_code == 302
    row.refresh_from_db()
    assert (row.name, row.active) == ("o1", False)


def test_key_in_place_of_its_name_is_refused(admin: Client) -> None:
    form = {"slug": "a", "name": "A", "provider": "openai", "model": "m", "api_key_env": "sk-pasted"}
    page = admin.post("/admin/contestants/contestant/add/", {**form, "options": "{}", "strategy": "{}"})
    assert "never the key" in page.content.decode()
    assert not Contestant.objects.exists()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("sources", '[{"title": "T", "url": "javascript:alert(1)"}]', "1: url: must be a URL that starts with http"),
        ("benchmarks", '[{"name": "B", "score": "x", "source": "S", "url": "https://e.org"}]', "1: score: must be"),
        ("base_url", "localhost:8000", "starts with http:// or https://"),
        ("options", "[1]", "must be a table of names and values"),
        ("options", r'{"stop": ["\u0000"]}', "may not hold NUL"),
        ("options", r'{"\ud800": 1}', "may not hold NUL or half of a surrogate pair"),
        ("options", "[" * 50_000, "This is not JSON: unreadable"),
        ("options", "9" * 5_000, "This is not JSON: unreadable"),
        ("sources", r'[{"title": "\ud800", "url": "https://e.org"}]', "1: title: must have at most"),
        ("strategy", '{"kind": "magic"}', "knows only kind = &quot;plain&quot;"),
        ("price_in_usd_per_mtok", "-1", "greater than or equal to 0"),
        ("deadline_s", "0", "greater than or equal to"),
        ("retired_on", "1999-01-01", "cannot retire before its release"),
    ],
)
def test_form_is_as_strict_as_the_catalogue(admin: Client, field: str, value: str, says: str) -> None:
    good = {"slug": "a", "name": "A", "provider": "openai", "model": "m", "released_on": "2020-01-01"}
    lists = {"options": "{}", "strategy": "{}", "benchmarks": "[]", "sources": "[]"}
    page = admin.post("/admin/contestants/contestant/add/", {**good, **lists, field: value})
    assert says in page.content.decode()
    assert not Contestant.objects.exists()


@pytest.mark.parametrize("nothing", ["", "null", "[]", "{}", '""'])
def test_what_is_empty_is_nothing_of_the_right_kind(admin: Client, nothing: str) -> None:
    form = {"slug": "a", "name": "A", "provider": "openai", "model": "m"}
    lists = dict.fromkeys(("options", "strategy", "benchmarks", "sources"), nothing)
    assert admin.post("/admin/contestants/contestant/add/", form | lists).status_code == 302
    row = Contestant.objects.get()
    assert (row.options, row.strategy, row.benchmarks, row.sources) == ({}, {}, [], [])
    assert admin.get("/contestants/a/").status_code == 200


def test_action_checks_at_once(admin: Client) -> None:
    load_catalogue()
    chosen = list(Contestant.objects.filter(simulated=True).values_list("pk", flat=True))
    page = admin.post(
        reverse("admin:contestants_contestant_changelist"),
        {"action": "check_now", "_selected_action": chosen},
        follow=True,
    )
    assert "4 of 4 can be drawn." in page.content.decode()


def test_action_says_what_is_wrong_with_the_catalogue(admin: Client, settings: LazySettings, tmp_path: Path) -> None:
    settings.ARENA_CATALOGUE = str(tmp_path / "own.toml")
    Path(settings.ARENA_CATALOGUE).write_text("[[contestant]")
    page = admin.post(
        reverse("admin:contestants_contestant_changelist"),
        {"action": "check_now", "_selected_action": [make_contestant().pk]},
        follow=True,
    )
    assert page.status_code == 200
    assert "Nothing was checked" in page.content.decode() and "is not TOML" in page.content.decode()
