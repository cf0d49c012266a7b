"""The environment of a test run, set before Django reads its settings: nothing of the developer's own is used."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

VAR_DIR = Path(tempfile.mkdtemp(prefix="arena-tests-"))
atexit.register(shutil.rmtree, VAR_DIR, ignore_errors=True)
(VAR_DIR / "static").mkdir()  # servestatic warns where there is none, and warnings are errors

for name in ("REDIS_URL", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ARENA_CATALOGUE"):
    os.environ[name] = ""
os.environ["ARENA_VAR"] = str(VAR_DIR)
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
os.environ["SECRET_KEY"] = "only-for-tests"
os.environ["DEBUG"] = "false"
os.environ["ALLOWED_HOSTS"] = "localhost,127.0.0.1,testserver"
os.environ["OLLAMA_HOST"] = "http://127.0.0.1:9"  # the discard port: nothing answers there
os.environ["ARENA_SIMULATED"] = "auto"
