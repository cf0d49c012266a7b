"""The environment of a test run, set before Django reads its settings: nothing of the developer's own is used.

TEST_DATABASE=postgres runs the tests on PostgreSQL, in a cluster made for the run; TEST_DATABASE_URL names one to use.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests import postgres

VAR_DIR = Path(tempfile.mkdtemp(prefix="arena-tests-"))
atexit.register(shutil.rmtree, VAR_DIR, ignore_errors=True)
(VAR_DIR / "static").mkdir()  # servestatic warns where there is none, and warnings are errors


def database_url() -> str:
    """Empty for SQLite. Workers of a parallel run inherit the variable, and so share one cluster."""
    if os.environ.get("TEST_DATABASE", "sqlite") != "postgres":
        return ""
    if "TEST_DATABASE_URL" not in os.environ:
        programs = postgres.find_programs()
        if programs is None:
            pytest.exit(
                f"PostgreSQL is not installed; {postgres.HOW_TO_GET_IT}", returncode=pytest.ExitCode.USAGE_ERROR
            )
        cluster = postgres.Cluster(programs)
        cluster.start()
        os.environ["TEST_DATABASE_URL"] = cluster.url
    return os.environ["TEST_DATABASE_URL"]


# Tests vote faster than people, and all from one address; those of the limits set them.
for name in (
    "ARENA_ADDRESS_QUESTIONS_PER_MINUTE",
    "ARENA_ADDRESS_BALLOTS_PER_MINUTE",
    "ARENA_ADDRESS_SIGN_INS_PER_MINUTE",
    "ARENA_PERSON_QUESTIONS_PER_MINUTE",
    "ARENA_PERSON_BALLOTS_PER_MINUTE",
    "ARENA_ACCOUNT_SIGN_INS_PER_HOUR",
):
    os.environ[name] = "0"
for name in (
    "REDIS_URL",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "ARENA_CATALOGUE",
    "SIMULATOR_URL",
    "CSRF_TRUSTED_ORIGINS",
    "BEHIND_TLS_PROXY",
    "BEHIND_PROXY",
    "HOST",
    "PORT",
    "ARENA_DAILY_BUDGET_USD",
    "ARENA_TEAM_DAILY_BUDGET_USD",
    "ARENA_VISITOR_DAILY_BUDGET_USD",
):
    os.environ[name] = ""
os.environ["ARENA_VAR"] = str(VAR_DIR)
os.environ["DATABASE_URL"] = database_url()
os.environ["DATABASE_POOL"] = "20"
os.environ["SECRET_KEY"] = "only-for-tests"
os.environ["DEBUG"] = "false"
os.environ["LOG_LEVEL"] = "info"
os.environ["ALLOWED_HOSTS"] = "localhost,127.0.0.1,testserver"
os.environ["OLLAMA_HOST"] = "http://127.0.0.1:9"  # the discard port: nothing answers there
os.environ["ARENA_SIMULATED"] = "auto"
os.environ["ARENA_PACING"] = "live"  # most tests are about something else, and would wait; those about pacing choose
# A browser driven from a test leaves an event loop in the test's thread, where Django refuses its ORM otherwise.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
