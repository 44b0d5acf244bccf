"""Run analyses over panels with known truth: `run`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from dwangstats._types import Progress
from dwangstats.errors import DomainError, FitError, IdentificationError
from dwangstats.study.performance import performance

Outcome: TypeAlias = Literal["estimate", "refused", "failed"]
Draw: TypeAlias = Callable[[np.random.Generator], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one analysis says of one quantity in one replicate.

    Attributes
    ----------
    quantity : str
    truth, estimate, lower, upper : float
    standard_error : float
        NaN where the analysis reports none.
    """

    quantity: str
    truth: float
    estimate: float
    lower: float
    upper: float
    standard_error: float = float("nan")


Analysis: TypeAlias = Callable[[Any, np.random.Generator], Sequence[Answer]]

COLUMNS = ("replicate", "analysis", "outcome", "quantity", "truth", "estimate", "lower", "upper", "standard_error")


@dataclass(frozen=True, slots=True, eq=False)
class StudyResult:
    """All answers of a study.

    Attributes
    ----------
    answers : DataFrame
        One row per replicate, analysis and quantity: replicate, analysis, outcome ("estimate", "refused" where the
        analysis says that the data cannot tell, "failed" where a fit was not certified), quantity, truth, estimate,
        lower, upper, standard_error. An analysis that gave no answer has one row without a quantity.
    replicates : int
    """

    answers: pd.DataFrame
    replicates: int

    @property
    def table(self) -> pd.DataFrame:
        """One row per analysis and quantity: the fields of `Performance`, and the replicates refused and failed.

        Replicates without an answer are counted, never left out of sight: performance is over the others.
        """
        rows = []
        for analysis, own in self.answers.groupby("analysis", sort=False):
            lost = own["outcome"].value_counts()
            without = {"refused": int(lost.get("refused", 0)), "failed": int(lost.get("failed", 0))}
            given = own[own["outcome"] == "estimate"]
            if given.empty:
                rows.append({"analysis": analysis, "quantity": "", "replicates": 0, **without})
            for quantity, part in given.groupby("quantity", sort=False):
                columns = [part[name].to_numpy(np.float64) for name in COLUMNS[4:]]
                rows.append({"analysis": analysis, "quantity": quantity, **asdict(performance(*columns)), **without})
        return pd.DataFrame(rows)


def run(
    draw: Draw,
    analyses: Mapping[str, Analysis],
    *,
    replicates: int,
    rng: int | np.random.Generator,
    workers: int = 1,
    progress: Progress | None = None,
) -> StudyResult:
    """Draw panels and analyse each in every way.

    Parameters
    ----------
    draw : callable
        Generator to whatever the analyses take.
    analyses : mapping of str to callable
        Each takes what was drawn and a generator, and returns its answers. IdentificationError counts as refused and
        FitError as failed; any other error ends the study.
    replicates : int
        >= 1.
    rng : int or numpy.random.Generator
        Every replicate has streams of its own, so the answers do not depend on the number of workers.
    workers : int
        Processes.
    progress : callable, optional
        Called with (replicates done, replicates).

    Returns
    -------
    StudyResult

    Raises
    ------
    DomainError
        If there is nothing to do.
    """
    if replicates < 1 or not analyses:
        raise DomainError("a study needs at least one replicate and one analysis")
    seeds = np.random.default_rng(rng).bit_generator.seed_seq.spawn(replicates)  # type: ignore[attr-defined]
    results = Parallel(n_jobs=workers, return_as="generator")(
        delayed(_replicate)(number, seed, draw, analyses) for number, seed in enumerate(seeds)
    )
    rows = []
    for done, found in enumerate(results, start=1):
        rows.extend(found)
        if progress is not None:
            progress(done, replicates)
    return StudyResult(pd.DataFrame(rows, columns=list(COLUMNS)), replicates)


def _replicate(
    number: int, seed: np.random.SeedSequence, draw: Draw, analyses: Mapping[str, Analysis]
) -> list[tuple[Any, ...]]:
    first, *others = seed.spawn(1 + len(analyses))
    data = draw(np.random.default_rng(first))
    rows: list[tuple[Any, ...]] = []
    for (name, analyse), stream in zip(analyses.items(), others, strict=True):
        outcome, answers = _answers(analyse, data, np.random.default_rng(stream))
        rows += [(number, name, outcome, *_values(answer)) for answer in answers]
        if not answers:
            rows.append((number, name, outcome, "", *[np.nan] * 5))
    return rows


def _answers(analyse: Analysis, data: Any, rng: np.random.Generator) -> tuple[Outcome, Sequence[Answer]]:
    try:
        return "estimate", analyse(data, rng)
    except IdentificationError:
        return "refused", ()
    except FitError:
        return "failed", ()


def _values(answer: Answer) -> tuple[Any, ...]:
    return (answer.quantity, answer.truth, answer.estimate, answer.lower, answer.upper, answer.standard_error)
