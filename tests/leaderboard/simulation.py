"""Battles drawn from a known truth, as arrays."""

import numpy as np

from arena.leaderboard.outcomes import Floats, Votes


def simulated_votes(
    strength: Floats, *, battles: int, slots: int, ballots: int, seed: int, agreement: float = 0.0
) -> Votes:
    """Each battle has a difficulty of its own (Rasch); voters repeat the first voter's verdict with `agreement`.

    The best pick follows Luce's rule; a pick that equals no other's is a tie with probability 1/5.
    """
    random = np.random.default_rng(seed)
    rows = []
    for battle in range(battles):
        seated = random.choice(len(strength), slots, replace=False)
        difficulty = random.normal()
        chances = 1 / (1 + np.exp(-(strength[seated] - difficulty)))
        odds = np.exp(strength[seated])
        first_correct = random.random(slots) < chances
        first_best = random.choice(slots, p=odds / odds.sum())
        for number in range(ballots):
            same = number == 0 or random.random() < agreement
            correct = first_correct if same else random.random(slots) < chances
            best = first_best if same else random.choice(slots, p=odds / odds.sum())
            picked = np.full(slots, 0.5) if random.random() < 0.2 else (np.arange(slots) == best).astype(float)
            rows += [
                (battle, battle * ballots + number, contestant, right, pick)
                for contestant, right, pick in zip(seated, correct, picked, strict=True)
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
