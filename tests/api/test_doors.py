"""Who gets in at the API, and how it refuses what it cannot read."""

from collections.abc import Callable
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.http import HttpRequest, HttpResponse
from django.test import Client

from arena.battles.models import Battle
from arena.teams.models import User, Voter
from arena.teams.services import issue_token
from tests.api.asking import Api, assert_problem, visitor
from tests.factories import make_battle, make_contestant

pytestmark = pytest.mark.django_db

QUESTION = {"prompt": "Why?"}


@pytest.fixture(autouse=True)
def _contestants() -> None:
    make_contestant()
    make_contestant()


@pytest.mark.parametrize("token", ["arena_wrong", "", "two words", "é", "a" * 5000])
def test_a_wrong_token_is_refused_and_the_cookie_is_not_asked(token: str) -> None:
    api, voter = visitor()
    battle = make_battle(voter=voter)
    for answer in (
        api.get("/battles", headers={}),
        api.send("GET", "/battles", Authorization=f"Bearer {token}"),
        api.send("GET", "/contestants", Authorization=f"bearer {token}"),
        api.post("/battles", QUESTION, Authorization=f"Bearer {token}"),
        api.post(f"/battles/{battle.pk}/stop", Authorization=f"Bearer {token}"),
    )[1:]:
        assert_problem(answer, 401, "token is not known")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert Battle.objects.count() == 1


def test_a_revoked_token_and_that_of_a_closed_account_are_refused() -> None:
    api = Api(issue_token("ada"))
    assert api.get("/battles").status_code == 200
    User.objects.update(is_active=False)
    assert_problem(api.get("/battles"), 401)
    User.objects.update(is_active=True)
    User.objects.get().api_tokens.all().delete()
    assert_problem(api.get("/battles"), 401)


def test_credentials_for_a_proxy_in_front_are_not_ours_to_judge() -> None:
    api, voter = visitor()
    battle = make_battle(voter=voter)
    seen = api.send("GET", f"/battles/{battle.pk}", Authorization="Basic YTpi").json()
    assert seen["may_steer"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://testserver.elsewhere.example"},
        {"Origin": "http://testserver:81"},
        {"Origin": "http://["},
        {"Origin": ""},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://testserver"},
    ],
)
def test_pages_of_other_sites_do_nothing_in_a_visitors_name(headers: dict[str, str]) -> None:
    api, voter = visitor()
    battle = make_battle(voter=voter)
    for answer in (
        api.post("/battles", QUESTION, **headers),
        api.post(f"/battles/{battle.pk}/stop", **headers),
        api.put(f"/battles/{battle.pk}/ballot", {"verdicts": {}}, **headers),
    ):
        assert_problem(answer, 403, "other sites")
    battle.refresh_from_db()
    assert battle.is_running
    assert Battle.objects.count() == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://testserver"},
        {"Origin": "http://testserver", "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ],
)
def test_our_own_pages_and_scripts_need_no_csrf_token(headers: dict[str, str]) -> None:
    api = Api()
    api.client.handler.enforce_csrf_checks = True
    assert api.post("/battles", QUESTION, **headers).status_code == 201


def test_a_trusted_origin_may(settings: LazySettings) -> None:
    settings.CSRF_TRUSTED_ORIGINS = ["https://arena.example"]
    headers = {"Origin": "https://arena.example", "Sec_Fetch_Site": "cross-site"}
    assert Api().post("/battles", QUESTION, **headers).status_code == 201


def test_a_token_acts_from_anywhere() -> None:
    api = Api(issue_token("ada"))
    assert api.post("/battles", QUESTION, Origin="https://elsewhere.example").status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (b"", 422, "is missing"),
        (b"{", 400, "not JSON"),
        (b"{'prompt': 'Why?'}", 400, "not JSON"),
        (b'{"prompt": "Why?"', 400, "line 1, column"),
        (b'{"prompt": "a\0b"}', 400, "control character"),
        (b'{"prompt": "\\ud83d"}', 422, "surrogate"),
        (b'{"prompt": "\\u0000"}', 422, "NUL"),
        (b'{"\\ud83d": 1}', 422, "surrogate"),
        (b'{"\\u0000": 1}', 422, "NUL"),
        (b'{"prompt": "Why?", "problem": "\\udfff"}', 422, "problem contains half"),
        (b'{"prompt": "\xed\xa0\x80"}', 400, "UTF-8"),
        (b"\xff\xfe{\x00}\x00", 400, "UTF-8"),
        (b'\xef\xbb\xbf{"prompt": "Why?"}', 400, "not JSON"),
        (b'{"prompt": "Why?", "size": NaN}', 400, "NaN is not a number"),
        (b'{"prompt": "Why?", "size": ' + b"9" * 5000 + b"}", 400, "not JSON"),
        (b"[" * 100_000, 400, "nested"),
        (b'{"a":' * 900 + b"1" + b"}" * 900, 422, "must be"),
        (b"[]", 422, "must be an object"),
        (b"null", 422, ""),
        (b'"Why?"', 422, "must be an object"),
        (b'{"prompt": "' + b"x" * 999_000 + b'"}', 422, "at most 50,000"),
        (b'{"prompt": "' + b"x" * 1_000_000 + b'"}', 413, "too big"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, status: int, words: str) -> None:
    answer = Api().post("/battles", body)
    if body.startswith(b'{"a":'):
        assert answer.status_code in (400, 422)
    else:
        assert_problem(answer, status, words)
    assert not Battle.objects.exists()
    assert not Voter.objects.exists()


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_content_type_is_refused(content_type: str) -> None:
    for api in (Api(), Api(issue_token("ada"))):
        answer = api.send("POST", "/battles", b'{"prompt": "Why?"}', Content_Type=content_type)
        assert_problem(answer, 415, "application/json")
    assert not Battle.objects.exists()


def test_the_charset_may_be_said() -> None:
    answer = Api().send("POST", "/battles", QUESTION, Content_Type="application/json; charset=utf-8")
    assert answer.status_code == 201


@pytest.mark.parametrize("path", ["/", "/nothing", "/battles/", "/leaderboards", "/problems/a/b", "/%00", "/../admin"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_nothing_there_is_a_problem_too(path: str, method: str) -> None:
    api = Api()
    api.client.handler.enforce_csrf_checks = True
    assert_problem(api.send(method, path, {} if method in ("POST", "PUT") else None), 404, "nothing at this address")


def test_outside_v1_there_is_nothing() -> None:
    answer = Client().get("/api/v2/battles")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/battles", {"GET", "POST"}),
        ("PATCH", "/contestants", {"GET"}),
        ("GET", "/battles/0b1f8cb6-5f0e-4a39-9a0c-3f1f7c3a5c77/ballot", {"PUT"}),
        ("OPTIONS", "/leaderboard", {"GET"}),
        ("POST", "/leaderboard/pairs", {"GET"}),
        ("BREW", "/problems", {"GET"}),
    ],
)
def test_another_method_is_refused(method: str, path: str, allowed: set[str]) -> None:
    answer = Api().send(method, path)
    assert_problem(answer, 405, f"does not take {method}")
    assert set(answer.headers["Allow"].split(", ")) == allowed


def test_head_is_get_without_its_body() -> None:
    answer = Api().send("HEAD", "/contestants")
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize("debug", [True, False])
def test_a_fault_of_ours_is_logged_and_shows_no_traceback(
    debug: bool, settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.DEBUG = debug
    with patch("arena.contestants.api.in_play", side_effect=KeyError("secret")):
        answer = Api().get("/contestants")
    assert_problem(answer, 500, "on our side")
    assert "secret" not in answer.text
    assert "KeyError: 'secret'" in caplog.text


@pytest.mark.parametrize("debug", [True, False])
def test_a_fault_outside_the_calls_shows_no_traceback(debug: bool, settings: LazySettings) -> None:
    settings.DEBUG = debug
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.api.test_doors.failing_middleware"]
    answer = Api().get("/contestants")
    assert_problem(answer, 500, "on our side")
    assert "secret" not in answer.text


def failing_middleware(get_response: object) -> Callable[[HttpRequest], HttpResponse]:
    def fail(request: HttpRequest) -> HttpResponse:
        raise KeyError("secret")

    return fail


def test_a_foreign_host_is_a_problem() -> None:
    answer = Client(headers={"Host": "elsewhere.example"}).get("/api/v1/contestants")
    assert_problem(answer, 400, "could not be understood")


def test_pages_outside_the_api_are_left_alone(client: Client) -> None:
    answer = client.get("/admin/nothing/")
    assert "problem" not in answer.headers["Content-Type"]
