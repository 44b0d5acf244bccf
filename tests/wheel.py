"""Build the wheel, install it into an empty environment, run the main job there, and time the import.

Not a pytest module: it needs a package index for the dependencies, so it is a step of its own in `make test`.
"""

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMPORT_LIMIT_SECONDS = 1.0
TIMED_IMPORT = "import time; t = time.perf_counter(); import dwangstats; print(time.perf_counter() - t)"


def run(*command: str | Path, cwd: Path) -> str:
    """Standard output of a command that must succeed; its messages are shown when it does not."""
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def main() -> None:
    """Wheel, clean environment, main job, import time."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        run(sys.executable, "-m", "build", "--wheel", "--outdir", place, ROOT, cwd=place)
        wheel = next(place.glob("dwangstats-*-py3-none-any.whl"))
        print(f"built {wheel.name}, {wheel.stat().st_size / 1024:.0f} kB")
        venv.create(place / "env", with_pip=True)
        python = place / "env" / "bin" / "python"
        run(python, "-m", "pip", "install", "--quiet", "--quiet", "--upgrade", "pip", cwd=place)
        run(python, "-m", "pip", "install", "--quiet", "--quiet", f"{wheel}[cli]", cwd=place)
        analysis = ROOT / "data" / "synthetic" / "mixed" / "dwangstats.toml"
        print(run(place / "env" / "bin" / "dwangstats", "analyse", analysis, "--out", place / "out", cwd=place).strip())
        results = json.loads((place / "out" / "results.json").read_text(encoding="utf-8"))
        if not results["ratios"] or not (place / "out" / "report.html").is_file():
            sys.exit("the main job from the wheel wrote no ratios or no report")
        seconds = min(float(run(python, "-c", TIMED_IMPORT, cwd=place)) for _ in range(3))
        print(f"import dwangstats: {seconds:.3f} s (limit {IMPORT_LIMIT_SECONDS} s)")
        if seconds > IMPORT_LIMIT_SECONDS:
            sys.exit("import dwangstats is slower than promised")


if __name__ == "__main__":
    main()
