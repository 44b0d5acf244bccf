"""The rows on which both sides fit: panels of the synthetic registers, written as text that R reads.

Per register three panels, each with a row per form: of the providers (half-years), of the locations (quarters), and of
the locations with silent quarters. A panel of locations is the panel that `dwangstats.build_panel` makes when every
location stands as a provider that delivers what its provider delivers; its counts must add up to the panel of the
providers. In the third panel one location-quarter in five, by the hash of its name, has its count set to zero, so that
there are extra zeros to be found.
"""

import hashlib
import io
from pathlib import Path

import numpy as np
import pandas as pd

import dwangstats as dw

HERE = Path(__file__).parent
SYNTHETIC = HERE.parents[1] / "data" / "synthetic"
PANELS = HERE / "panels"
REGISTERS = ("registration-only", "mixed", "real-only")
FORMS = ("seclusion", "other_locking_in", "medication", "restraint", "other")
TABLES = ("registrations", "exposure", "locations", "deliveries")
ROWS = ["provider", "period", "form"]
MIDDLE = 2022.5
SILENT = 51  # of 256


def provider_rows(tables: dw.Tables, by: str) -> pd.DataFrame:
    """Delivered rows of the panel of providers."""
    panel = dw.build_panel(tables, form=FORMS, by=by)
    return panel.observed[[*ROWS, "time", "events", "bed_days"]]


def location_tables(tables: dict[str, pd.DataFrame]) -> dw.Tables:
    """The register with every location in the place of a provider."""
    owner = tables["locations"][["provider_id", "location_id"]]
    moved = {
        name: tables[name].assign(provider_id=tables[name]["location_id"])
        for name in ("registrations", "exposure", "locations")
    }
    deliveries = owner.merge(tables["deliveries"], on="provider_id").drop(columns="provider_id")
    moved["deliveries"] = deliveries.rename(columns={"location_id": "provider_id"})
    return dw.read_tables(**moved)


def location_rows(tables: dict[str, pd.DataFrame], by: str) -> pd.DataFrame:
    """Delivered rows of the panel of locations, with the provider and the setting of each."""
    rows = provider_rows(location_tables(tables), by).rename(columns={"provider": "location"})
    about = tables["locations"].set_index("location_id")
    return rows.assign(
        provider=rows["location"].map(about["provider_id"]), setting=rows["location"].map(about["setting"])
    )


def silenced(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the counts of the silent quarters set to zero."""
    names = rows["location"] + rows["period"] + rows["form"]
    silent = np.array([hashlib.sha256(name.encode()).digest()[0] < SILENT for name in names])
    return rows.assign(events=np.where(silent, 0.0, rows["events"]))


def check_sums(locations: pd.DataFrame, providers: pd.DataFrame) -> None:
    """Locations must add up to providers wherever a provider has a row."""
    sums = locations.groupby(ROWS)[["events", "bed_days"]].sum()
    whole = providers.set_index(ROWS)[["events", "bed_days"]]
    gap = (sums.reindex(whole.index) - whole).abs().to_numpy()
    if not (gap < 1e-6).all():
        raise SystemExit(f"the locations do not add up to the providers in {int((~(gap < 1e-6)).sum())} numbers")


def as_text(rows: pd.DataFrame) -> str:
    """The rows as csv text, with ``t`` the years from the middle of 2022; the same bytes on every machine."""
    labels = [name for name in ("provider", "location", "setting", "period", "form") if name in rows.columns]
    rows = rows.assign(t=(rows["time"] - MIDDLE).map("{:.6f}".format), events=rows["events"].astype("int64"))
    rows = rows[[*labels, "t", "events", "bed_days"]].sort_values(labels)
    stream = io.StringIO(newline="")
    rows.to_csv(stream, index=False, lineterminator="\n")
    return stream.getvalue()


def make_panels() -> dict[str, str]:
    """Text of every panel by file name."""
    texts = {}
    for register in REGISTERS:
        folder = SYNTHETIC / register
        raw = {name: pd.read_csv(folder / f"{name}.csv", dtype=str) for name in TABLES}
        tables = dw.read_tables(folder)
        locations = location_rows(raw, "quarter")
        check_sums(locations, provider_rows(tables, "quarter"))
        texts[f"{register}_provider.csv"] = as_text(provider_rows(tables, "half-year"))
        texts[f"{register}_location.csv"] = as_text(locations)
        texts[f"{register}_silent.csv"] = as_text(silenced(locations))
    return texts


def main() -> None:
    """Write the panels."""
    PANELS.mkdir(exist_ok=True)
    for name, text in make_panels().items():
        (PANELS / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"{hashlib.sha256(text.encode()).hexdigest()}  panels/{name}")


if __name__ == "__main__":
    main()
