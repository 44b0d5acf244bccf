"""How far this package is from the references: the worst case per quantity, as the table in the README.

python measure.py [REAL]  with REAL the folder with real data; without it only the synthetic registers.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT / "tests"))

from parity.mixed import (  # noqa: E402
    MixedReference,
    copied_references,
    fit_here,
    gaps,
    public_rows,
    remade_references,
    synthetic_references,
    synthetic_rows,
)


def measured(reference: MixedReference, rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Every gap of one fit."""
    result = fit_here(reference, rows, force=True)
    found = gaps(reference, result)
    return pd.DataFrame({"against": kind, "quantity": list(found), "gap": list(found.values()), "fit": reference.id})


def kind_of(reference: MixedReference) -> str:
    """What the reference is, in the words of the table."""
    exact = reference.software in {"quadrature in R", "own adaptive quadrature"}
    if exact and reference.quadrature is None:
        return "exact, 11 nodes here"
    return "exact, 25 nodes here" if exact else reference.software.removeprefix("lme4::")


def everything(real: Path | None) -> Iterable[pd.DataFrame]:
    """The gaps of all fits, set by set."""
    for reference in synthetic_references():
        yield measured(reference, synthetic_rows(reference), f"synthetic: {kind_of(reference)}")
    if real is not None:
        for reference in [*copied_references(), *remade_references()]:
            yield measured(reference, public_rows(reference, real), f"public: {kind_of(reference)}")


def main() -> None:
    """Print the table."""
    real = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    gathered = pd.concat(list(everything(real)), ignore_index=True)
    order = gathered["quantity"].drop_duplicates()
    kinds = gathered["against"].drop_duplicates()
    worst = gathered.pivot_table("gap", "quantity", "against", "max").loc[order, kinds]
    print(f"| worst | {' | '.join(kinds)} |\n| --- |{' --- |' * len(kinds)}")
    for quantity, row in worst.iterrows():
        print(f"| {quantity} | {' | '.join('' if pd.isna(gap) else f'{gap:.1e}' for gap in row)} |")
    where = gathered.loc[gathered.groupby("quantity", sort=False)["gap"].idxmax()]
    print("\nWorst of all:", "; ".join(f"{row.quantity} {row.gap:.1e} ({row.fit})" for row in where.itertuples()))


if __name__ == "__main__":
    main()
