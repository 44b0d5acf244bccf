"""Remake the study of evidence: ``python validation/registration/study.py [REPLICATES] [WORKERS]``.

Writes study.json (one row per analysis and quantity) and the table in README.md. 500 replicates take about an hour of
one processor.
"""

import json
import sys
from pathlib import Path

import pandas as pd

from dwangstats.study.registration import DESIGNS, drawer, evidence_analyses
from dwangstats.study.study import run

HERE = Path(__file__).parent
SEED = 20261122
MARK = "<!-- table -->"
DIGITS = {"log rate ratio": 3, "logit completeness": 2}


def main() -> None:
    """Run, write, print."""
    replicates = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    tables = []
    for number, name in enumerate(DESIGNS):
        study = run(
            drawer(name),
            evidence_analyses(name),
            replicates=replicates,
            rng=SEED + number,
            workers=workers,
            progress=lambda done, of, name=name: print(f"{name}: {done} of {of}", end="\r", file=sys.stderr),
        )
        tables.append(study.table)
        write(pd.concat(tables, ignore_index=True), replicates)


def write(table: pd.DataFrame, replicates: int) -> None:
    """The table as JSON, and as the last part of the README; after each of the designs."""
    rows = json.loads(table.to_json(orient="records", double_precision=6))
    text = json.dumps({"replicates": replicates, "seed": SEED, "rows": rows}, indent=1)
    (HERE / "study.json").write_text(text + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    head = readme.read_text(encoding="utf-8").partition(MARK)[0]
    readme.write_text(head + MARK + "\n\n" + markdown(table), encoding="utf-8")


def markdown(table: pd.DataFrame) -> str:
    """The table as a reader sees it."""
    heads = "| evidence | quantity | bias | empirical SD | mean SE | coverage of 95 % | given | refused | failed |"
    lines = [heads, "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in table.to_dict("records"):
        d = DIGITS.get(row["quantity"], 1)
        number = [_number(row.get("bias"), d, row.get("bias_error")), _number(row.get("empirical_sd"), d)]
        number += [_number(row.get("mean_se"), d), _number(row.get("coverage"), 3, row.get("coverage_error"))]
        cells = [row["analysis"], row["quantity"], *number, *(str(row[k]) for k in ("replicates", "refused", "failed"))]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None, digits: int, error: float | None = None) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{value:.{digits}f}" + ("" if error is None or pd.isna(error) else f" ± {error:.{digits}f}")


if __name__ == "__main__":
    main()
