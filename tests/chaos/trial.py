"""One trial: an arena, a plan, and what must be true of it afterwards."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.processes import ROOT
from tests.chaos.arenas import KINDS, Arena, answers
from tests.chaos.people import ChaosViewer, People, disorder, play_one_more
from tests.chaos.plan import Plan, Size, line_up, make_plan
from tests.survival.viewer import Texts

# Who was refused in the last moment presses the button once more, after the battles have ended.
VOTE_LIMIT_S = 15.0
# What was struck is running again so long after the last fault, and works so long after that.
WELL_LIMIT_S = 60.0
POLL_S = 0.05
LOOK_EVERY_S = 0.5

TEXTS = """
    SELECT b.id, t."index", s.slot, r.status, r.reasoning, r.answer, r.failure_code, r.attempt, c.slug
    FROM battles_response r JOIN battles_turn t ON t.id = r.turn_id JOIN battles_battle b ON b.id = t.battle_id
    JOIN battles_seat s ON s.id = r.seat_id JOIN contestants_contestant c ON c.id = s.contestant_id
"""
BATTLES = "SELECT id, status FROM battles_battle"
BALLOTS = """
    SELECT o.comment, o.battle_id, o.best, s.slot, v.judgement
    FROM voting_ballot o JOIN voting_verdict v ON v.ballot_id = o.id JOIN battles_seat s ON s.id = v.seat_id
"""
ATTEMPTS = """
    SELECT t.prompt, SUM(r.attempt) FROM battles_turn t JOIN battles_response r ON r.turn_id = t.id
    WHERE t."index" = 0 GROUP BY t.prompt
"""
TERMINAL = {"finished", "failed", "stopped"}


@dataclass
class Report:
    """What a trial showed. `findings` is empty if all held."""

    kind: str
    seed: int
    faults: list[str] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    battles: int = 0
    responses: int = 0
    failed: int = 0
    taken_over: int = 0
    viewers: int = 0
    connections: int = 0
    messages: int = 0
    ballots: int = 0
    ballot_tries: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    ready_after_s: float = 0.0
    terminal_after_s: float = 0.0
    seen_after_s: float = 0.0
    took_s: float = 0.0


class Crowd:
    """The people, in a thread of their own: the arena's processes belong to the main one."""

    def __init__(self, people: People) -> None:
        self.people = people
        self._is_over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._main, name="people")

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._is_over.set)
        self._thread.join()

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception as error:  # noqa: BLE001  # the outermost line of this thread
            self.people.findings.append(f"the people broke: {error!r} {getattr(error, 'exceptions', '')}")

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        living = asyncio.create_task(self.people.run())
        over = asyncio.create_task(self._is_over.wait())
        await asyncio.wait([living, over], return_when=asyncio.FIRST_COMPLETED)
        living.cancel()
        over.cancel()
        await asyncio.wait([living])
        if not living.cancelled():
            living.result()


@dataclass
class Saved:
    """What the database has."""

    texts: dict[str, Texts] = field(default_factory=dict)
    statuses: dict[tuple[str, int, str], str] = field(default_factory=dict)
    contestants: dict[tuple[str, int, str], str] = field(default_factory=dict)
    attempts: dict[tuple[str, int, str], int] = field(default_factory=dict)
    battles: dict[str, str] = field(default_factory=dict)

    @property
    def is_terminal(self) -> bool:
        return set(self.statuses.values()) <= TERMINAL and "running" not in self.battles.values()


def read(arena: Arena) -> Saved:
    saved = Saved(battles={plain(id_): status for id_, status in arena.rows(BATTLES)})
    for battle, turn, slot, status, reasoning, answer, _, attempt, slug in arena.rows(TEXTS):
        key = plain(battle), turn, slot
        saved.texts.setdefault(plain(battle), {})[turn, slot] = reasoning, answer
        saved.statuses[key], saved.contestants[key], saved.attempts[key] = status, slug, attempt
    return saved


def plain(id_: object) -> str:
    """PostgreSQL gives UUIDs, SQLite their digits."""
    return str(id_).replace("-", "")


def prepare(folder: Path) -> Path:
    """A `var/` with tables and static files, made once for all trials."""
    var = folder / "prepared"
    var.mkdir()
    environment = os.environ | {"ARENA_VAR": str(var), "DATABASE_URL": "", "REDIS_URL": ""}
    subprocess.run([sys.executable, "manage.py", "arena", "prepare"], cwd=ROOT, env=environment, check=True)
    return var


def try_once(
    kind: str, seed: int, size: Size, prepared: Path, folder: Path, say: Callable[[str], None] = lambda words: None
) -> Report:
    """One trial from start to end; logs and databases stay in the folder."""
    folder.mkdir(parents=True)
    arena = KINDS[kind](folder, prepared)
    plan = make_plan(seed, size, arena.blows)
    began_at = time.monotonic()

    def tell(words: str) -> None:
        say(f"  {time.monotonic() - began_at:6.1f}  {words}")

    stopped: list[str] = []
    try:
        arena.start()
        tell("started")
        report = hold(arena, plan, tell)
    finally:
        stopped += arena.stop()
    report.findings += stopped
    return report


def hold(arena: Arena, plan: Plan, say: Callable[[str], None]) -> Report:
    """The trial itself; the arena has been started, and is stopped by the caller."""
    people = People(plan, arena.addresses)
    crowd = Crowd(people)
    report = Report(arena.kind, plan.seed, faults=[str(fault) for fault in plan.faults])
    began_at = time.monotonic()
    crowd.begin()
    try:
        _strike(arena, plan, report, say)
        _wait_until_ready(arena, report)
        people.is_quiet = True
        saved = _settle(arena, people, plan.settle_s, report)
    finally:
        crowd.end()
    _look_at_starts(arena, report)
    report.findings += asyncio.run(play_one_more(arena.addresses, plan))
    _look_at_texts(saved, people, report)
    _look_at_ballots(arena, people, report)
    report.findings += people.findings
    report.refused, report.viewers = people.refused, len(people.viewers)
    report.connections = sum(viewer.connections for viewer in people.viewers)
    report.messages = sum(viewer.messages for viewer in people.viewers)
    report.took_s = time.monotonic() - began_at
    return report


def _strike(arena: Arena, plan: Plan, report: Report, say: Callable[[str], None]) -> None:
    """Until the last fault is over and every battle has been started."""
    began_at = time.monotonic()
    faults = list(plan.faults)
    ends_at = max(*(planned.at_s for planned in plan.battles), *(fault.at_s + fault.lasts_s for fault in faults))
    while faults or not arena.is_well or time.monotonic() - began_at < ends_at:
        elapsed_s = time.monotonic() - began_at
        if faults and elapsed_s > faults[0].at_s:
            fault = faults.pop(0)
            say(str(fault))
            arena.strike(fault)
        if elapsed_s > ends_at + WELL_LIMIT_S:
            ill = [part.name for part in arena.parts.values() if not part.is_well]
            report.findings.append(f"{WELL_LIMIT_S:g} s after the last fault these are not there: {ill}")
            return
        report.findings += arena.turn()
        time.sleep(POLL_S)


def _wait_until_ready(arena: Arena, report: Report) -> None:
    """The last fault is over when what was struck works again. How long that takes is for the machine to say."""
    began_at = time.monotonic()
    while not all(answers(f"{address}/readyz") for address in arena.addresses):
        if time.monotonic() - began_at > WELL_LIMIT_S:
            report.findings.append(f"{WELL_LIMIT_S:g} s after the last start the arena is not ready")
            return
        report.findings += arena.turn()
        time.sleep(POLL_S)
    report.ready_after_s = time.monotonic() - began_at


def _settle(arena: Arena, people: People, limit_s: float, report: Report) -> Saved:
    """Wait until everything has come to its end, and note when. The database is asked, not the arena."""
    over_at = time.monotonic()
    saved = Saved()
    while time.monotonic() - over_at < limit_s + VOTE_LIMIT_S:
        report.findings += arena.turn()
        saved = read(arena)
        elapsed_s = time.monotonic() - over_at
        if not saved.is_terminal:
            report.terminal_after_s = 0.0
        elif not report.terminal_after_s:
            report.terminal_after_s = elapsed_s
        if saved.is_terminal and people.have_all_voted and all(has_seen(viewer, saved) for viewer in people.viewers):
            report.seen_after_s = elapsed_s
            break
        time.sleep(LOOK_EVERY_S)
    if not 0 < report.terminal_after_s < limit_s:
        waiting = [f"{key} {status}" for key, status in saved.statuses.items() if status not in TERMINAL]
        running = [id_ for id_, status in saved.battles.items() if status == "running"]
        after = f"after {report.terminal_after_s:.1f} s" if report.terminal_after_s else f"never: {waiting}, {running}"
        report.findings.append(f"not at an end {limit_s:g} s after the last fault, but {after}")
    if not people.have_all_voted:
        report.findings.append(f"not all have voted {limit_s + VOTE_LIMIT_S:g} s after the last fault")
    return saved


def has_seen(viewer: ChaosViewer, saved: Saved) -> bool:
    battle = plain(viewer.battle_id)
    statuses = {key[1:]: status for key, status in saved.statuses.items() if key[0] == battle}
    return viewer.statuses == statuses and viewer.texts == saved.texts[battle]


def _look_at_texts(saved: Saved, people: People, report: Report) -> None:
    tokens = {one.slug: one.tokens for one in line_up()}
    report.battles, report.responses = len(saved.battles), len(saved.statuses)
    report.failed = sum(status == "failed" for status in saved.statuses.values())
    report.taken_over = sum(attempt > 1 for attempt in saved.attempts.values())
    for key, status in saved.statuses.items():
        texts = saved.texts[key[0]][key[1:]]
        if wrong := disorder(texts):
            report.findings.append(f"saved {key}: {wrong}")
        written = len(" ".join(texts).split())
        if status == "finished" and written != tokens[saved.contestants[key]]:
            report.findings.append(f"saved {key}: {written} of {tokens[saved.contestants[key]]} tokens")
    for viewer in people.viewers:
        report.findings += viewer.findings
        if not has_seen(viewer, saved):
            report.findings.append(_difference(viewer, saved))


def _difference(viewer: ChaosViewer, saved: Saved) -> str:
    battle = plain(viewer.battle_id)
    wrong = []
    for key, texts in saved.texts[battle].items():
        seen, status = viewer.texts.get(key, ("", "")), viewer.statuses.get(key, "nothing")
        if seen != texts or status != saved.statuses[battle, *key]:
            wrong.append(
                f"{key}: {len(seen[0])}+{len(seen[1])} of {len(texts[0])}+{len(texts[1])} characters, "
                f"{status} instead of {saved.statuses[battle, *key]}, attempt {saved.attempts[battle, *key]}"
            )
    return f"a viewer of {battle} has not seen what is saved ({viewer.connections} connections): {'; '.join(wrong)}"


def _look_at_starts(arena: Arena, report: Report) -> None:
    """No contestant is asked more often than its attempts are counted: nothing is played twice at once."""
    with urllib.request.urlopen(f"{arena.simulator_url}/simulator/starts", timeout=10) as answer:
        starts: dict[str, list[float]] = json.load(answer)
    for prompt, attempts in arena.rows(ATTEMPTS):
        if len(starts.get(prompt, [])) > attempts:
            report.findings.append(f"{prompt!r} was asked {len(starts[prompt])} times in {attempts} attempts")


def _look_at_ballots(arena: Arena, people: People, report: Report) -> None:
    found: dict[str, list[tuple[str, str, str, str]]] = {}
    for mark, battle, best, slot, judgement in arena.rows(BALLOTS):
        found.setdefault(mark, []).append((plain(battle), best, slot, judgement))
    report.ballot_tries = sum(vote.tries for vote in people.votes)
    report.ballots = len(found)
    for vote in people.votes:
        verdicts = vote.body["verdicts"]
        assert isinstance(verdicts, dict)
        wanted = [(plain(vote.battle_id), vote.body["best"], slot, judged) for slot, judged in verdicts.items()]
        if vote.is_acknowledged and sorted(found.get(vote.mark, [])) != sorted(wanted):
            report.findings.append(f"a ballot was {wanted}, and is {found.get(vote.mark)} after {vote.refusals}")
    if unknown := set(found) - {vote.mark for vote in people.votes}:
        report.findings.append(f"{len(unknown)} ballots that nobody cast")
