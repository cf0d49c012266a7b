"""Texts of many languages, a line each, with `\\n` for a line's end."""

from pathlib import Path

DATA = Path(__file__).with_name("data")


def samples(name: str) -> list[str]:
    lines = (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [line.replace("\\n", "\n") for line in lines if line]
