"""The bench's own arithmetic: what counts as lost, late and silent."""

import math

import pytest

from tests.bench import aims
from tests.bench.load import STEADY, Load, Stream, percentile
from tests.bench.readers import Reading, understand
from tests.bench.recovery import silence_s
from tests.bench.rows import table
from tests.bench.streams import add_ratios, lateness, lost_or_doubled

FEW = Load("few", tokens=4, rate=10.0, streams=1)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("t0 t1 t2 t3 ", 0),
        ("t0 t1t2 t3", 0),  # the white space between reasoning and answer is dropped on the way
        ("t0 t1 t2 ", 1),
        ("t0 t1 t2 t3 t3 ", 1),
        ("t0 t2 t1 t3 ", 2),
        ("", 4),
    ],
)
def test_lost_doubled_and_exchanged_tokens_are_counted(text: str, wrong: int) -> None:
    assert Stream("", text).lost_or_doubled(4) == wrong


def test_a_stream_that_never_came_is_lost_whole() -> None:
    assert lost_or_doubled([Reading("battle")], FEW) == 4


def test_lateness_counts_from_when_each_token_was_due() -> None:
    stream = Stream("battle", "t0 t1 t2 t3 ", arrivals=[100.03, 100.12, 100.21, 100.34])
    reading = Reading("battle", asked_at=99.95, streams={"A": stream})

    row = lateness([reading], {"battle": [50.0, 100.0]}, FEW)  # the first start was another run's

    assert row["token_latency_p50_ms"] == 20.0
    assert row["token_latency_p99_ms"] == 40.0
    assert row["first_token_p50_ms"] == 80.0


def test_what_a_late_viewer_finds_there_is_not_late() -> None:
    stream = Stream("battle", "t0 t1 t2 t3 ", arrivals=[100.25, 100.25, 100.25, 100.31])
    reading = Reading("battle", asked_at=99.95, joined_late=True, streams={"A": stream})

    row = lateness([reading], {"battle": [100.0]}, FEW)

    assert row["token_latency_p99_ms"] == 10.0


def test_silence_is_the_longest_time_without_text_from_the_kill_on() -> None:
    assert silence_s([1.0, 5.0, 5.1, 5.2, 8.2, 8.3], killed_at=5.25) == pytest.approx(3.0)
    assert silence_s([5.0, 5.1], killed_at=6.0) == 0.0


def test_frames_of_a_battle_are_understood_as_a_page_does() -> None:
    frames = [
        (1.0, '{"c":"a","e":[{"type":"snapshot","slot":"A","turn":0,"reasoning":"","answer":"","status":"waiting"}]}'),
        (2.0, '{"c":"b","e":[["A",0,"r","t0 t1 "]]}'),
        (3.0, '{"c":"c","e":[{"type":"restarted","slot":"A","turn":0},["A",0,"r","t0 "]]}'),
        (4.0, '{"c":"d","e":[["A",0,"a","t1 t2 t3 "],{"type":"finished","slot":"A","turn":0}]}'),
    ]

    (reading,) = understand("arena", Reading("battle"), [frames])

    assert reading.streams["A"].text == "t0 t1 t2 t3 "
    assert reading.streams["A"].arrivals == [3.0, 4.0, 4.0, 4.0]
    assert reading.streams["A"].is_ended
    assert reading.bytes == sum(len(data) + (2 if len(data) < 126 else 4) for _, data in frames)


def test_pieces_of_a_body_are_put_together() -> None:
    line = 'data: {"choices":[{"delta":{"reasoning_content":"t0 "}}]}\n\n'

    (reading,) = understand("direct", Reading("battle"), [[(1.0, line[:20]), (2.0, line[20:] + "data: [DONE]\n\n")]])

    assert (reading.streams["0"].text, reading.streams["0"].arrivals) == ("t0 ", [2.0])


def test_ratios_stand_beside_the_arena_and_the_relay() -> None:
    rows = [
        {"system": system, "first_token_p50_ms": first, "cpu_s_per_1000_tokens": cpu, "bytes_per_token": 15.0}
        for system, first, cpu in (("direct", 2.0, 0.0), ("relay", 3.0, 0.02), ("arena", 20.5, 0.05))
    ]

    add_ratios(rows)

    assert rows[2]["added_first_token_p50_ms"] == 18.5
    assert rows[2]["cpu_per_relay_cpu"] == 2.5
    assert "cpu_per_relay_cpu" not in rows[0]


def test_aims_are_judged_by_the_worst_row_that_they_are_for() -> None:
    streams = [
        {"system": "relay", "battles": 200, "lost_or_doubled": 7},
        {"system": "arena", "battles": 50, "lost_or_doubled": 5},
        {"system": "arena", "battles": 200, "lost_or_doubled": 1},
    ]

    judged = aims.judge({"streams": streams})

    assert [(row["measured"], row["holds"]) for row in judged if "lost" in str(row["aim"])] == [(1.0, False)]


def test_what_was_not_measured_is_not_judged() -> None:
    assert aims.judge({}) == []


def test_percentiles_are_values_that_occurred() -> None:
    assert [percentile([3.0, 1.0, 2.0, 4.0], percent) for percent in (25, 50, 75, 99)] == [1.0, 2.0, 3.0, 4.0]
    assert math.isnan(percentile([], 50))


def test_a_table_says_plainly_what_does_not_hold() -> None:
    assert table("Aims", [{"aim": "lost", "holds": False}], {"aim": "aim", "holds": "holds"}) == (
        "Aims\n aim  holds\nlost     NO\n\n"
    )


def test_a_load_is_a_simulated_model_that_says_numbered_tokens() -> None:
    assert STEADY.model == "load?tokens=400&rate=50&think=0.5&delay=0"
    assert STEADY.catalogue.count("[[contestant]]") == len(STEADY.slugs) == 2
