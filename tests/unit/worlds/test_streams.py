"""Seeds: the same seed gives the same streams, layers do not share one, and a caller's own spawning changes nothing."""

import numpy as np
import pytest

from dwangstats.errors import DomainError
from dwangstats.worlds.streams import Streams, open_streams, seed_numbers, seed_sequence


def first_numbers(streams: Streams) -> list[float]:
    return [float(g.random()) for g in streams]


def test_same_int_same_streams():
    assert first_numbers(open_streams(seed_sequence(5))) == first_numbers(open_streams(seed_sequence(5)))
    assert first_numbers(open_streams(seed_sequence(5))) != first_numbers(open_streams(seed_sequence(6)))


def test_layers_have_different_streams():
    numbers = first_numbers(open_streams(seed_sequence(5)))
    assert len(set(numbers)) == len(Streams._fields)


def test_a_sequence_gives_the_same_streams_whatever_was_spawned_from_it():
    sequence = np.random.SeedSequence(5)
    before = first_numbers(open_streams(seed_sequence(sequence)))
    sequence.spawn(3)
    assert first_numbers(open_streams(seed_sequence(sequence))) == before
    assert before == first_numbers(open_streams(seed_sequence(5)))


def test_streams_are_not_those_a_caller_spawns():
    mine = [np.random.default_rng(c).random() for c in np.random.SeedSequence(5).spawn(50)]
    assert not set(mine) & set(first_numbers(open_streams(seed_sequence(5))))


def test_a_generator_is_spawned_from():
    generator = np.random.default_rng(5)
    first, second = (first_numbers(open_streams(seed_sequence(generator))) for _ in range(2))
    assert first != second
    again = np.random.default_rng(5)
    assert first_numbers(open_streams(seed_sequence(again))) == first


def test_seed_numbers_name_the_sequence():
    assert seed_numbers(seed_sequence(5)) == (5,)
    child = np.random.SeedSequence(5).spawn(2)[1]
    assert seed_numbers(seed_sequence(child)) == (5, 1)
    assert seed_numbers(np.random.SeedSequence([3, 4])) == (3, 4)


@pytest.mark.parametrize("bad", [-1, 1.5, "1", None, True])
def test_refuses_what_is_no_seed(bad):
    with pytest.raises(DomainError, match="rng must be an integer of at least 0"):
        seed_sequence(bad)


def test_refuses_a_generator_that_cannot_spawn():
    class NoSeed(np.random.MT19937):
        seed_seq = None

    class Spawns:
        bit_generator = NoSeed(1)

    class Fake(np.random.Generator):
        def spawn(self, n_children):
            return [Spawns()] * n_children

    with pytest.raises(DomainError, match="no SeedSequence"):
        seed_sequence(Fake(np.random.PCG64(1)))
