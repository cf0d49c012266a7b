"""`make chaos`: processes are killed, stopped and frozen while people watch and vote; nothing may be lost.

A seed plans the same battles and faults each time. `make chaos ARGS="--seeds 20"` tries twenty in a row.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import tests.environment  # noqa: F401  # before any settings are read
from tests.chaos.arenas import KINDS
from tests.chaos.plan import Size
from tests.chaos.trial import Report, prepare, try_once

COLUMNS = ("kind", "seed", "battles", "responses", "failed", "taken_over", "viewers", "connections", "ballots")
LAST = ("ballot_tries", "ready_after_s", "terminal_after_s", "seen_after_s", "took_s")


def cells(report: Report) -> list[str]:
    values = [getattr(report, name) for name in (*COLUMNS, *LAST)]
    return [f"{value:.1f}" if isinstance(value, float) else str(value) for value in values] + [
        str(len(report.findings) or "none")
    ]


def say(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def nobody(words: str) -> None:
    """Hears what happens where only the table is wanted."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="how many trials of each kind")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--kind", choices=[*KINDS, "both"], default="both")
    parser.add_argument("--battles", type=int, default=50)
    parser.add_argument("--faults", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=45.0, help="in which all is begun")
    parser.add_argument("--paced", action="store_true", help="half of the battles at one pace, or together")
    parser.add_argument("--quiet", action="store_true", help="only the table")
    parser.add_argument("--keep", action="store_true", help="keep logs and databases even where nothing was found")
    options = parser.parse_args()
    pacings = ("live", "live", "even", "together") if options.paced else ("live",)
    size = Size(options.battles, options.faults, options.seconds, pacings=pacings)
    kinds = list(KINDS) if options.kind == "both" else [options.kind]
    folder = Path(tempfile.mkdtemp(prefix="arena-chaos-"))
    prepared = prepare(folder)
    reports = []
    titles = [*COLUMNS, *LAST, "findings"]
    widths = [max(len(title), 7) for title in titles]
    lines = ["  ".join(title.rjust(width) for title, width in zip(titles, widths, strict=True))]
    say(lines[0])
    for seed in range(options.first, options.first + options.seeds):
        for kind in kinds:
            place = folder / f"{kind}-{seed}"
            report = try_once(kind, seed, size, prepared, place, nobody if options.quiet else say)
            reports.append(report)
            lines.append("  ".join(cell.rjust(width) for cell, width in zip(cells(report), widths, strict=True)))
            say(lines[-1])
            for finding in report.findings:
                say(f"    ! {finding}")
            if report.findings:
                say(f"    logs: {place}")
            elif not options.keep:
                shutil.rmtree(place)
    found = sum(len(report.findings) for report in reports)
    say("\n".join(["", *lines, "", f"{len(reports)} trials, {found} findings"]))
    if not found and not options.keep:
        shutil.rmtree(folder)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
