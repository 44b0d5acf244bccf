"""The one door to numbers that depend on completeness: ledger first, then certificate."""

from typing import get_args

import numpy as np
from numpy.typing import NDArray

from dwangstats._types import Vector
from dwangstats.errors import FitError, InternalError
from dwangstats.registration.context import FittedParts
from dwangstats.registration.groups import Cells
from dwangstats.registration.identification import Identification
from dwangstats.registration.ledger import HALF, PASSING, Verdict
from dwangstats.registration.results import RegistrationResult


def identified_parts(
    result: RegistrationResult, target: str, what: str, ledger: Identification | None = None
) -> FittedParts:
    """The fitted model, if the target is identified and the fit certified.

    Parameters
    ----------
    result : RegistrationResult
    target : {"level", "change"}
    what : str
        The number that was asked for, for the message.
    ledger : Identification, optional
        Of another comparison than that of the result.

    Returns
    -------
    FittedParts

    Raises
    ------
    IdentificationError
        If the ledger does not pass for the target and the model was not fitted with ``allow_unidentified=True``.
    FitError
        If the certificate failed and the model was not fitted with ``force=True``.
    """
    if result.parts is None or not result.allow_unidentified:
        (result.identification if ledger is None else ledger).require(target, what)
    return certified_parts(result)


def certified_parts(result: RegistrationResult) -> FittedParts:
    """The fitted model, if its fit is certified; for numbers that do not depend on completeness being known.

    Raises
    ------
    FitError
        If the certificate failed and the model was not fitted with ``force=True``.
    """
    if result.parts is None:
        raise InternalError("a number was asked of a registration model that was not fitted")
    if not (result.converged or result.force):
        raise FitError(
            f"The fit is not certified, so its numbers are withheld ({result.certificate}). Simplify the formulas or "
            "look at the data; fit(force=True) shows the numbers all the same."
        )
    return result.parts


def verdict_by_cell(result: RegistrationResult, cells: Cells, weights: Vector) -> NDArray[np.str_]:
    """Verdict on the level of completeness in each cell of a table.

    Parameters
    ----------
    result : RegistrationResult
    cells : Cells
        Of the fitted rows.
    weights : (n,) array
        Expected events of each row.

    Returns
    -------
    (cells,) array of str
        The verdict of the rows that hold half of the cell's events or more: "data-identified", or "prior-driven" where
        it takes rows of both; else what most of the others are. With one cell the verdict of the ledger.
    """
    if cells.size == 1:
        return np.array([result.identification.verdict])
    rows = result.identification.row_verdicts
    held = {name: cells.sum((weights * (rows == name))[None, :])[0] for name in get_args(Verdict)}
    whole = cells.sum(weights[None, :])[0]
    verdict = np.where(held["functional form only"] >= held["bounds only"], "functional form only", "bounds only")
    passing = held["data-identified"] + held["prior-driven"]
    verdict = np.where(passing >= HALF * whole, "prior-driven", verdict)
    return np.where(held["data-identified"] >= HALF * whole, "data-identified", verdict)


def shown(result: RegistrationResult, verdict: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Cells whose numbers may be shown: those that pass, or all with ``allow_unidentified=True``."""
    return np.isin(verdict, PASSING) | result.allow_unidentified
