"""Remake the table of reporting patterns: ``python validation/patterns/measure.py [SEEDS]``.

Worlds in which some providers report nothing for a while and send an empty file that is accepted: which of these
half-years are named as silence, and who is named that reported normally. Writes table.json and the table in README.md.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

import dwangstats as dw
from dwangstats.errors import FitError
from dwangstats.worlds import PatternParameters, World, make
from dwangstats.worlds.parameters import SectorName
from dwangstats.worlds.world import SizeName

HERE = Path(__file__).parent
MARK = "<!-- table -->"
SEEDS = 20
COUNTED = ("refused", "providers", "blind", "silent", "named", "right", "half_years", "found", "false_half_years")


@dataclass(frozen=True)
class Row:
    """One line of the table: the world, whether any provider is silent in it, and what the search is told."""

    sector: SectorName
    size: SizeName
    nothing: float
    silence: bool = True

    @property
    def name(self) -> str:
        """The line's name."""
        silence = "some silent" if self.silence else "nobody silent"
        return f"{self.sector}, {self.size}, {silence}"


ROWS = (
    Row("wvggz", "small", 0.0),
    Row("wvggz", "national", 0.0),
    Row("wvggz", "small", 0.0, silence=False),
    Row("wvggz", "national", 0.0, silence=False),
    Row("wzd", "small", 0.0),
    Row("wzd", "small", 0.25),
    Row("wzd", "small", 0.0, silence=False),
    Row("wzd", "small", 0.25, silence=False),
)


def planted_half_years(world: World) -> set[tuple[str, str]]:
    """Provider and half-year in which the provider reported nothing although there were events."""
    quarters = world.planted.loc[world.planted["error"] == "pattern", ["provider_id", "period"]]
    halves = (
        quarters["period"].str[:4] + "-H" + quarters["period"].str[-1].map({"1": "1", "2": "1", "3": "2", "4": "2"})
    )
    return set(zip(quarters["provider_id"], halves, strict=True))


def counted(row: Row, seed: int) -> dict[str, int]:
    """One world: half-years and providers with silence, found and falsely named."""
    patterns = PatternParameters(undeclared=1.0) if row.silence else None
    world = make("mixed", row.size, seed, sector=row.sector, calibrate=False, patterns=patterns)
    panel = dw.build_panel(world.tables, by="half-year", planned=False if row.sector == "wzd" else None)
    try:
        found = dw.reporting_patterns(panel.for_form("all"), nothing=row.nothing)
    except FitError:
        return {name: int(name == "refused") for name in COUNTED}
    cells = found.periods.loc[found.periods["delivered"]]
    keys = pd.MultiIndex.from_frame(cells[["provider", "period"]])
    truly = pd.Series(keys.isin(list(planted_half_years(world))) & (cells["events"] == 0).to_numpy(), index=keys)
    named = pd.Series((cells["state"] == "silent").to_numpy(), index=keys)
    by_provider = pd.DataFrame({"truly": truly, "named": named}).groupby(level="provider").any()
    return {
        "refused": 0,
        "providers": len(found.table),
        "blind": int((~found.table["detectable"] & (found.table["delivered"] > 0)).sum()),
        "silent": int(by_provider["truly"].sum()),
        "named": int(by_provider["named"].sum()),
        "right": int((by_provider["named"] & by_provider["truly"]).sum()),
        "half_years": int(truly.sum()),
        "found": int((truly & named).sum()),
        "false_half_years": int((named & ~truly).sum()),
    }


def measured(seeds: int) -> list[dict[str, Any]]:
    """Every line, over the seeds from 1."""
    lines = []
    for row in ROWS:
        by_seed = [counted(row, seed) for seed in range(1, seeds + 1)]
        table = {name: [one[name] for one in by_seed] for name in COUNTED}
        lines.append({"world": row.name, "nothing": row.nothing, "seeds": seeds, "by_seed": table})
        sys.stderr.write(f"{row.name}, nothing = {row.nothing:g}\n")
    return lines


def markdown(lines: list[dict[str, Any]]) -> str:
    """The table of the README."""
    head = (
        "| world | `nothing` | refused | silent half-years | found | false half-years | silent providers | "
        "named | of these right | nothing can be said of |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    )
    rows = []
    for line in lines:
        total = {name: sum(values) for name, values in line["by_seed"].items()}
        cells = (
            line["world"],
            f"{line['nothing']:g}",
            f"{total['refused']} of {line['seeds']}",
            total["half_years"],
            _share(total["found"], total["half_years"]),
            total["false_half_years"],
            total["silent"],
            total["named"],
            total["right"],
            _share(total["blind"], total["providers"]),
        )
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([head, *rows])


def _share(part: int, of: int) -> str:
    return f"{part / of:.2f}" if of else "-"


def main() -> None:
    """Measure, and write both files."""
    lines = measured(int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS)
    (HERE / "table.json").write_text(json.dumps({"rows": lines}, indent=1) + "\n", encoding="utf-8")
    page = HERE / "README.md"
    text = page.read_text(encoding="utf-8").split(MARK)[0]
    page.write_text(f"{text}{MARK}\n\n{markdown(lines)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
