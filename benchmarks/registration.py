"""Time the registration model: ``python benchmarks/registration.py [--small]``.

Fits as a user calls them (standard errors and certificate with its restart included), on one thread, in processor
seconds; the shortest of several runs. Then, at 10,000 rows, a decomposition of the change and the under-registration
with 2,000 draws each. Writes registration.json and the section of README.md between its markers; with --small the
100,000 rows keep the numbers of the last run.
"""

import argparse
import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

import dwangstats as dw

FOLDER = Path(__file__).resolve().parent
RESULTS = FOLDER / "registration.json"
MARKERS = ("<!-- registration -->", "<!-- /registration -->")
NEXT = "<!-- table -->"

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
YEARS = (2019, 2020, 2021, 2022, 2023)
LOCATIONS = "abcde"
AUDITED, FOUND = 50, 20
SIZES = ((10_000, 400), (100_000, 2_000))
FAMILIES = ("poisson", "nb2")
DRAWS = 2_000
TARGETS = {10_000: 1.0, 100_000: 10.0}


def make(rows: int, providers: int, family: str, seed: int = 1) -> tuple[dw.Panel, dw.Audit]:
    """Providers with five locations and five years of years or half-years, and an audit of 1,000 events."""
    rng = np.random.default_rng([seed, rows, providers])
    each = rows // providers
    parts = range(1, each // (len(YEARS) * len(LOCATIONS)) + 1)
    periods = [f"{year}-H{half}" for year in YEARS for half in parts]
    names = [f"P{g:04d}" for g in range(providers)]
    index = pd.MultiIndex.from_product([names, periods, list(LOCATIONS)], names=["provider", "period", "location"])
    frame = index.to_frame(index=False)
    frame["year"] = frame["period"].str[:4].astype(int)
    late, group = frame["year"].to_numpy() - YEARS[0], np.repeat(np.arange(providers), each)
    u, v = rng.normal(0.0, 0.4, providers), rng.normal(0.0, 0.6, providers)
    frame["beds"], frame["x"] = rng.lognormal(6.5, 0.4, rows), rng.normal(size=rows)
    rate = 0.02 * frame["beds"].to_numpy() * np.exp(0.05 * late + 0.2 * frame["x"].to_numpy() + u[group])
    true = rng.poisson(rate * rng.gamma(5.0, 0.2, rows) if family == "nb2" else rate)
    completeness = 1.0 / (1.0 + np.exp(-(0.8 + 0.15 * late + v[group])))
    frame["events"] = rng.binomial(true, completeness)
    chosen = frame.assign(p=completeness).drop_duplicates(["provider", "period"]).sample(AUDITED, random_state=seed)
    audit = pd.DataFrame(
        {
            "provider_id": chosen["provider"],
            "period": chosen["period"],
            "n_found": FOUND,
            "n_registered": rng.binomial(FOUND, chosen["p"]),
        }
    )
    columns = {"provider": "provider", "period": "period", "events": "events", "exposure": "beds"}
    return dw.Panel.from_frame(frame, **columns, location="location", covariates=("x",)), dw.Audit(audit)


def shortest(work: Callable[[], object], repeats: int) -> tuple[float, object]:
    """Processor seconds of the shortest run, and what it gave."""
    seconds, found = [], None
    for _ in range(repeats):
        start = time.process_time()
        found = work()
        seconds.append(time.process_time() - start)
    return min(seconds), found


def fit(rows: int, providers: int, family: str) -> tuple[dict, dw.RegistrationResult]:
    """One model fitted."""
    panel, audit = make(rows, providers, family)

    def work() -> dw.RegistrationResult:
        model = dw.RegistrationModel(
            rate="events ~ C(year) + x + (1 | provider)",
            registration="~ C(year) + (1 | provider)",
            panel=panel,
            family=family,
            evidence=[audit],
        )
        result = model.fit()
        result.bse.to_numpy()
        return result

    seconds, result = shortest(work, 3 if rows <= 10_000 else 1)
    row = {"what": "fit", "family": family, "rows": rows, "providers": providers, "seconds": round(seconds, 3)}
    certified = {"certified": result.converged, "evaluations": result.fit.evaluations, "llf": result.llf}
    return {**row, **certified, "target": TARGETS[rows]}, result


def after_fit(result: dw.RegistrationResult, row: dict) -> list[dict]:
    """Decomposition and under-registration of a fitted model."""
    works = {
        "decompose_change": lambda: dw.decompose_change(
            result, variable="year", before=YEARS[0], after=YEARS[-1], rng=1, draws=DRAWS
        ),
        "under_registration": lambda: dw.under_registration(result, rng=1, draws=DRAWS),
    }
    same = {key: row[key] for key in ("family", "rows", "providers")}
    return [{"what": what, **same, "seconds": round(shortest(work, 1)[0], 3)} for what, work in works.items()]


def section(results: list[dict]) -> str:
    """The results in Markdown."""
    lines = [
        MARKERS[0],
        "",
        "## Registration model",
        "",
        "Fit with standard errors and certificate, restart included, with an audit of 1,000 events; then 2,000 draws. "
        "Processor seconds on one thread, from `python benchmarks/registration.py`.",
        "",
        "| what | family | rows | providers | seconds | wanted |",
        "| --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for r in results:
        wanted = f"{r['target']:g}" if "target" in r else ""
        cells = (r["what"], r["family"], f"{r['rows']:,}", f"{r['providers']:,}", f"{r['seconds']:.2f}", wanted)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", MARKERS[1]])


def write(results: list[dict]) -> None:
    """Put the results in registration.json and in README.md."""
    versions = {name: importlib.metadata.version(name) for name in ("dwangstats", "numpy", "scipy")}
    RESULTS.write_text(json.dumps({"versions": versions, "results": results}, indent=1) + "\n", encoding="utf-8")
    readme = FOLDER / "README.md"
    text = readme.read_text(encoding="utf-8")
    if MARKERS[0] in text:
        head, rest = text.split(MARKERS[0])
        tail = rest.split(MARKERS[1])[1]
    else:
        head, found, after = text.partition(NEXT)
        tail = f"\n\n{found}{after}"
    readme.write_text(head + section(results) + tail, encoding="utf-8")


def main() -> None:
    """Measure, print and write; in a new process if this one may use several threads."""
    if any(os.environ.get(name) != "1" for name in ONE_THREAD):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **dict.fromkeys(ONE_THREAD, "1")})
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="leave out the 100,000 rows")
    small = parser.parse_args().small
    results = []
    for rows, providers in SIZES[:1] if small else SIZES:
        for family in FAMILIES:
            row, result = fit(rows, providers, family)
            results.append(row)
            if rows == SIZES[0][0]:
                results.extend(after_fit(result, row))
    if small and RESULTS.exists():
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))["results"]
        results.extend(row for row in kept if row["rows"] != SIZES[0][0])
    for row in results:
        print(f"{row['what']:20s} {row['family']:8s} {row['rows']:>8,} {row['seconds']:9.2f} s")
    write(results)


if __name__ == "__main__":
    main()
