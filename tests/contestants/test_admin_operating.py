"""Trying contestants and pulling models in the admin: who may, what is started, what is shown."""

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from arena.contestants import errands, tasks
from arena.contestants.models import Contestant, ErrandStatus, Pull, Trial
from arena.contestants.trying import start_trial
from arena.teams.models import User
from tests.contestants.servers import Asked, Connection, serving_aside
from tests.factories import make_contestant

pytestmark = pytest.mark.django_db

PULL = "/admin/contestants/contestant/pull/"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("admin", password="x"))
    return client


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """What a worker would have been told."""
    found: list[tuple[str, int]] = []
    for task in (tasks.play_trial, tasks.play_pull):
        monkeypatch.setattr(task, "apply_async", lambda args, name=task.name, **options: found.append((name, args[0])))
    return found


def try_page(contestant: Contestant) -> str:
    return reverse("admin:contestants_try", args=[contestant.pk])


def test_trial_is_left_to_a_worker(admin: Client, enqueued: list[tuple[str, int]]) -> None:
    contestant = make_contestant()
    page = admin.post(try_page(contestant), {"prompt": "What is 2 + 2?"})
    trial = Trial.objects.get()
    assert (page.status_code, page["Location"]) == (302, try_page(contestant))
    assert enqueued == [("contestants.try", trial.pk)]
    assert (trial.prompt, trial.status, str(trial.asked_by)) == ("What is 2 + 2?", "waiting", "admin")
    assert (
        "Tried it with one short request."
        in admin.get(reverse("admin:contestants_contestant_history", args=[contestant.pk])).content.decode()
    )


def test_page_says_before_what_a_trial_may_cost(admin: Client) -> None:
    o1 = make_contestant(model="o1", price_in_usd_per_mtok=15.0, price_out_usd_per_mtok=60.0)
    text = " ".join(admin.get(try_page(o1)).content.decode().split())
    assert "At most 2,000 output tokens: <strong>about $0.12</strong>." in text
    assert "its price is not known" in admin.get(try_page(make_contestant())).content.decode()


def test_second_trial_at_the_same_time_is_refused_with_a_sentence(
    admin: Client, enqueued: list[tuple[str, int]]
) -> None:
    contestant = make_contestant()
    start_trial(contestant)
    page = admin.post(try_page(contestant), {"prompt": "Again"}, follow=True)
    assert "is being tried already" in page.content.decode()
    assert enqueued == []


@pytest.mark.parametrize("prompt", ["", "x" * 2001])
def test_question_that_is_none_is_refused(admin: Client, prompt: str) -> None:
    page = admin.post(try_page(make_contestant()), {"prompt": prompt})
    assert page.status_code == 200
    assert "errorlist" in page.content.decode()
    assert not Trial.objects.exists()


def test_hostile_text_is_shown_as_text(admin: Client) -> None:
    contestant = make_contestant()
    trial = start_trial(contestant, prompt="<b>")
    hostile = "<script>alert(1)</script><img src=x onerror=y>"
    Trial.objects.update(
        status=ErrandStatus.FAILED, reasoning=hostile, answer=hostile, story=hostile, failure_message="No."
    )
    text = admin.get(try_page(contestant)).content.decode()
    assert text.count("&lt;script&gt;alert(1)") == 3
    assert hostile not in text and "<img src=x" not in text
    assert admin.get(reverse("admin:contestants_trial_change", args=[trial.pk])).status_code == 200


def test_stop_is_a_post(admin: Client) -> None:
    trial = start_trial(make_contestant())
    stop = reverse("admin:contestants_stop_trial", args=[trial.pk])
    assert admin.get(stop).status_code == 405
    assert admin.post(stop).status_code == 302
    trial.refresh_from_db()
    assert trial.status == "stopped"


def test_running_trial_shows_what_has_come_so_far(admin: Client) -> None:
    contestant = make_contestant()
    trial = start_trial(contestant)
    assert errands.claim(Trial, trial.pk)
    errands._client().set(errands._state_key(trial.run), '{"reasoning": "17 times 20", "duration_ms": 1200}')
    text = admin.get(try_page(contestant)).content.decode()
    assert "17 times 20" in text and "Reasoning, 1.2 s" in text
    assert "data-under-way" in text and '<noscript><meta http-equiv="refresh"' in text


def test_action_leads_to_a_page_that_asks_all_chosen(admin: Client, enqueued: list[tuple[str, int]]) -> None:
    cheap, dear, _ = make_contestant(price_in_usd_per_mtok=0.0, price_out_usd_per_mtok=0.0), make_contestant(), None
    page = admin.post(
        reverse("admin:contestants_contestant_changelist"),
        {"action": "try_chosen", "_selected_action": [cheap.pk, dear.pk]},
        follow=True,
    )
    assert "and 1 whose price is not known" in page.content.decode()
    assert not Trial.objects.exists(), "nothing is asked before it is confirmed"
    admin.post(page.redirect_chain[-1][0], {"prompt": "2 + 2?"})
    assert len(enqueued) == 2
    assert {trial.contestant_id for trial in Trial.objects.all()} == {cheap.pk, dear.pk}


@pytest.mark.parametrize("of", ["", "x", "1,,", "9" * 40, "١"])
def test_odd_lists_of_contestants_are_nobody(admin: Client, of: str) -> None:
    page = admin.get("/admin/contestants/contestant/try/", {"of": of})
    assert "Nobody is chosen" in page.content.decode()


def staff_who_may(*codenames: str) -> User:
    user = User.objects.create_user("helper", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def operator_pages() -> list[str]:
    trial = start_trial(make_contestant())
    pull = Pull.objects.create(server="http://x", model="m")
    return [
        try_page(trial.contestant),
        "/admin/contestants/contestant/try/",
        reverse("admin:contestants_stop_trial", args=[trial.pk]),
        PULL,
        f"{PULL}models/",
        reverse("admin:contestants_stop_pull", args=[pull.pk]),
    ]


def test_staff_without_the_permission_to_change_contestants_are_refused(client: Client) -> None:
    client.force_login(staff_who_may("view_contestant", "view_trial"))
    for path in operator_pages():
        assert client.get(path).status_code == client.post(path).status_code == 403


def test_others_are_sent_to_sign_in(client: Client) -> None:
    for path in operator_pages():
        for page in (client.get(path), client.post(path)):
            assert page.status_code == 302 and "/login/" in page["Location"]
    assert not Trial.objects.exclude(status="waiting").exists()


def test_forms_of_other_sites_are_refused() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(staff_who_may("change_contestant"))
    assert [client.post(path).status_code for path in operator_pages()] == [403] * 6


def test_pull_is_left_to_a_worker(admin: Client, enqueued: list[tuple[str, int]], settings: LazySettings) -> None:
    settings.OLLAMA_HOST = "http://user:pa-ss-word-1@ollama:11434"
    page = admin.post(PULL, {"server": "http://ollama:11434", "model": "ollama pull qwq:32b"})
    pull = Pull.objects.get()
    assert page.status_code == 302
    assert enqueued == [("contestants.pull", pull.pk)]
    assert (pull.server, pull.model) == ("http://ollama:11434", "qwq:32b")
    text = admin.get(PULL).content.decode()
    assert "begins as soon as a worker is free" in text and "pa-ss-word-1" not in text


@pytest.mark.parametrize(
    "form",
    [{"server": "http://169.254.169.254", "model": "qwq"}, {"server": "", "model": "qwq"}, {"model": "http://x/y"}],
)
def test_no_other_server_and_no_address_can_be_pulled_from(
    admin: Client, enqueued: list[tuple[str, int]], form: dict[str, str]
) -> None:
    page = admin.post(PULL, {"server": "http://127.0.0.1:9"} | form)
    assert page.status_code == 200 and "errorlist" in page.content.decode()
    assert not Pull.objects.exists() and enqueued == []


def test_contestant_whose_model_is_missing_leads_to_its_pull(admin: Client) -> None:
    contestant = make_contestant(
        provider="ollama",
        model="qwq:32b",
        is_available=False,
        unavailable_because="Ollama does not have qwq:32b: run `ollama pull qwq:32b`.",
        checked_at="2026-01-01T00:00:00Z",
    )
    page = f"{PULL}?contestant={contestant.pk}"
    assert f'href="{page}">Pull it' in admin.get("/admin/contestants/contestant/").content.decode()
    text = admin.get(page).content.decode()
    assert 'value="qwq:32b"' in text and "Ollama does not have qwq:32b" in text


def test_progress_is_shown_in_numbers_and_as_a_bar(admin: Client) -> None:
    pull = Pull.objects.create(server="http://x", model="qwq")
    assert errands.claim(Pull, pull.pk)
    numbers = '"completed": 5000000000, "total": 20000000000, "speed": 2.5e7, "left_s": 600, "layers": []'
    state = f'{{"phase": "fetching", {numbers}}}'
    errands._client().set(errands._state_key(pull.run), state)
    text = " ".join(admin.get(PULL).content.decode().split())
    assert "<strong>5.0 GB</strong> of 20.0 GB (25 %) · 25.0 MB/s · about 10 minutes left" in text


def test_what_servers_have_is_listed(admin: Client, settings: LazySettings) -> None:
    async def answer(asked: Asked, connection: Connection) -> None:
        await connection.reply({"models": [{"name": "<b>qwq</b>", "size": 19_851_336_384}]})

    with serving_aside(answer) as server:
        settings.OLLAMA_HOST = server.url
        text = admin.get(f"{PULL}models/").content.decode()
    assert "&lt;b&gt;qwq&lt;/b&gt;" in text and "19.9 GB" in text


def test_form_tells_what_is_wrong_and_repeats_no_key(admin: Client) -> None:
    form = {
        "name": "A",
        "slug": "a",
        "provider": "openai",
        "model": "m",
        "api_key_env": "sk-canary-typed-1",
        "base_url": "http://user:canary-typed-2@host",
        "options": "{'a': 1}",
        "sources": '{"a": 1}',
    }
    text = admin.post("/admin/contestants/contestant/add/", form).content.decode()
    assert "This is not JSON: expecting property name enclosed in double quotes (line 1)." in text
    assert "This must be a list of at most" in text
    assert "must not hold a user or a password" in text and "never the key" in text
    assert "canary" not in text


def test_form_refuses_the_arenas_own_secrets_as_keys(admin: Client) -> None:
    form = {"name": "A", "slug": "a", "provider": "openai", "model": "m", "api_key_env": "SECRET_KEY"}
    assert "the arena&#x27;s own" in admin.post("/admin/contestants/contestant/add/", form).content.decode()


def test_contestant_can_be_entered_by_hand(admin: Client) -> None:
    form = {
        "name": "A",
        "slug": "a",
        "provider": "openai",
        "model": "m",
        "active": "on",
        "options": '{"temperature": 0.6}',
        "base_url": "http://127.0.0.1:8080/v1/",
    }
    page = admin.post("/admin/contestants/contestant/add/", form)
    assert page.status_code == 302, page.content.decode()
    contestant = Contestant.objects.get()
    assert (contestant.options, contestant.sources, contestant.source) == ({"temperature": 0.6}, [], "admin")
    assert contestant.base_url == "http://127.0.0.1:8080/v1"
