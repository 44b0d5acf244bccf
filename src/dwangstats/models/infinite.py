"""Refusal of models whose likelihood has no finite maximum, in the names of the design."""

from dwangstats.design.design import Design
from dwangstats.design.rows import rows_text
from dwangstats.errors import FitError
from dwangstats.numerics.glm import empty_direction


def refuse_infinite(design: Design) -> None:
    """Raise where a coefficient of the fixed part runs off to infinity; random effects do not hold it back.

    Raises
    ------
    FitError
        If all counts are 0, or some group of rows that the coefficients set apart has no event.
    """
    if not design.y.any():
        raise FitError(
            f"All {design.y.size} counts are 0, so the rate is 0 and its logarithm minus infinity. There is nothing to "
            "compare; say that no event was registered."
        )
    empty = empty_direction(design.X, design.y)
    if empty is None:
        return
    names = ", ".join(design.names[i] for i in empty.columns)
    where = f"{len(empty.rows)} of {design.y.size} rows ({rows_text(design.frame.index, empty.rows)})"
    raise FitError(
        f"{where} form a group without any event, set apart by {names}: its rate is 0 and its coefficient minus "
        "infinity. Combine that group with another, or leave its rows out and say so."
    )
