"""Ten thousand damaged streams: each ends in a Finish or a ProviderError, with clean text, whatever reads it."""

import random

import pytest

from tests.contestants.mutations import mutated
from tests.contestants.recordings import recordings, told
from tests.contestants.streams import ALL_PARSERS, streams

RUNS = 10_000
SHARDS = 50
MAX_BYTES = 12_000  # of a recording: its beginning and its end, for speed

SEEDS = [(stream.protocol, stream.data) for stream in streams()]
SEEDS += [
    (recording.protocol, recording.data[: MAX_BYTES // 2] + recording.data[-MAX_BYTES // 2 :])
    for recording in recordings()
]


@pytest.mark.parametrize("shard", range(SHARDS))
def test_damaged_stream_ends_in_a_finish_or_a_provider_error(shard: int) -> None:
    chance = random.Random(shard)
    for _ in range(RUNS // SHARDS):
        protocol, data = chance.choice(SEEDS)
        data = mutated(chance, data, chance.choice(SEEDS)[1])
        reader = protocol if chance.random() < 0.9 else chance.choice(list(ALL_PARSERS))
        size = chance.choice((0, 0, 0, 1, 7, chance.randint(2, 2000)))
        parser = ALL_PARSERS[reader](opens_with_reasoning=chance.random() < 0.2)
        told(parser, data, size)  # asserts it


def test_same_damage_gives_the_same_story_however_it_is_cut() -> None:
    chance = random.Random("cuts")
    for _ in range(300):
        protocol, data = chance.choice(SEEDS)
        data = mutated(chance, data, data)
        stories = [told(ALL_PARSERS[protocol](), data, size) for size in (0, 1, 7)]
        assert len({type(story.error) for story in stories}) == 1
        finishes = [story.finish and (story.finish.reasoning, story.finish.answer) for story in stories]
        assert finishes[0] == finishes[1] == finishes[2]
