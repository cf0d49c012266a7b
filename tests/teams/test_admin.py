import pytest
from django.test import Client

from arena.teams.models import ApiToken
from arena.teams.services import issue_token
from tests.factories import make_voter


@pytest.mark.parametrize("page", ["user", "team", "voter", "apitoken"])
def test_lists_open_and_show_no_secret(admin_client: Client, page: str) -> None:
    secret = issue_token("ada")
    make_voter()
    for address in (f"/admin/teams/{page}/", f"/admin/teams/apitoken/{ApiToken.objects.get().pk}/change/"):
        answer = admin_client.get(address)
        assert answer.status_code == 200
        assert secret not in answer.text
        assert ApiToken.digest_of(secret) not in answer.text
