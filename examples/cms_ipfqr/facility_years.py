"""List the facility-years whose patient days cannot be right: `python facility_years.py RAW.csv.gz > list.csv`.

The published file is unpacked to a folder that is removed again, and read through the mapping of dwangstats.toml.
"""

import gzip
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import dwangstats as dw

MAPPING = Path(__file__).with_name("dwangstats.toml")
#: the factor of the rule bed-days-jump.
JUMP = 8.0


def read(raw: Path) -> dw.Tables:
    """The published file, read as the table exposure; what is not a number stays missing and is said.

    Parameters
    ----------
    raw : Path
        cms_ipfqr_raw.csv.gz.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with gzip.open(raw) as packed, (folder / "cms_ipfqr_raw.csv").open("wb") as plain:
            shutil.copyfileobj(packed, plain)
        return dw.read_tables(shutil.copy(MAPPING, folder / MAPPING.name))


def implausible(tables: dw.Tables) -> pd.DataFrame:
    """Facility-years more than a factor 8 from the other year, or with fewer days than discharges.

    Returns
    -------
    DataFrame
        facility, year, patient_days, other_year (patient days), ratio, discharges, days_per_discharge, jump, too_few
        (bool), and odd_one: of two years that differ, whether this one is further from the days per discharge that are
        usual over all facilities (missing where the discharges of either are). The index is the row in the file.
        Nothing is filled in: a facility-year without patient days is not in it.
    """
    exposure = tables.exposure
    if exposure is None:
        raise dw.DataError("There is no table exposure to look through.")
    rows = exposure[["provider_id", "period", "bed_days", "admissions"]]
    rows = rows.set_axis(["facility", "year", "patient_days", "discharges"], axis="columns")
    rows["other_year"] = rows.groupby("facility")["patient_days"].transform("sum", min_count=2) - rows["patient_days"]
    rows["ratio"] = rows["patient_days"] / rows["other_year"]
    rows["days_per_discharge"] = rows["patient_days"] / rows["discharges"]
    rows["jump"] = np.abs(np.log(rows["ratio"])) > np.log(JUMP)
    rows["too_few"] = rows["days_per_discharge"] < 1.0
    far = np.abs(np.log(rows["days_per_discharge"] / rows["days_per_discharge"].median()))
    years = far.groupby(rows["facility"])
    told = (years.transform("count") == 2) & rows["jump"]
    rows["odd_one"] = (far == years.transform("max")).astype("boolean").where(told)
    return rows.loc[rows["jump"] | rows["too_few"]].sort_values(["facility", "year"])


def main() -> None:
    """Write the list to standard output and what was found while reading to standard error."""
    tables = read(Path(sys.argv[1]))
    sys.stderr.write(dw.check(tables, by="year").to_text("en") + "\n")
    implausible(tables).to_csv(sys.stdout, index_label="row", float_format="%.10g")


if __name__ == "__main__":
    main()
