import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from arena.problems.models import Problem
from arena.problems.services import import_problems

pytestmark = pytest.mark.django_db

GOOD = {"slug": "sum", "statement": "What is 1 + 1?", "category": "Arithmetic", "answer": "2", "checker": "number"}


def line(**changes: object) -> bytes:
    return json.dumps(GOOD | changes).encode()


def test_problems_go_in_with_a_title_made_from_the_slug() -> None:
    done = import_problems([line(slug="sum-of-two"), b"\n"])
    assert (done.created, done.refused) == (1, [])
    assert Problem.objects.get().title == "Sum of two"


def test_bad_lines_are_reported_by_number_and_the_rest_goes_in() -> None:
    done = import_problems([line(slug="a"), b"{nonsense", b"[]", b"\xff", line(slug="b"), line(slug="")])
    assert [number for number, _ in done.refused] == [2, 3, 4, 6]
    assert sorted(Problem.objects.values_list("slug", flat=True)) == ["a", "b"]


def test_importing_again_is_idempotent_and_brings_up_to_date() -> None:
    import_problems([line()])
    assert import_problems([line()]).unchanged == 1
    assert import_problems([line(answer="two")]).updated == 1
    assert Problem.objects.get().answer == "two"


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"slug": "not a slug"}, "slug"),
        ({"slug": "x" * 81}, "slug"),
        ({"statement": " "}, "statement"),
        ({"statement": "x" * 50_001}, "statement"),
        ({"statement": "a\0b"}, "NUL"),
        ({"statement": "\ud83d"}, "surrogate"),
        ({"category": "x" * 41}, "category"),
        ({"answer": 2}, "answer"),
        ({"solution": "2"}, "solution"),
    ],
)
def test_bad_values_are_named(changes: dict[str, object], word: str) -> None:
    [(number, sentence)] = import_problems([line(**changes)]).refused
    assert number == 1
    assert word in sentence
    assert not Problem.objects.exists()


def test_deep_nesting_is_refused() -> None:
    assert import_problems([b"[" * 100_000]).refused == [(1, "The line is not JSON.")]


def test_command_reports_and_fails_on_bad_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "problems.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + line() + b"\nnonsense\n")
    with pytest.raises(CommandError, match="1 of the lines"):
        call_command("import_problems", str(file))
    printed = capsys.readouterr()
    assert "1 entered" in printed.out
    assert "line 2: The line is not JSON." in printed.err


def test_command_names_a_missing_file() -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("import_problems", "/nowhere/problems.jsonl")


def test_command_without_a_file_enters_the_shipped_problems() -> None:
    call_command("import_problems")
    assert Problem.objects.filter(slug="repunit-primes").exists()
