"""What the checks found: counts by seed, recall and precision with their Monte Carlo errors, and the tables to read."""

import math
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

COUNTED = ("planted", "found", "marked", "right")
Items = set[tuple[Any, ...]]
Marks = list[Items]
"""What a check marked: each mark is the set of items that it can be right about."""


@dataclass
class Tally:
    """What one check found of one error, seed by seed."""

    code: str
    check: str
    world: str
    item: str
    planted: list[int] = field(default_factory=list)
    found: list[int] = field(default_factory=list)
    marked: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)

    def add(self, planted: Items, marks: Marks) -> None:
        """One seed."""
        every = set().union(*marks) if marks else set()
        self.planted.append(len(planted))
        self.found.append(len(planted & every))
        self.marked.append(len(marks))
        self.right.append(sum(1 for mark in marks if mark & planted))

    def row(self) -> dict[str, Any]:
        """Totals, recall and precision with Monte Carlo standard errors, and the range over the seeds."""
        recall, recall_error = ratio(self.found, self.planted)
        precision, precision_error = ratio(self.right, self.marked)
        shares = [f / p for f, p in zip(self.found, self.planted, strict=True) if p]
        return {
            "code": self.code,
            "check": self.check,
            "world": self.world,
            "item": self.item,
            "seeds": len(self.planted),
            "planted": sum(self.planted),
            "found": sum(self.found),
            "marked": sum(self.marked),
            "right": sum(self.right),
            "recall": recall,
            "recall_error": recall_error,
            "recall_lowest": round(min(shares), 4) if shares else None,
            "recall_highest": round(max(shares), 4) if shares else None,
            "precision": precision,
            "precision_error": precision_error,
            "by_seed": {name: getattr(self, name) for name in COUNTED},
        }


def ratio(part: list[int], whole: list[int]) -> tuple[float | None, float | None]:
    """Ratio of two sums over seeds, and its standard error with the seed as cluster."""
    total, seeds = sum(whole), len(whole)
    if total == 0:
        return None, None
    value = sum(part) / total
    off = sum((p - value * w) ** 2 for p, w in zip(part, whole, strict=True))
    error = math.sqrt(off * seeds / (seeds - 1)) / total if seeds > 1 else None
    return round(value, 4), None if error is None else round(error, 4)


def items(frame: pd.DataFrame, columns: tuple[str, ...]) -> Items:
    """The distinct values of some columns."""
    return set(rows_of(frame, columns))


def rows_of(frame: pd.DataFrame, columns: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """The values of some columns, row by row."""
    return list(frame[list(columns)].itertuples(index=False, name=None))


def markdown(table: dict[str, Any]) -> str:
    """The tables as a reader sees them."""
    lines = ["| error | check | world | item | planted | recall | seeds from-to | marked | precision |"]
    lines.append("| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for row in table["rows"]:
        shares = [_share(row["recall_lowest"]), _share(row["recall_highest"])]
        cells = [row["code"], f"`{row['check']}`", row["world"], row["item"], str(row["planted"])]
        cells += [_share(row["recall"], row["recall_error"]), "-".join(shares), str(row["marked"])]
        cells += [_share(row["precision"], row["precision_error"])]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "False alarms: the same checks in worlds without any planted error.", ""]
    lines.append("| check | sector | marked | of | per 1,000 | registers with any |")
    lines.append("| --- | --- | ---: | ---: | ---: | ---: |")
    loud = [row for row in table["false_alarms"] if row["marked"]]
    for row in loud:
        numbers = [str(row["marked"]), str(row["of"]), f"{row['per_thousand']:.2f}"]
        numbers.append(f"{row['registers_with_any']} of {row['registers']}")
        lines.append(f"| `{row['check']}` | {row['sector']} | {' | '.join(numbers)} |")
    names = sorted({row["check"] for row in table["false_alarms"]} - {row["check"] for row in loud})
    lines += ["", "No mark at all, in any of those worlds: " + ", ".join(f"`{name}`" for name in names) + "."]
    e4 = table["E4"]
    lines += ["", f"E4: {e4['marked_by_never_closed']} of {e4['point_forms']:,} registrations of point forms marked."]
    return "\n".join(lines) + "\n"


def _share(value: float | None, error: float | None = None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" + ("" if error is None else f" ± {error:.2f}")
