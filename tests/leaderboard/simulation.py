"""Battles drawn from a known truth, as arrays."""

import numpy as np

from arena.leaderboard.outcomes import Floats, Votes

TIE = 0.5


def simulated_votes(
    strength: Floats, *, battles: int, slots: int, ballots: int, seed: int, agreement: float = 0.0
) -> Votes:
    """Each battle has a difficulty of its own (Rasch); voters repeat the ballot before with `agreement`.

    The best pick follows Davidson's model, for three and more slots as Firth et al. extend it (2019, arXiv:1909.07123):
    the odds of a slot are its own, those of a tie are TIE times the geometric mean of all.
    """
    random = np.random.default_rng(seed)
    rows = []
    for battle in range(battles):
        seated = random.choice(len(strength), slots, replace=False)
        chances = 1 / (1 + np.exp(random.normal() - strength[seated]))
        odds = np.append(np.exp(strength[seated]), TIE * np.exp(strength[seated].mean()))
        for number in range(ballots):
            if number == 0 or random.random() >= agreement:  # otherwise as the voter before
                correct = random.random(slots) < chances
                best = random.choice(slots + 1, p=odds / odds.sum())
            picks = np.full(slots, 0.5) if best == slots else (np.arange(slots) == best).astype(float)
            rows += [
                (battle, battle * ballots + number, contestant, right, pick)
                for contestant, right, pick in zip(seated, correct, picks, strict=True)
            ]
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    return Votes(columns[0], columns[1], columns[2], columns[3].astype(float), columns[4].astype(float))


def votes_of(ballots: list[tuple[int, dict[int, float], int | None]]) -> Votes:
    """Ballots as (battle, {contestant: 1 correct, 0 flawed, nan}, best contestant, -1 for a tie, or None)."""
    rows = []
    for number, (battle, verdicts, best) in enumerate(ballots):
        for contestant, correct in verdicts.items():
            pick = np.nan if best is None else 0.5 if best < 0 else float(contestant == best)
            rows.append((battle, number, contestant, correct, pick))
    columns = np.array(rows, dtype=float).reshape(-1, 5).T
    return Votes(*(column.astype(np.int64) for column in columns[:3]), *columns[3:])
