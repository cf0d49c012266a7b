"""Write uv.lock and the requirements files exported from it; with --check, say which of them is stale."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXPORTS = {
    "requirements.txt": ["--no-dev"],
    "requirements-dev.txt": ["--only-group", "dev"],
    "requirements-node.txt": ["--only-group", "build"],
}


def uv(*arguments: str) -> str:
    command = [sys.executable, "-m", "uv", "--quiet", "--no-config", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"uv {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


def export(name: str) -> str:
    return uv("export", "--frozen", "--no-header", "--no-emit-project", *EXPORTS[name])


def main() -> None:
    is_check = "--check" in sys.argv[1:]
    uv("lock", *(["--check"] if is_check else []))
    stale = [name for name in EXPORTS if not (ROOT / name).is_file() or (ROOT / name).read_text() != export(name)]
    if is_check and stale:
        sys.exit(f"{', '.join(stale)}: not in step with uv.lock; run `make lock`.")
    for name in stale:
        (ROOT / name).write_text(export(name))


if __name__ == "__main__":
    main()
