"""Columns of the two halves of a registration model: the rate of events, and the completeness of the register."""

from collections.abc import Iterable

import pandas as pd

from dwangstats.data.nearest import did_you_mean
from dwangstats.data.panels.panel import Panel
from dwangstats.design.columns import Columns, build_columns
from dwangstats.design.design import Design, build_design
from dwangstats.design.formula import ParsedFormula, split_formula
from dwangstats.design.rows import missing_values, raise_problems
from dwangstats.errors import FormulaError

PROVIDER = "provider"


def rate_design(formula: str, panel: Panel) -> Design:
    """The rate formula on the delivered rows.

    Raises
    ------
    FormulaError
        If it has another random term than (1 | provider), or cannot be read.
    DataError
        As for `dwangstats.design.design.build_design`.
    """
    parsed = split_formula(formula)
    check_random(parsed, "rate")
    return build_design(parsed, panel)


def registration_design(formula: str, panel: Panel) -> Design:
    """The registration formula on the delivered rows: columns of the logit of completeness.

    Parameters
    ----------
    formula : str
        Right side, for example "~ C(year) + quality + (1 | provider)".
    panel : Panel

    Returns
    -------
    Design
        `Design.X` holds the columns, `Design.matrix` gives them for other rows.

    Raises
    ------
    FormulaError
        If it has a left side, an offset or another random term than (1 | provider), or cannot be read.
    DataError
        If values of its columns are missing.
    """
    parsed = split_formula(formula)
    if parsed.response is not None:
        raise FormulaError(
            f"The registration formula has no left side: it explains the completeness, which no column holds. "
            f"Write ~ {parsed.fixed}\n    {formula}"
        )
    if parsed.offsets:
        raise FormulaError(
            f"The registration formula takes no offset: bed-days change how much happens, not the share of it that "
            f"is registered.\n    {formula}"
        )
    check_random(parsed, "registration")
    return build_design(parsed, panel)


def check_random(parsed: ParsedFormula, part: str) -> None:
    """Refuse random terms other than one (1 | provider).

    Raises
    ------
    FormulaError
    """
    good = [term for term in parsed.random if term.effects == "1" and term.groups == (PROVIDER,)]
    if len(parsed.random) > len(good) or len(good) > 1:
        raise FormulaError(
            f"The {part} formula of a registration model takes one random term, (1 | {PROVIDER}); more than that the "
            f"counts and the evidence together cannot carry.\n    {parsed.text}"
        )


def fixed_columns(formula: str, frame: pd.DataFrame, *, of: str) -> Columns:
    """Columns of a formula with fixed terms only.

    Parameters
    ----------
    formula : str
    frame : DataFrame
    of : str
        What the formula describes, for messages.

    Raises
    ------
    FormulaError
        If it has a left side, random terms or offsets, or names a column that is not there.
    DataError
        If values are missing.
    """
    parsed = split_formula(formula)
    if parsed.response is not None or parsed.random or parsed.offsets:
        raise FormulaError(f"The formula of {of} has fixed terms only, for example ~ 1 or ~ C(year).\n    {formula}")
    absent = [name for name in parsed.names() if name not in frame.columns]
    if absent:
        known = [str(name) for name in frame.columns]
        hint = did_you_mean(absent[0], known) or f" Columns: {', '.join(known)}."
        raise FormulaError(f"The panel has no column {', '.join(absent)} for the formula of {of}.{hint}")
    raise_problems(missing_values(frame, parsed.names()))
    return build_columns(parsed.fixed, frame, text=parsed.text)


def columns_with(design: Design, variables: Iterable[str]) -> tuple[int, ...]:
    """Columns of a design in which one of these columns of the panel takes part, interactions included."""
    places = design.model_spec.variable_indices
    wanted = set(variables)
    return tuple(sorted({int(i) for name, found in places.items() if str(name) in wanted for i in found}))
