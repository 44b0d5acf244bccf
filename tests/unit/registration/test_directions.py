"""Directions in words."""

import numpy as np

from dwangstats.registration.directions import direction_words

NAMES = ("rate:Intercept", "rate:year", "registration:Intercept")


def test_the_largest_loadings_are_named_with_their_sign() -> None:
    assert direction_words(np.array([0.7, 0.01, -0.6]), NAMES) == "rate:Intercept against registration:Intercept"
    assert direction_words(np.array([-0.7, 0.6, 0.1]), NAMES) == "rate:Intercept against rate:year"
    assert direction_words(np.array([0.5, 0.4, 0.6]), NAMES) == (
        "registration:Intercept and rate:Intercept and rate:year"
    )
    assert direction_words(np.array([0.0, 1.0, 0.0]), NAMES) == "rate:year"
