"""A new build is collected while a web process still serves the one before."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.conf import settings as in_force

from arena import settings as shipped
from arena.running.preparation import collect_static, static_names

pytestmark = pytest.mark.filterwarnings("ignore:No directory at")  # of servestatic, before there is one

Collect = Callable[[str], set[str]]


@pytest.fixture
def collect(settings: LazySettings, tmp_path: Path) -> Collect:
    """Builds one file with this text, collects it, and tells its names."""
    settings.VAR_DIR, settings.STATIC_ROOT = tmp_path, tmp_path / "static"
    settings.STATICFILES_DIRS = [tmp_path / "dist"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STORAGES = shipped.STORAGES

    def made(text: str) -> set[str]:
        (tmp_path / "dist").mkdir(exist_ok=True)
        (tmp_path / "dist" / "main.css").write_text(text)
        collect_static()
        return static_names()

    return made


def present() -> set[str]:
    return {path.name for path in in_force.STATIC_ROOT.iterdir() if path.suffix == ".css"}


def test_files_of_the_former_build_are_kept_and_older_ones_dropped(collect: Collect) -> None:
    first, second = collect("a {}"), collect("b {} /* longer */")
    assert len(first) == len(second) == 1
    assert present() == first | second
    third = collect("c {} /* longer still */")
    assert present() == second | third
