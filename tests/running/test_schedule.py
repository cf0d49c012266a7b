"""What beat sends by the clock."""

import pytest
from django.conf import settings

from arena.celery import app


@pytest.mark.parametrize("name", settings.CELERY_BEAT_SCHEDULE)
def test_nothing_piles_up_while_there_is_no_worker(name: str) -> None:
    entry = settings.CELERY_BEAT_SCHEDULE[name]
    app.loader.import_default_modules()
    expires = entry.get("options", {}).get("expires") or app.tasks[entry["task"]].expires
    assert expires and expires <= max(30, entry["schedule"])
