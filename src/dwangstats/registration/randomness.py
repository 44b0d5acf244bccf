"""Random numbers come in as ``rng``: a number, a SeedSequence or a Generator."""

from typing import TypeAlias

import numpy as np

from dwangstats.errors import DomainError

Random: TypeAlias = int | np.random.SeedSequence | np.random.Generator


def generator(rng: Random) -> np.random.Generator:
    """The generator that a number or a SeedSequence stands for; a Generator is used as it is, and moves on.

    Raises
    ------
    DomainError
        If it is none of these, or a negative number: a result without a seed could not be made again.
    """
    if isinstance(rng, np.random.Generator | np.random.SeedSequence):
        return np.random.default_rng(rng)
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise DomainError(
            f"rng must be an integer of at least 0, a numpy SeedSequence or a numpy Generator, got {rng!r}. "
            "A number makes the result repeatable: rng=1."
        )
    return np.random.default_rng(int(rng))
