"""Passwords of one account are not tried without end, whoever tries them and at whichever door."""

import time

import pytest
from django.conf import LazySettings
from django.test import Client

from arena.teams.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(settings: LazySettings) -> str:
    """Redis is shared by all tests of the process, and remembers."""
    settings.ARENA_ACCOUNT_SIGN_INS_PER_HOUR = 3
    name = f"ada-{time.monotonic_ns()}"
    User.objects.create_user(name, password="right", is_staff=True)
    return name


@pytest.mark.parametrize("door", ["/accounts/login/", "/admin/login/"])
def test_after_some_tries_not_even_the_right_password_is_looked_at(client: Client, account: str, door: str) -> None:
    for number in range(3):
        page = client.post(door, {"username": account, "password": f"guess {number}"})
        assert page.status_code == 200
    page = client.post(door, {"username": account.upper(), "password": "right"})
    assert page.status_code == 429
    assert "Somebody has tried too often to sign in under this name." in page.text
    assert 1000 < int(page["Retry-After"]) <= 1200
    assert "right" not in page.text.replace("right now", "")
    assert "_auth_user_id" not in client.session


def test_other_accounts_are_not_disturbed(client: Client, account: str) -> None:
    User.objects.create_user(f"not-{account}", password="right")
    for _ in range(4):
        client.post("/accounts/login/", {"username": account, "password": "guess"})
    assert client.post("/accounts/login/", {"username": f"not-{account}", "password": "right"}).status_code == 302


def test_who_guesses_does_not_keep_the_owner_out(client: Client, account: str) -> None:
    for _ in range(4):
        client.post("/accounts/login/", {"username": account, "password": "guess"}, REMOTE_ADDR="192.0.2.1")
    right = {"username": account, "password": "right"}
    assert client.post("/accounts/login/", right, REMOTE_ADDR="192.0.2.1").status_code == 429
    assert client.post("/accounts/login/", right, REMOTE_ADDR="192.0.2.2").status_code == 302


def test_many_addresses_together_do_not_guess_without_end(client: Client, account: str) -> None:
    guess = {"username": account, "password": "guess"}
    pages = [client.post("/accounts/login/", guess, REMOTE_ADDR=f"192.0.2.{number}") for number in range(31)]
    assert [page.status_code for page in pages] == [200] * 30 + [429]
