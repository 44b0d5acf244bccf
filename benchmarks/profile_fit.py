"""Where the time of one certified fit goes: ``python benchmarks/profile_fit.py CELL [ROWS]``.

Prints the seconds of the design, the engine (start, climb, Newton with Hessian), and the certificate with its restart,
for the cells in which a peer is closer than wanted.
"""

import cProfile
import pstats
import sys

from peers import CELLS, FIXED
from worlds import make

import dwangstats as dw

PARTS = {
    "design: formula to arrays": "build_design",
    "engine: fit with Hessian": "fit_arranged",
    "quasi-Newton climbs of both": "climb",
    "  of which Newton steps and Hessian": "polish",
    "certificate": "certify_mixed",
    "  of which restart from other parameters": "_restart",
}


def main() -> None:
    """Profile the second of two fits."""
    cell, rows = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    frame = make(cell, rows, 2_000)
    family, random = CELLS[cell]

    def fit() -> object:
        return dw.RateModel(f"y ~ {FIXED} + {random}", frame, family=family, exposure="e", quadrature=1).fit()

    fit()
    profile = cProfile.Profile()
    profile.runcall(fit)
    stats = pstats.Stats(profile).stats
    seconds: dict[str, float] = {}
    for (_, _, name), (_, _, _, cumulative, _) in stats.items():
        seconds[name] = max(seconds.get(name, 0.0), cumulative)
    print(f"{cell}, {rows:,} rows: {max(seconds.values()):.3f} s")
    for words, function in PARTS.items():
        print(f"{words:44s} {seconds.get(function, 0.0):7.3f} s")


if __name__ == "__main__":
    main()
