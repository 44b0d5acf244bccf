"""A fit as text: what was fitted, on what, with which certainty; never the clock."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import pandas as pd

from dwangstats.models.certificate import Certificate

NO_INTERVAL = (
    "No interval (-): one cluster alone determines this coefficient, so comparing clusters says nothing about it."
)


def summary_text(
    *,
    title: str,
    facts: Sequence[tuple[str, str]],
    table: pd.DataFrame | None,
    certificate: Certificate,
    fingerprint: str,
    sections: Sequence[str] = (),
) -> str:
    """Text of a fit.

    Parameters
    ----------
    title : str
        First line; FAILED is put behind it if the certificate failed.
    facts : sequence of (name, text)
    table : DataFrame or None
        One row per coefficient; columns of numbers. None withholds them.
    certificate : Certificate
    fingerprint : str
        sha256 of the data.
    sections : sequence of str
        Further tables as text, between the coefficients and the certificate.

    Returns
    -------
    str
        Lines, without a newline at the end.
    """
    header = title if certificate.converged else f"{title} - FAILED, these numbers are not a fit"
    width = max(len(name) for name, _ in facts)
    body = "Coefficients are withheld; fit(force=True) shows them." if table is None else table_text(table)
    if table is not None and table["p"].isna().any():
        body += "\n" + NO_INTERVAL
    return "\n".join(
        [
            header,
            "=" * len(header),
            *(f"{name:<{width}}  {text}" for name, text in facts),
            "",
            body,
            "",
            *(line for section in sections for line in (section, "")),
            f"certificate  {certificate}",
            f"dwangstats {version('dwangstats')}, data sha256 {fingerprint}",
        ]
    )


def table_text(table: pd.DataFrame) -> str:
    """A frame of numbers as aligned text: p-values to two digits, the rest to five."""
    cells = {name: [_cell(str(name), value) for value in table[name]] for name in table.columns}
    widths = {name: max(len(str(name)), *map(len, column)) for name, column in cells.items()}
    label = max(len(str(name)) for name in table.index)
    lines = [" " * label + "".join(f"  {name:>{widths[name]}}" for name in cells)]
    for i, row in enumerate(table.index):
        lines.append(f"{row!s:<{label}}" + "".join(f"  {cells[name][i]:>{widths[name]}}" for name in cells))
    return "\n".join(lines)


def _cell(column: str, value: float) -> str:
    if not np.isfinite(value):
        return "-"
    if column == "p":
        return f"{value:.2g}" if value > 0.0 else "<1e-300"
    return f"{value:.1f}" if column == "df" else f"{value:.5g}"
