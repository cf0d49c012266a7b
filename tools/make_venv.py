"""Make the virtual environment, or say in one line what is missing. Any python3 can run this, to be able to say it."""

import subprocess
import sys

OLDEST = (3, 11)


def main(folder: str) -> None:
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"python3 is {found} here; Python 3.11 or later is needed (make PYTHON=/path/to/python3.11).")
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        sys.exit("python3 comes without venv here; on Debian or Ubuntu: apt-get install python3-venv")
    made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], capture_output=True, text=True)
    if made.returncode:
        words = (made.stderr or made.stdout).strip().splitlines() or ["no reason given"]
        sys.exit(f"cannot make {folder}: {words[-1]}")


if __name__ == "__main__":
    main(sys.argv[1])
