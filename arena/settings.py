"""The arena's settings. Each can be set in the environment or in `.env`; `.env.example` documents them."""

import hashlib
import secrets
import tempfile
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from arena.environment import (
    env_bool,
    env_choice,
    env_database,
    env_float,
    env_hosts,
    env_int,
    env_ollama_host,
    env_origins,
    env_str,
    env_url,
    env_usd,
    read_dotenv,
)
from arena.masking import remember, remember_environment
from arena.redis_connections import broker_tls, broker_url, keep_alive_options

BASE_DIR = Path(__file__).resolve().parent.parent
read_dotenv(BASE_DIR / ".env")
remember_environment()

# Where this copy of the arena keeps its own files: SQLite, the embedded Redis, the secret key.
VAR_DIR = Path(env_str("ARENA_VAR", str(BASE_DIR / "var"))).absolute()


# --- Web -------------------------------------------------------------------------------------------

HOST = env_str("HOST", "127.0.0.1")
PORT = env_int("PORT", 8000, low=1, high=65535)
DEBUG = env_bool("DEBUG", default=False)
ALLOWED_HOSTS = env_hosts("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]", HOST])
CSRF_TRUSTED_ORIGINS = env_origins("CSRF_TRUSTED_ORIGINS")


def kept_secret_key() -> str:
    """The key generated for this copy at its first start, kept where only its owner can read it."""
    path = VAR_DIR / "secret_key"
    try:
        if path.is_file() and (key := path.read_text().strip()):
            return key
        VAR_DIR.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
        return path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"cannot write to {VAR_DIR} (ARENA_VAR): {error.strerror}.") from error


SECRET_KEY = env_str("SECRET_KEY") or kept_secret_key()
remember(SECRET_KEY)
DEFAULT_EXCEPTION_REPORTER = "arena.debug_pages.MaskedReporter"

ROOT_URLCONF = "arena.urls"
ASGI_APPLICATION = "arena.asgi.application"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "servestatic",
    "django.contrib.staticfiles",
    "channels",
    "csp",
    "ninja",
    "arena.teams",
    "arena.contestants",
    "arena.problems",
    "arena.battles",
    "arena.voting",
    "arena.leaderboard",
    "arena.running",
]

# Static files are served before all of these (see arena/running/handler.py).
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "arena.problem_json.ProblemMiddleware",
    "csp.middleware.CSPMiddleware",
    "arena.teams.gate.RefusalMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "arena.teams.visits.VisitMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "arena.outages.OutageMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Scripts, styles, fonts and sockets come from this site only; nothing is written inline.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Set to true behind a proxy that terminates TLS and sets X-Forwarded-Proto.
BEHIND_TLS_PROXY = env_bool("BEHIND_TLS_PROXY", default=False)
# X-Forwarded-For is written by a proxy of ours; without one it is whatever a visitor likes.
BEHIND_PROXY = env_bool("BEHIND_PROXY", default=False) or BEHIND_TLS_PROXY
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS_PROXY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS_PROXY else None
SESSION_ENGINE = "arena.teams.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 365  # an anonymous voter is known by this cookie alone

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000


# --- People ----------------------------------------------------------------------------------------

AUTH_USER_MODEL = "teams.User"
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]


# --- Database --------------------------------------------------------------------------------------

DATABASES = {
    "default": env_database(
        "DATABASE_URL",
        f"sqlite:///{VAR_DIR / 'arena.sqlite3'}",
        pool_size=env_int("DATABASE_POOL", 10, low=1, high=500),
        sqlite_for_tests=VAR_DIR / "test.sqlite3",
    )
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Of each web process: so many requests may wait for the database at a time.
WEB_THREADS = env_int("WEB_THREADS", 24, low=1, high=500)

# --- Redis and Celery ------------------------------------------------------------------------------


def embedded_redis_socket() -> Path:
    """The embedded Redis listens here: in `var/`, or, where that path is too long for a socket, in /tmp."""
    socket = VAR_DIR / "redis.sock"
    if len(str(socket)) < 100:  # sun_path holds 104 bytes on macOS, 108 on Linux
        return socket
    digest = hashlib.sha256(str(VAR_DIR).encode()).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"reasoning-arena-{digest}" / "redis.sock"


REDIS_IS_EMBEDDED = not env_str("REDIS_URL")
REDIS_URL = env_url("REDIS_URL", f"unix://{embedded_redis_socket()}", schemes=("redis", "rediss", "unix"))

CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_USE_SSL = broker_tls(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
# A task is taken off the queue for good. What a killed worker held is found by its lease (arena/battles/leases.py)
# within seconds; kombu's own redelivery would play battles twice, and crashes workers when Redis goes away.
CELERY_TASK_ACKS_LATE = False
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "ack_emulation": False,
    "socket_timeout": 3,  # a page that enqueues must not hang with a Redis that has fallen silent
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "socket_keepalive_options": keep_alive_options(),
}
CELERY_BROKER_POOL_LIMIT = 8  # connections that a process may hold to enqueue; threads wait for a free one
# A worker takes what it has a free thread for; the rest is for the others.
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Nobody asks workers by Celery's own means: that would be three more connections for each, and queues that remain.
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CONCURRENCY = env_int("WORKER_THREADS", 256, low=2, high=2000)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Opening SQLite costs more than a task's queries: each thread keeps its connection. PostgreSQL's go back to the pool.
CELERY_DB_REUSE_MAX = 0 if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql" else 1000
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # a worker waits for its Redis as long as it takes
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    # What piles up while there is no worker is worth nothing, and would keep one that comes back from its battles.
    "look which contestants answer": {
        "task": "contestants.check_availability",
        "schedule": 30.0,  # so that a server is found well within a minute
        "options": {"expires": 25.0},
    },
    "take over orphaned errands": {"task": "contestants.sweep", "schedule": 10.0, "options": {"expires": 10.0}},
    "refresh the leaderboard": {"task": "leaderboard.refresh", "schedule": 60.0, "options": {"expires": 60.0}},
    "look at who has voted lately": {"task": "voting.watch", "schedule": 30.0, "options": {"expires": 30.0}},
    "keep the books of the budgets": {"task": "battles.keep_books", "schedule": 300.0, "options": {"expires": 250.0}},
    "show that a worker takes tasks": {"task": "running.heartbeat", "schedule": 5.0},
}

# --- Model servers ---------------------------------------------------------------------------------

OLLAMA_HOST = env_ollama_host("OLLAMA_HOST", "http://127.0.0.1:11434")
OPENAI_BASE_URL = env_url("OPENAI_BASE_URL", "https://api.openai.com/v1", schemes=("http", "https"))
ANTHROPIC_BASE_URL = env_url("ANTHROPIC_BASE_URL", "https://api.anthropic.com", schemes=("http", "https"))

# A TOML file that adds contestants or overrides shipped ones.
ARENA_CATALOGUE = env_str("ARENA_CATALOGUE")
# Simulated contestants: in play only when no real one is available (auto), always, or never.
ARENA_SIMULATED = env_choice("ARENA_SIMULATED", "auto", ("auto", "always", "never"))
# Where simulated contestants are served; empty: each worker serves its own on a loopback port.
SIMULATOR_URL = env_url("SIMULATOR_URL", "", schemes=("http",)) if env_str("SIMULATOR_URL") else ""

# --- Arena rules -----------------------------------------------------------------------------------

# How the text of blind battles is shown where nobody chose: live, even or together (see arena/battles/pacing.py).
ARENA_PACING = env_choice("ARENA_PACING", "even", ("live", "even", "together"))
ARENA_ANONYMOUS_BATTLES = env_bool("ARENA_ANONYMOUS_BATTLES", default=True)
ARENA_INVITATION_ONLY = env_bool("ARENA_INVITATION_ONLY", default=False)
# How often (arena/teams/limits.py); 0: without limit. An address may be that of a lecture hall.
ARENA_ADDRESS_QUESTIONS_PER_MINUTE = env_int("ARENA_ADDRESS_QUESTIONS_PER_MINUTE", 120, low=0, high=1_000_000)
ARENA_ADDRESS_BALLOTS_PER_MINUTE = env_int("ARENA_ADDRESS_BALLOTS_PER_MINUTE", 300, low=0, high=1_000_000)
ARENA_ADDRESS_SIGN_INS_PER_MINUTE = env_int("ARENA_ADDRESS_SIGN_INS_PER_MINUTE", 30, low=0, high=1_000_000)
ARENA_PERSON_QUESTIONS_PER_MINUTE = env_int("ARENA_PERSON_QUESTIONS_PER_MINUTE", 30, low=0, high=1_000_000)
ARENA_PERSON_BALLOTS_PER_MINUTE = env_int("ARENA_PERSON_BALLOTS_PER_MINUTE", 60, low=0, high=1_000_000)
ARENA_ACCOUNT_SIGN_INS_PER_HOUR = env_int("ARENA_ACCOUNT_SIGN_INS_PER_HOUR", 30, low=0, high=1_000_000)
ARENA_PROMPT_MAX_CHARS = env_int("ARENA_PROMPT_MAX_CHARS", 50_000, low=100, high=500_000)
ARENA_MAX_TURNS = env_int("ARENA_MAX_TURNS", 20, low=1, high=1000)
# What contestants may cost per UTC calendar day; None: no limit, 0: nothing that costs money.
ARENA_DAILY_BUDGET_USD = env_usd("ARENA_DAILY_BUDGET_USD")
ARENA_TEAM_DAILY_BUDGET_USD = env_usd("ARENA_TEAM_DAILY_BUDGET_USD")  # of each team that has none of its own
ARENA_VISITOR_DAILY_BUDGET_USD = env_usd("ARENA_VISITOR_DAILY_BUDGET_USD")  # of each visitor without an account
# A reasoner may be silent for minutes before its first token, or while its weights are loaded.
ARENA_FIRST_TOKEN_TIMEOUT_S = env_float("ARENA_FIRST_TOKEN_TIMEOUT_S", 900, low=1, high=86_400)
ARENA_SILENCE_TIMEOUT_S = env_float("ARENA_SILENCE_TIMEOUT_S", 180, low=1, high=86_400)
ARENA_RESPONSE_DEADLINE_S = env_float("ARENA_RESPONSE_DEADLINE_S", 3600, low=1, high=86_400)
# A server that is too busy to begin is asked again for so long (arena/contestants/providers/patience.py); 0: never.
ARENA_RETRY_WAIT_S = env_float("ARENA_RETRY_WAIT_S", 90, low=0, high=3600)
# A worker that is told to stop lets what it plays end for so long; what has not ended then is handed over.
ARENA_STOP_GRACE_S = env_float("ARENA_STOP_GRACE_S", 10, low=0, high=3600)
# Each worker looks so often for what nobody plays (arena/battles/orphans.py); 0: never.
ARENA_SWEEP_EVERY_S = env_float("ARENA_SWEEP_EVERY_S", 1, low=0, high=60)
ARENA_RESPONSE_MAX_CHARS = env_int("ARENA_RESPONSE_MAX_CHARS", 2_000_000, low=1000, high=20_000_000)

# --- Static files ----------------------------------------------------------------------------------


def static_file_headers(headers: Headers, path: str, url: str) -> None:
    """Static files are answered before any middleware (see arena/running/handler.py)."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = SECURE_REFERRER_POLICY
    headers["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"  # a picture opened by itself


STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static" / "dist"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}
SERVESTATIC_KEEP_ONLY_HASHED_FILES = True
SERVESTATIC_ADD_HEADERS_FUNCTION = static_file_headers
# Pictures and fonts are compressed already. Source maps take brotli 15 s, and only developers read them.
SERVESTATIC_SKIP_COMPRESS_EXTENSIONS = ["br", "gif", "gz", "jpeg", "jpg", "map", "png", "webp", "woff", "woff2"]

# --- Words, time, logs -----------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

LOG_LEVEL = env_choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error")).upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "arena.masking.MaskedFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s: %(message)s",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "arena": {"level": LOG_LEVEL},
        "django.request": {"level": "ERROR"},
        "httpx": {"level": "WARNING"},
    },
}
