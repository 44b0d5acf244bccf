"""Execute every notebook of this folder from its first to its last cell; a cell that fails stops the build."""

import sys
import time
from pathlib import Path

import jupytext
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent
OUT = FOLDER.parent / "out" / "notebooks"


def main() -> None:
    """Execute the percent notebooks and keep the executed copies in out/notebooks."""
    OUT.mkdir(parents=True, exist_ok=True)
    notebooks = sorted(p for p in FOLDER.glob("*.py") if p.name != Path(__file__).name)
    if not notebooks:
        sys.exit("no notebook found")
    for path in notebooks:
        start = time.perf_counter()
        notebook = jupytext.read(path)
        place = {"metadata": {"path": str(FOLDER)}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place).execute()
        jupytext.write(notebook, OUT / f"{path.stem}.ipynb")
        print(f"{path.name}: {len(notebook.cells)} cells executed in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
