"""Whatever is sent to any call of the schema, the answer is JSON of a documented kind, and never a fault of ours."""

import json
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arena.api import api
from arena.battles.models import Battle
from tests.api.asking import Api, assert_problem
from tests.factories import make_battle, make_contestant, make_finished_battle, make_voter

pytestmark = pytest.mark.django_db

SCHEMA = api.get_openapi_schema(path_prefix="")
CALLS = [(method.upper(), path, call) for path, methods in SCHEMA["paths"].items() for method, call in methods.items()]
FEW = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# Texts with what breaks encodings: NUL, lone surrogates, other planes, brackets, quotes, names of ours.
TEXTS = st.one_of(
    st.text(st.characters(), max_size=20),
    st.sampled_from(
        ["A", "B", "tie", "correct", "flawed", "live", "\0", "\ud83d", "\udc00x", "😀", "<b>", "'; --", "../"]
    ),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


def bodies(call: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Any JSON, and objects with the call's own fields, each with a likely or with any value."""
    schema = call.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    name = schema.get("$ref", "").rpartition("/")[2]
    known = SCHEMA["components"]["schemas"].get(name, {}).get("properties", {})
    verdicts = st.dictionaries(st.sampled_from("ABC"), st.sampled_from(["correct", "flawed", "unsure"]), max_size=3)
    likely = {"verdicts": verdicts, "prompt": st.just("Why?"), "size": st.integers(0, 7)}
    own = st.fixed_dictionaries({}, optional={field: likely.get(field, VALUES) | VALUES for field in known})
    return VALUES | own


def paths(path: str, battle: Battle) -> st.SearchStrategy[str]:
    ids = st.sampled_from([str(battle.pk), "0b1f8cb6-5f0e-4a39-9a0c-3f1f7c3a5c77", "1", "%00", "%ED%A0%80"])
    slots = st.sampled_from(["A", "B", "Z", "%00", "a b"])
    return st.builds(lambda i, s: path.format(battle_id=i, slot=s, slug=s, code=s), ids, slots)


@pytest.mark.parametrize(("method", "path", "call"), CALLS, ids=lambda value: value if isinstance(value, str) else "")
@FEW
@given(data=st.data())
def test_any_input_gets_a_kind_answer(method: str, path: str, call: dict[str, Any], data: st.DataObject) -> None:
    with transaction.atomic():
        make_contestant()
        make_contestant()
        voter = make_voter()
        battle = make_battle(voter=voter) if data.draw(st.booleans()) else make_finished_battle(voter=voter)
        asking = Api(voter=voter)
        address = data.draw(paths(path, battle))
        if method == "GET":
            names = [parameter["name"] for parameter in call["parameters"] if parameter["in"] == "query"]
            query = data.draw(st.dictionaries(st.sampled_from([*names, "other"]), TEXTS.filter(encodable), max_size=3))
            answer = asking.get(address, **query)
        else:
            answer = asking.send(method, address, data.draw(bodies(call)))
        assert_documented(answer, call)
        transaction.set_rollback(True)


def encodable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def assert_documented(answer: Any, call: dict[str, Any]) -> None:
    if answer.status_code >= 400:
        assert answer.status_code < 500
        assert_problem(answer, answer.status_code)
    else:
        assert str(answer.status_code) in {str(status) for status in call["responses"]}
        assert answer.headers["Content-Type"].startswith("application/json")
        json.loads(answer.content.decode("ascii"))
