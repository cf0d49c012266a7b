"""Without PostgreSQL its trial is left out; the suite says that it is missing."""

import faulthandler
import sys
from collections.abc import Iterator

import pytest

from tests import chromium, postgres

collect_ignore = [] if postgres.find_programs() or chromium.is_ci() else ["test_cluster_in_chaos.py"]

# A trial starts a dozen processes, and is bounded by itself; on a busy machine it takes longer than tests may hang.
TRIAL_LIMIT_S = 420


@pytest.fixture
def time_for_a_trial() -> Iterator[None]:
    faulthandler.dump_traceback_later(TRIAL_LIMIT_S, exit=True, file=sys.__stderr__)
    yield
    faulthandler.cancel_dump_traceback_later()
