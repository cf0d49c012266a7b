"""Imports run one way: between the apps, and inside each from the doors down to the rows."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from django.conf import settings

ARENA = Path(settings.BASE_DIR) / "arena"

APPS_BELOW = {
    "teams": set(),
    "contestants": set(),
    "problems": set(),
    "battles": {"teams", "contestants", "problems"},
    "voting": {"teams", "contestants", "problems", "battles"},
    "leaderboard": {"teams", "contestants", "problems", "battles", "voting"},
    "running": {"contestants", "problems"},  # what it enters before the arena starts
}

# Inside an app, the lowest first. Files that are on none of these floors are bound by having no circles.
FLOORS = (
    {"models", "errors", "events", "signals", "deltas", "providers"},
    {"queries"},
    {"services"},
    {"forms"},
    {"tasks", "consumers"},
    {"doors", "receivers"},
    {"views", "api", "admin", "management"},
    {"urls"},
)
KNOW_NO_DJANGO = {
    *(
        "arena.masking",
        "arena.growing_text",
        "arena.battles.events",
        "arena.battles.errors",
        "arena.battles.steps",
        "arena.battles.pace",
        "arena.battles.drawing",
    ),
    "arena.problems.checking",
    *(f"arena.voting.{name}" for name in ("sides", "haste", "repeats")),
    *("arena.voting.errors", "arena.contestants.deltas", "arena.contestants.errors", "arena.contestants.checks"),
    *("arena.contestants.rates", "arena.contestants.nearness", "arena.contestants.price_list"),
    *(f"arena.contestants.providers.{name}" for name in ("parsing", "patience", "failures", "retry_after", "refusals")),
    *(
        f"arena.contestants.identity.{name}"
        for name in ("known_names", "folding", "lexicon", "rules", "detection", "screen", "questions", "learning")
    ),
    "arena.battles.disguise",
    *(f"arena.leaderboard.{name}" for name in ("outcomes", "tables", "ratings", "aiming", "rows")),
}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ARENA.parent).with_suffix("").parts).removesuffix(".__init__")


SOURCES = {
    module_name(path): ast.parse(path.read_text()) for path in ARENA.rglob("*.py") if "migrations" not in path.parts
}


def imports_of(module: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(SOURCES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module and not node.level, f"{module} imports relatively"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in SOURCES else str(node.module) for name in names}
    return found


def app_of(module: str) -> str:
    name = module.split(".")[1] if module.startswith("arena.") else ""
    return name if name in APPS_BELOW else ""


def floor_of(module: str) -> int | None:
    parts = module.split(".")
    return next((height for height, names in enumerate(FLOORS) if len(parts) > 2 and parts[2] in names), None)


@pytest.mark.parametrize("app", APPS_BELOW)
def test_app_imports_only_the_apps_below_it(app: str) -> None:
    imported = {app_of(name) for module in SOURCES if app_of(module) == app for name in imports_of(module)}
    assert imported - {app, ""} <= APPS_BELOW[app]


def test_every_app_has_its_place() -> None:
    assert {path.parent.name for path in ARENA.glob("*/apps.py")} == set(APPS_BELOW)


def test_no_module_imports_one_of_a_higher_floor() -> None:
    upwards = [
        f"{module} -> {imported}"
        for module in SOURCES
        for imported in imports_of(module)
        if (ours := floor_of(module)) is not None and (theirs := floor_of(imported)) is not None and ours < theirs
    ]
    assert upwards == []


def test_there_are_no_circles() -> None:
    TopologicalSorter({module: imports_of(module) for module in SOURCES}).prepare()


def test_no_import_stands_inside_a_function() -> None:
    inside = [
        f"{module}: {function.name}"
        for module, source in SOURCES.items()
        for function in ast.walk(source)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(isinstance(node, ast.Import | ast.ImportFrom) for node in ast.walk(function))
    ]
    assert inside == []


@pytest.mark.parametrize("module", sorted(KNOW_NO_DJANGO))
def test_what_needs_no_django_imports_none(module: str) -> None:
    assert not any(name.partition(".")[0] == "django" for name in reached_from(module))


def reached_from(module: str) -> set[str]:
    """Everything it imports, directly or not."""
    reached, unread = set[str](), {module}
    while unread:
        imported = imports_of(unread.pop())
        unread |= {name for name in imported - reached if name in SOURCES}
        reached |= imported
    return reached
