"""Somebody who measures everything about when text comes cannot tell a contestant from one four times as fast.

The same observer, with the same measurements, tells them apart nearly always where text is shown live.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from tests.blindness.timing import Frame, Speaker, live, traits, watch

BATTLES = 500
CHARS = (200, 1500)
FOLDS = 5
NEIGHBOURS = 15
RIGHT_AT_MOST = 0.55  # on average of the two ways to guess; in 2,000 battles it was 0.46 to 0.53
ALPHA = 0.01  # of all two-sample tests of a case together

PAIRS = {
    "four times as fast": (Speaker(0.5, 80), Speaker(0.5, 20)),
    "and begins later": (Speaker(4.0, 80), Speaker(0.3, 20)),
    "and unsteady": (Speaker(0.5, 80, jitter=0.9, pauses=1.0), Speaker(0.5, 20, jitter=0.9, pauses=1.0)),
    "in large pieces": (Speaker(0.5, 8, piece_chars=40), Speaker(0.5, 2, piece_chars=40)),
    "thinks in silence": (Speaker(20.0, 400, piece_chars=40), Speaker(0.5, 20)),
}

Table = NDArray[np.float64]
Answers = NDArray[np.bool_]
Guess = Callable[[Table, Answers, Table], Answers]


def measured(pacing: str, fast: Speaker, slow: Speaker, *, seed: int) -> tuple[Table, Answers, list[str]]:
    """Of each battle, what can be measured of A against B; whether A is the fast one; the names of the columns."""
    chance = random.Random(seed)
    rows: list[dict[str, float]] = []
    is_fast = []
    for _ in range(BATTLES):
        speakers = [fast, slow]
        chance.shuffle(speakers)
        scripts = {
            slot: speaker.pieces(chance.randint(*CHARS), chance) for slot, speaker in zip("AB", speakers, strict=True)
        }
        frames: Sequence[Frame] = live(scripts) if pacing == "live" else watch(pacing, scripts, chance)
        rows.append(traits(frames, "A", "B"))
        is_fast.append(speakers[0] is fast)
    return np.array([list(row.values()) for row in rows]), np.array(is_fast), list(rows[0])


def telling(table: Table, is_fast: Answers, names: list[str]) -> dict[str, float]:
    """The columns whose values differ between fast and slow by more than chance would have it, with p."""
    found = {}
    for name, values in zip(names, table.T, strict=True):
        p = float(ks_2samp(values[is_fast], values[~is_fast]).pvalue)
        if p < ALPHA / len(names):
            found[name] = p
    return found


def nearest(known: Table, answers: Answers, asked: Table) -> Answers:
    distances = ((asked[:, None, :] - known[None]) ** 2).sum(-1)
    votes: Table = answers[np.argsort(distances, axis=1)[:, :NEIGHBOURS]].mean(axis=1)
    return votes > 0.5


def weighed(known: Table, answers: Answers, asked: Table) -> Answers:
    """Logistic regression, with a little weight decay."""
    weights = np.zeros(known.shape[1])
    for _ in range(300):
        chances = 1 / (1 + np.exp(-np.clip(known @ weights, -30, 30)))
        weights -= 0.1 * (known.T @ (chances - answers) / len(known) + 0.01 * weights)
    return np.asarray(asked @ weights > 0)


def share_right(guess: Guess, table: Table, is_fast: Answers) -> float:
    """Cross-validated: what is guessed was never learned from."""
    scaled = (table - table.mean(axis=0)) / (table.std(axis=0) + 1e-9)
    fold = np.arange(len(table)) % FOLDS
    right = [
        guess(scaled[fold != part], is_fast[fold != part], scaled[fold == part]) == is_fast[fold == part]
        for part in range(FOLDS)
    ]
    return float(np.concatenate(right).mean())


CASES = [*(("even", pair) for pair in PAIRS), ("together", "and unsteady")]


@pytest.mark.parametrize(("pacing", "pair"), CASES)
def test_times_do_not_tell_who_is_fast(pacing: str, pair: str) -> None:
    fast, slow = PAIRS[pair]
    table, is_fast, names = measured(pacing, fast, slow, seed=1)
    assert telling(table, is_fast, names) == {}
    assert np.mean([share_right(guess, table, is_fast) for guess in (nearest, weighed)]) <= RIGHT_AT_MOST


def test_the_same_observer_tells_them_apart_where_text_is_shown_live() -> None:
    """Or else it would be looking in the wrong places."""
    table, is_fast, names = measured("live", *PAIRS["four times as fast"], seed=1)
    assert len(telling(table, is_fast, names)) > 3
    assert min(map(partial(share_right, table=table, is_fast=is_fast), (nearest, weighed))) > 0.95
