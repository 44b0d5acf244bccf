"""The study runner: the same answers on any number of workers, and nothing lost."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dwangstats.errors import DomainError, FitError, IdentificationError
from dwangstats.study.study import Answer, run


def draw(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(3.0, 1.0, size=25)


def mean(sample: Any, rng: np.random.Generator) -> Sequence[Answer]:
    centre, se = float(sample.mean()), float(sample.std(ddof=1) / 5.0)
    return (Answer("mean", 3.0, centre, centre - 2.064 * se, centre + 2.064 * se, se),)


def jittered(sample: Any, rng: np.random.Generator) -> Sequence[Answer]:
    return (Answer("mean", 3.0, float(sample.mean() + rng.normal()), -np.inf, np.inf),)


def sometimes(sample: Any, rng: np.random.Generator) -> Sequence[Answer]:
    if sample[0] > 4.0:
        raise FitError("not certified")
    if sample[0] < 2.5:
        raise IdentificationError("the data cannot tell")
    return mean(sample, rng)


ANALYSES = {"mean": mean, "jittered": jittered, "sometimes": sometimes}


def test_the_t_interval_covers_and_its_se_is_right() -> None:
    row = run(draw, {"mean": mean}, replicates=600, rng=1).table.iloc[0]
    # Three Monte Carlo standard errors.
    assert abs(row["coverage"] - 0.95) < 3 * row["coverage_error"]
    assert abs(row["bias"]) < 3 * row["bias_error"]
    assert abs(row["empirical_sd"] - 0.2) < 3 * row["empirical_sd_error"]


def test_workers_do_not_change_an_answer() -> None:
    one = run(draw, ANALYSES, replicates=12, rng=7)
    two = run(draw, ANALYSES, replicates=12, rng=7, workers=2)
    pd.testing.assert_frame_equal(one.answers, two.answers, check_exact=True)


def test_an_analysis_more_leaves_the_others_as_they_were() -> None:
    fewer = run(draw, {"mean": mean}, replicates=5, rng=3).answers
    more = run(draw, ANALYSES, replicates=5, rng=3).answers
    pd.testing.assert_frame_equal(fewer, more[more["analysis"] == "mean"].reset_index(drop=True), check_exact=True)


def test_refused_and_failed_replicates_are_counted() -> None:
    study = run(draw, {"sometimes": sometimes}, replicates=60, rng=5)
    row = study.table.iloc[0]
    firsts = [draw(np.random.default_rng(seed.spawn(1)[0]))[0] for seed in _seeds(5, 60)]
    assert row["failed"] == sum(first > 4.0 for first in firsts) > 0
    assert row["refused"] == sum(first < 2.5 for first in firsts) > 0
    assert row["replicates"] + row["failed"] + row["refused"] == 60


def test_all_refused_is_a_row_and_not_a_gap() -> None:
    def never(sample: Any, rng: np.random.Generator) -> Sequence[Answer]:
        raise IdentificationError("the data cannot tell")

    row = run(draw, {"never": never}, replicates=3, rng=1).table.iloc[0]
    assert (row["analysis"], row["refused"], row["replicates"]) == ("never", 3, 0)


def test_other_errors_are_not_swallowed() -> None:
    def broken(sample: Any, rng: np.random.Generator) -> Sequence[Answer]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(draw, {"broken": broken}, replicates=1, rng=1)


@pytest.mark.parametrize(("replicates", "analyses"), [(0, {"mean": mean}), (5, {})])
def test_nothing_to_do_is_refused(replicates: int, analyses: dict[str, Any]) -> None:
    with pytest.raises(DomainError, match="at least one"):
        run(draw, analyses, replicates=replicates, rng=1)


def test_progress_counts_to_the_end() -> None:
    steps: list[tuple[int, int]] = []
    run(draw, {"mean": mean}, replicates=4, rng=1, progress=lambda done, of: steps.append((done, of)))
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]


def _seeds(rng: int, count: int) -> list[np.random.SeedSequence]:
    return list(np.random.SeedSequence(rng).spawn(count))
