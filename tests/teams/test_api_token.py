from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from arena.teams.models import ApiToken, User
from arena.teams.queries import user_of_token

pytestmark = pytest.mark.django_db


def api_token(username: str) -> str:
    out = StringIO()
    call_command("api_token", username, stdout=out)
    return out.getvalue()


def test_prints_the_token_alone_and_makes_the_user() -> None:
    printed = api_token("ada")
    assert printed.startswith("arena_")
    assert len(printed.split()) == 1
    user = user_of_token(printed.strip())
    assert user is not None
    assert user.username == "ada"
    assert not user.has_usable_password()


def test_only_a_digest_is_kept() -> None:
    secret = api_token("ada").strip()
    assert secret not in str(ApiToken.objects.values().get())


def test_a_second_token_leaves_the_first_and_the_password() -> None:
    User.objects.create_user("ada", password="a long one")
    first, second = api_token("ada").strip(), api_token("ada").strip()
    assert user_of_token(first) == user_of_token(second) == User.objects.get()
    assert User.objects.get().check_password("a long one")


@pytest.mark.parametrize("username", ["", "two words", "a\0b", "x" * 151, "\ud83d", "<script>"])
def test_what_cannot_be_a_username_is_refused(username: str) -> None:
    with pytest.raises(CommandError, match="cannot be a username"):
        api_token(username)
    assert not User.objects.exists()


def test_an_account_switched_off_gets_no_token_and_its_tokens_open_nothing() -> None:
    secret = api_token("ada").strip()
    User.objects.update(is_active=False)
    assert user_of_token(secret) is None
    with pytest.raises(CommandError, match="switched off"):
        api_token("ada")
