import pytest
from django.test import Client

from arena.teams.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada", password="analytical engine")


def test_sign_in_and_out(client: Client, ada: User) -> None:
    page = client.post("/accounts/login/", {"username": "ada", "password": "analytical engine"})
    assert page["Location"] == "/"
    assert "Sign out" in client.get("/").content.decode()
    client.post("/accounts/logout/")
    assert "Sign out" not in client.get("/").content.decode()


def test_wrong_password_is_explained_and_the_name_kept(client: Client, ada: User) -> None:
    page = client.post("/accounts/login/", {"username": "ada", "password": "difference"})
    assert "do not belong together" in page.content.decode()
    assert 'value="ada"' in page.content.decode()


def test_sign_in_leads_back_but_never_to_another_site(client: Client, ada: User) -> None:
    credentials = {"username": "ada", "password": "analytical engine"}
    assert client.post("/accounts/login/", credentials | {"next": "/about/"})["Location"] == "/about/"
    client.logout()
    assert client.post("/accounts/login/", credentials | {"next": "//evil.example/"})["Location"] == "/"
