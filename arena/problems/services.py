"""Entering problems: the shipped collection, and files of one JSON object a line."""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from arena.problems.models import Problem

COLLECTION = Path(__file__).parent / "collection.toml"
LINE_MAX_BYTES = 1_000_000
KEYS = ("slug", "title", "statement", "category", "answer", "checker", "source", "notes")
REQUIRED = ("slug", "statement", "category")
_SLUG = re.compile(r"[-a-zA-Z0-9_]{1,80}")


class ProblemRefused(ValueError):
    """Its text is one sentence that says what is wrong."""


@dataclass(slots=True)
class Imported:
    """What an import did. `refused`: line numbers, from 1, with a sentence each."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: list[tuple[int, str]] = field(default_factory=list)


@transaction.atomic
def load_collection() -> Imported:
    """Enter the problems this version ships with, or bring them up to date; all others are left alone."""
    done = Imported()
    for values in tomllib.loads(COLLECTION.read_text("utf-8"))["problem"]:
        _enter(cleaned(values), done)
    return done


@transaction.atomic
def import_problems(lines: Iterable[bytes]) -> Imported:
    """Enter a problem for each line; a line that can't be is noted with its number, the rest goes in."""
    done = Imported()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            _enter(cleaned(_parsed(line)), done)
        except ProblemRefused as error:
            done.refused.append((number, str(error)))
    return done


def cleaned(values: Mapping[str, object]) -> dict[str, str]:
    """The fields of a problem, checked, without white space around them. Raises ProblemRefused."""
    for key, value in values.items():
        if key not in KEYS:
            raise ProblemRefused(f"The key {key[:40]!r} is not known; known are {', '.join(KEYS)}.")
        if not isinstance(value, str):
            raise ProblemRefused(f"{key} must be a string.")
        _check_characters(key, value)
    fields = {key: str(values.get(key, "")).strip() for key in KEYS}
    for key in REQUIRED:
        if not fields[key]:
            raise ProblemRefused(f"{key} is missing.")
    if not _SLUG.fullmatch(fields["slug"]):
        raise ProblemRefused("slug must have 1 to 80 letters a to z, digits, hyphens or underscores.")
    fields["title"] = fields["title"] or fields["slug"].replace("-", " ").replace("_", " ").capitalize()
    _check_lengths(fields)
    return fields


def _parsed(line: bytes) -> Mapping[str, object]:
    if len(line) > LINE_MAX_BYTES:
        raise ProblemRefused(f"The line is longer than {LINE_MAX_BYTES:,} bytes.")
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ProblemRefused("The line is not UTF-8.") from None
    except (ValueError, RecursionError):
        raise ProblemRefused("The line is not JSON.") from None
    if not isinstance(value, dict):
        raise ProblemRefused("The line is not a JSON object.")
    return value


def _check_characters(key: str, value: str) -> None:
    if "\0" in value:
        raise ProblemRefused(f"{key} contains a NUL character, which cannot be stored.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ProblemRefused(f"{key} contains a broken character (half of a surrogate pair).") from None


def _check_lengths(fields: Mapping[str, str]) -> None:
    limits = {key: getattr(Problem._meta.get_field(key), "max_length", None) for key in KEYS}
    limits["statement"] = settings.ARENA_PROMPT_MAX_CHARS
    for key, limit in limits.items():
        if limit and len(fields[key]) > limit:
            raise ProblemRefused(f"{key} has {len(fields[key]):,} characters; at most {limit:,} are allowed.")


def _enter(fields: Mapping[str, str], done: Imported) -> None:
    problem = Problem.objects.filter(slug=fields["slug"]).first()
    if problem is None:
        Problem.objects.create(**fields)
        done.created += 1
    elif all(getattr(problem, key) == value for key, value in fields.items()):
        done.unchanged += 1
    else:
        Problem.objects.filter(pk=problem.pk).update(**fields)
        done.updated += 1
