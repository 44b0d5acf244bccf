"""Build paper/paper.pdf from paper/main.typ and paper/results; the same results give the same bytes."""

import sys
import time
from pathlib import Path

import typst

FOLDER = Path(__file__).resolve().parent
NEEDED = ("paper.json", "ratios.csv", "bounds.svg")


def main() -> None:
    """Compile the paper; say which result is missing when the notebook has not been executed."""
    missing = [name for name in NEEDED if not (FOLDER / "results" / name).is_file()]
    if missing:
        sys.exit(f"paper/results lacks {', '.join(missing)}: execute the notebooks first (make notebooks)")
    start = time.perf_counter()
    pdf = typst.compile(FOLDER / "main.typ", timestamp=0)
    (FOLDER / "paper.pdf").write_bytes(pdf)
    print(f"paper/paper.pdf: {len(pdf) / 1024:.0f} kB in {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main()
