"""Numbers for the textbook sets: copied from the real-data folder with their ids, and joined with what public.R made.

python public.py REAL  writes tests/parity/reference/mixed_public.json from REAL/reference/*.json and
remade/public.json. A copied fit keeps every field it has; the fields that end in ``_here`` say how the same model is
written in this package.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OUT = HERE.parents[1] / "tests" / "parity" / "reference" / "mixed_public.json"
FAMILIES = {"poisson": "poisson", "nbinom2": "nb2", "nbinom1": "nb1"}

EPIL = "y ~ lbase * trt + lage + V4 + (1 | subject)"
EPIL_SLOPE = "y ~ Base * trt + Age + Visit + (Visit | subject)"
TICKS = "TICKS ~ YEAR + h100"
OWLS = "SiblingNegotiation ~ FoodTreatment * SexParent + (1 | Nest)"
MMMEC = "deaths ~ uvb"
UPIPA = "restrained ~ t"
CDCR = "use_of_force ~ t"

#: formula and exposure of every mixed fit that is copied; the quadrature follows from the method.
MODELS: dict[str, dict[str, tuple[str, str | None]]] = {
    "epil": {
        "epil_ri_poisson_laplace": (EPIL, None),
        "epil_ri_poisson_agq25": (EPIL, None),
        "epil_ri_poisson_tmb": (EPIL, None),
        "epil_ri_nb2_tmb": (EPIL, None),
        "epil_ri_nb1_tmb": (EPIL, None),
        "epil_slope_poisson_laplace": (EPIL_SLOPE, None),
        "epil_slope_nb2_tmb": (EPIL_SLOPE, None),
        "epil_ri_poisson_exact": (EPIL, None),
        "epil_ri_nb2_exact": (EPIL, None),
    },
    "grouseticks": {
        "gt_nested_poisson_laplace": (f"{TICKS} + (1 | LOCATION) + (1 | BROOD) + (1 | INDEX)", None),
        "gt_nested_poisson_tmb": (f"{TICKS} + (1 | LOCATION) + (1 | BROOD) + (1 | INDEX)", None),
        "gt_nested_nb2_tmb": (f"{TICKS} + (1 | LOCATION) + (1 | BROOD)", None),
        "gt_brood_poisson_laplace": (f"{TICKS} + (1 | BROOD)", None),
        "gt_brood_poisson_agq25": (f"{TICKS} + (1 | BROOD)", None),
    },
    "owls": {
        "owls_poisson_laplace": (OWLS, "BroodSize"),
        "owls_poisson_agq25": (OWLS, "BroodSize"),
        "owls_nb1_tmb": (OWLS, "BroodSize"),
        "owls_nb2_tmb": (OWLS, "BroodSize"),
        "owls_zip_tmb": (OWLS, "BroodSize"),
        "owls_zinb1_tmb": (OWLS, "BroodSize"),
        "owls_zinb2_tmb": (OWLS, "BroodSize"),
        "owls_nb2_exact": (OWLS, "BroodSize"),
    },
    "salamanders": {
        "sal_zip_tmb": ("count ~ mined + (1 | site)", None),
        "sal_zinb2_tmb": ("count ~ spp * mined + (1 | site)", None),
        "sal_nb2_tmb": ("count ~ spp * mined + (1 | site)", None),
    },
    "mmmec": {
        "mmmec_ri_poisson_laplace": (f"{MMMEC} + (1 | region)", "expected"),
        "mmmec_ri_poisson_agq25": (f"{MMMEC} + (1 | region)", "expected"),
        "mmmec_nested_poisson_laplace": (f"{MMMEC} + (1 | nation) + (1 | region)", "expected"),
        "mmmec_ri_nb2_tmb": (f"{MMMEC} + (1 | region)", "expected"),
        "mmmec_nested_nb1_tmb": (f"{MMMEC} + (1 | nation) + (1 | region)", "expected"),
        "mmmec_slope_poisson_laplace": (f"{MMMEC} + (uvb | nation)", "expected"),
        "mmmec_ri_nb2_exact": (f"{MMMEC} + (1 | region)", "expected"),
    },
    "upipa_restraint": {
        "upipa_ri_poisson_laplace": (f"{UPIPA} + (1 | facility)", "residents_index_day"),
        "upipa_ri_poisson_agq25": (f"{UPIPA} + (1 | facility)", "residents_index_day"),
        "upipa_slope_poisson_laplace": (f"{UPIPA} + (t | facility)", "residents_index_day"),
        "upipa_ri_nb2_tmb": (f"{UPIPA} + (1 | facility)", "residents_index_day"),
        "upipa_nested_poisson_tmb": (f"{UPIPA} + (1 | facility) + (1 | unit_id)", "residents_index_day"),
    },
    "cdcr_use_of_force": {
        "cdcr_ri_poisson_laplace": (f"{CDCR} + (1 | institution)", "e"),
        "cdcr_ri_poisson_agq25": (f"{CDCR} + (1 | institution)", "e"),
        "cdcr_ri_nb2_tmb": (f"{CDCR} + (1 | institution)", "e"),
        "cdcr_ri_nb1_tmb": (f"{CDCR} + (1 | institution)", "e"),
        "cdcr_slope_nb2_tmb": (f"{CDCR} + (t | institution)", "e"),
    },
}


def copied(real: Path) -> list[dict[str, Any]]:
    """Every mixed fit of the sets, with the fields that say how it is written here."""
    fits = []
    for name, models in MODELS.items():
        document = json.loads((real / "reference" / f"{name}.json").read_text(encoding="utf-8"))
        mixed = {fit["id"]: fit for fit in document["fits"] if "random_effects" in fit}
        if set(mixed) != set(models):
            raise SystemExit(f"{name}: models written here and mixed fits there differ: {set(mixed) ^ set(models)}")
        fits += [here(fit, name, document["digits"], *models[fit["id"]]) for fit in mixed.values()]
    return fits


def here(fit: dict[str, Any], name: str, digits: str, formula: str, exposure: str | None) -> dict[str, Any]:
    """One fit with its model in the words of this package."""
    zero = fit.get("ziformula", "~0")
    return fit | {
        "reference_file": f"{name}.json",
        "digits": digits,
        "formula_here": formula,
        "exposure_here": exposure,
        "family_here": FAMILIES[fit["family"].split()[0]],
        "zero_here": None if zero == "~0" else zero,
        "quadrature_here": quadrature(fit["id"], formula),
        "boundary_here": "BOUNDARY" in fit.get("note", ""),
    }


def quadrature(reference_id: str, formula: str) -> int | None:
    """25 nodes where the reference is exact, one where it is Laplace and the default would be more."""
    if reference_id.endswith(("_exact", "_agq25")):
        return 25
    return 1 if formula.count("|") == 1 and "(1 |" in formula else None


def main() -> None:
    """Write the reference."""
    if len(sys.argv) != 2:
        raise SystemExit("python public.py REAL, the folder with data/ and reference/")
    remade = json.loads((HERE / "remade" / "public.json").read_text(encoding="utf-8"))
    document = {
        "what": "mixed count models on public data, fitted with R; numbers only, no rows of any data set",
        "copied_from": "reference/make_reference.R of the real-data folder, copied number by number",
        "remake": "sh validation/mixed/remake.sh",
        "copied": copied(Path(sys.argv[1])),
        "remade": remade,
    }
    OUT.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(document['copied'])} fits copied, {len(remade['fits'])} made with public.R")


if __name__ == "__main__":
    main()
