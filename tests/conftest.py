"""What every test may ask for: a real Redis of its own, a real worker, the arena over HTTP, a browser."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from arena.contestants.services import load_catalogue
from arena.problems.services import load_collection
from arena.running.redis_server import EmbeddedRedis
from tests import chromium
from tests.live import LiveArena, WebProcess, WorkerProcess, live_environment, number_content_types

NOT_RUN = pytest.StashKey[list[str]]()

# A busy machine is no fault of the code: nothing is given up before it is certain that it will not come.
hypothesis.register_profile("arena", deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
hypothesis.load_profile("arena")
expect.set_options(timeout=chromium.EXPECT_MS)


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[EmbeddedRedis]:
    """One real Redis per test process, on a unix socket in the run's own directory."""
    server = EmbeddedRedis()
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def quick_settings(settings: LazySettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }


# --- The running arena -----------------------------------------------------------------------------
# Its processes are started once per test process and use the test database: the tests must commit
# (`transactional_db`, which `worker` and `live_arena` bring along).


@pytest.fixture(scope="session")
def worker_process(django_db_setup: None, redis_server: EmbeddedRedis) -> Iterator[WorkerProcess]:
    process = WorkerProcess(live_environment())
    yield process
    process.stop()


@pytest.fixture(scope="session")
def web_process(django_db_setup: None, redis_server: EmbeddedRedis) -> Iterator[WebProcess]:
    process = WebProcess(live_environment())
    yield process
    process.stop()


@pytest.fixture
def worker(worker_process: WorkerProcess, transactional_db: None) -> WorkerProcess:
    """A real Celery worker that takes tasks. A test may kill it: the next test gets a new one."""
    worker_process.ensure()
    return worker_process


@pytest.fixture
def live_arena(worker: WorkerProcess, web_process: WebProcess, transactional_db: None) -> LiveArena:
    """The whole arena on a loopback port, with the shipped contestants (the simulated ones answer) and problems."""
    load_catalogue()
    load_collection()
    number_content_types()
    web_process.ensure()
    return LiveArena(web_process, worker)


# --- The browser -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, started once per file of tests: kept longer, its event loop would disturb asynchronous tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=chromium.FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser, live_arena: LiveArena) -> Iterator[BrowserContext]:
    """A visitor's own cookies, at the live arena."""
    context = browser.new_context(base_url=live_arena.url, reduced_motion="reduce")
    context.set_default_timeout(chromium.TIMEOUT_MS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


# --- Groups that need something of the machine -----------------------------------------------------


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without Chromium the browser tests are left out and the end of the run says so; under CI that is an error."""
    config.stash[NOT_RUN] = []
    browser_tests = [
        item for item in items if "browser" in getattr(item, "fixturenames", ()) or item.get_closest_marker("browser")
    ]
    for item in browser_tests:
        item.add_marker("browser")
    if not browser_tests or chromium.find():
        return
    if chromium.is_ci():
        pytest.exit(f"Chromium is missing; {chromium.HOW_TO_GET_IT}", returncode=pytest.ExitCode.USAGE_ERROR)
    items[:] = [item for item in items if item not in browser_tests]
    config.hook.pytest_deselected(items=browser_tests)
    config.stash[NOT_RUN].append(f"{len(browser_tests)} browser tests need Chromium: {chromium.HOW_TO_GET_IT}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(NOT_RUN, []):
        terminalreporter.write_line(f"NOT RUN: {line}", yellow=True)
