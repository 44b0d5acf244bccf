"""Time dwangstats and its peers on the same rows in one run: seconds, peak memory and log likelihood of each.

``python benchmarks/peers.py`` measures everything and writes results.json and the table of README.md in this folder.
Every measurement is a process of its own with one thread. Python fits include building the design from a formula and
standard errors; R fits are timed inside R, without start-up and without reading the data.
"""

import argparse
import importlib.metadata
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
FIXED = "x1 + x2 + x3 + x4 + x5"
CELLS = {
    "poisson_ri": ("poisson", "(1 | provider)"),
    "nb2_ri": ("nb2", "(1 | provider)"),
    "poisson_nested": ("poisson", "(1 | provider/location)"),
    "poisson_crossed": ("poisson", "(1 | provider) + (1 | period)"),
    "poisson_slope": ("poisson", "(time | provider)"),
    "poisson_slope_nested_crossed": ("poisson", "(time | provider) + (1 | provider:location) + (1 | period)"),
}
R_RANDOM = {
    "poisson_nested": "(1 | provider/location)",
    "poisson_slope_nested_crossed": "(time | provider) + (1 | location) + (1 | period)",
}
RUNS = (
    *((tool, cell, 100_000, 2_000) for cell in CELLS for tool in ("dwangstats", "glmmTMB")),
    *(("gpboost", cell, 100_000, 2_000) for cell in ("poisson_ri", "nb2_ri")),
    ("lme4", "poisson_ri", 100_000, 2_000),
    *(("dwangstats", "poisson_ri", rows, 2_000) for rows in (10_000, 1_000_000)),
    *(("dwangstats", "nb2_ri", rows, 2_000) for rows in (10_000, 1_000_000)),
    *((tool, "poisson_ri", 1_000_000, 2_000) for tool in ("glum", "statsmodels")),
    *(("dwangstats_11_nodes", cell, 100_000, 2_000) for cell in ("poisson_ri", "nb2_ri")),
    ("bootstrap_999", "poisson_ri", 10_000, 200),
)
REPEATS = 3


def dwangstats_fit(cell: str, frame, quadrature: int | None = 1):
    """Seconds and log likelihood of one certified fit with standard errors; Laplace, as the peers."""
    import dwangstats as dw

    family, random = CELLS[cell]
    start = time.perf_counter()
    fit = dw.RateModel(f"y ~ {FIXED} + {random}", frame, family=family, exposure="e", quadrature=quadrature).fit()
    fit.bse.to_numpy()
    return time.perf_counter() - start, fit.llf


def quadrature_fit(cell: str, frame):
    """The same with 11 nodes of adaptive quadrature, the default for one random intercept."""
    return dwangstats_fit(cell, frame, quadrature=11)


def gpboost_fit(cell: str, frame):
    """GPBoost run to a relative change of 1e-10, with standard errors; its defaults stop far from the optimum."""
    import formulaic
    import gpboost
    import numpy as np

    likelihood = {"poisson": "poisson", "nb2": "negative_binomial"}[CELLS[cell][0]]
    start = time.perf_counter()
    X = np.asarray(formulaic.model_matrix(FIXED, frame), dtype=float)
    model = gpboost.GPModel(group_data=frame["provider"].to_numpy(), likelihood=likelihood, num_parallel_threads=1)
    model.fit(
        y=frame["y"].to_numpy(float),
        X=X,
        offset=np.log(frame["e"].to_numpy()),
        params={"delta_rel_conv": 1e-10},
    )
    model.get_coef(std_err=True)
    return time.perf_counter() - start, -model.get_current_neg_log_likelihood()


def glum_fit(cell: str, frame):
    """A plain Poisson GLM of the same matrix, without any random effect, with standard errors."""
    import formulaic
    import glum
    import numpy as np

    start = time.perf_counter()
    X = np.asarray(formulaic.model_matrix(FIXED, frame), dtype=float)[:, 1:]
    y, offset = frame["y"].to_numpy(float), np.log(frame["e"].to_numpy())
    model = glum.GeneralizedLinearRegressor(family="poisson", alpha=0.0, fit_intercept=True)
    model.fit(X, y, offset=offset)
    model.std_errors(X, y, offset=offset, robust=False)
    return time.perf_counter() - start, float("nan")


def statsmodels_fit(cell: str, frame):
    """A plain Poisson GLM of the same matrix by statsmodels, which has no maximum-likelihood mixed model for counts."""
    import formulaic
    import numpy as np
    import statsmodels.api as sm

    start = time.perf_counter()
    X = np.asarray(formulaic.model_matrix(FIXED, frame), dtype=float)
    offset = np.log(frame["e"].to_numpy())
    fit = sm.GLM(frame["y"].to_numpy(float), X, family=sm.families.Poisson(), offset=offset).fit()
    np.asarray(fit.bse)
    return time.perf_counter() - start, float("nan")


def bootstrap_fit(cell: str, frame):
    """999 parametric bootstrap refits on two processes."""
    import dwangstats as dw
    from dwangstats.models.bootstrap import bootstrap

    family, random = CELLS[cell]
    fit = dw.RateModel(f"y ~ {FIXED} + {random}", frame, family=family, exposure="e").fit()
    start = time.perf_counter()
    bootstrap(fit, draws=999, rng=1, workers=2)
    return time.perf_counter() - start, fit.llf


PYTHON: dict[str, Callable] = {
    "dwangstats": dwangstats_fit,
    "dwangstats_11_nodes": quadrature_fit,
    "gpboost": gpboost_fit,
    "glum": glum_fit,
    "statsmodels": statsmodels_fit,
    "bootstrap_999": bootstrap_fit,
}


def one(tool: str, cell: str, rows: int, groups: int) -> dict:
    """One measurement in this process: the shortest of three fits after the first one warmed up."""
    from worlds import make

    frame = make(cell, rows, groups)
    repeats = 1 if tool == "bootstrap_999" else REPEATS
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    runs = [PYTHON[tool](cell, frame) for _ in range(repeats)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = min(run[0] for run in runs)
    return {"seconds": seconds, "first": runs[0][0], "llf": runs[-1][1], "peak_mb": peak / 1024, "data_mb": base / 1024}


def measure(tool: str, cell: str, rows: int, groups: int) -> dict | None:
    """One measurement in a process of its own; None where the tool is not installed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if tool in PYTHON:
        command = [sys.executable, str(Path(__file__)), "--one", tool, cell, str(rows), str(groups)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    else:
        if shutil.which("Rscript") is None:
            return None
        done = _measure_in_r(tool, cell, rows, groups, environment)
    if done.returncode:
        print(f"{tool} {cell} {rows}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.strip().splitlines()[-1])


def _measure_in_r(tool: str, cell: str, rows: int, groups: int, environment: dict) -> subprocess.CompletedProcess:
    from worlds import make

    family, random = CELLS[cell]
    formula = f"y ~ {FIXED} + offset(log(e)) + {R_RANDOM.get(cell, random)}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.csv"
        make(cell, rows, groups).to_csv(file, index=False)
        command = ["Rscript", str(FOLDER / "peers.R"), tool, family, formula, str(file)]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


def table(results: list[dict]) -> str:
    """The results in Markdown, with the ratio of every peer to dwangstats on the same rows."""
    ours = {(r["cell"], r["rows"], r["groups"]): r for r in results if r["tool"] == "dwangstats"}
    lines = [
        "| model | rows | groups | tool | seconds | times dwangstats | log likelihood less ours | peak memory, MB |",
        "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for r in results:
        own = ours.get((r["cell"], r["rows"], r["groups"]))
        ratio = "" if own is None or r is own else f"{r['seconds'] / own['seconds']:.1f}"
        gap = "" if own is None or r is own or r["llf"] != r["llf"] else f"{r['llf'] - own['llf']:+.1e}"
        memory = f"{r['peak_mb']:.0f}" if "peak_mb" in r else ""
        cells = (r["cell"], f"{r['rows']:,}", f"{r['groups']:,}", r["tool"], f"{r['seconds']:.3f}", ratio, gap, memory)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure everything that is installed, or one cell with --one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", nargs=4, metavar=("TOOL", "CELL", "ROWS", "GROUPS"))
    chosen = parser.parse_args().one
    if chosen:
        print(json.dumps(one(chosen[0], chosen[1], int(chosen[2]), int(chosen[3]))))
        return
    results = []
    for tool, cell, rows, groups in RUNS:
        measured = measure(tool, cell, rows, groups)
        if measured is not None:
            results.append({"tool": tool, "cell": cell, "rows": rows, "groups": groups, **measured})
            print(f"{cell:32s} {rows:>9,} {tool:12s} {measured['seconds']:9.3f} s", flush=True)
    versions = {name: importlib.metadata.version(name) for name in ("dwangstats", "numpy", "scipy", "gpboost", "glum")}
    (FOLDER / "results.json").write_text(json.dumps({"versions": versions, "results": results}, indent=1) + "\n")
    readme = FOLDER / "README.md"
    head = readme.read_text(encoding="utf-8").split("<!-- table -->")[0]
    readme.write_text(f"{head}<!-- table -->\n\n{table(results)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
