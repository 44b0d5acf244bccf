"""What every test shares: where the real data are, how Hypothesis runs, and what the summary says about both."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).parent
REAL_DATA_VARIABLE = "DWANGSTATS_REAL_DATA"
ABSENT = f"the folder shared/real does not stand beside the project and {REAL_DATA_VARIABLE} is not set"

# Helper modules stand beside the tests that use them; importlib mode puts no folder on the path.
sys.path.append(str(TESTS))

# The default profile draws the same examples on every machine. HYPOTHESIS_PROFILE=explore draws new ones.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", deadline=None, max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def find_real_data(start: Path, variable: str | None) -> Path | None:
    """The folder with real data: the one that is named, or else the nearest `shared/real` above `start`.

    A folder that is named and is not there is a mistake, never a reason to skip.
    """
    if variable is not None:
        named = Path(variable)
        if not (named / "reference").is_dir():
            raise pytest.UsageError(f"{REAL_DATA_VARIABLE} names a folder without reference fits: {variable}")
        return named
    candidates = (parent / "shared" / "real" for parent in start.resolve().parents)
    return next((folder for folder in candidates if (folder / "reference").is_dir()), None)


REAL_DATA = find_real_data(Path(__file__), os.environ.get(REAL_DATA_VARIABLE))


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Skip, with the reason, what needs real data where there are none."""
    if REAL_DATA is None:
        for item in items:
            if item.get_closest_marker("real_data"):
                item.add_marker(pytest.mark.skip(reason=ABSENT))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data: `data/<set>/` and `reference/<set>.json`."""
    if REAL_DATA is None:
        pytest.fail("a test that uses real_data must carry the mark real_data")
    return REAL_DATA


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line that says how many tests saw real data, so that a green run is not mistaken for parity."""
    phase = {"passed": "call", "failed": None, "error": None, "skipped": None}
    tests = {
        outcome: {
            report.nodeid
            for report in terminalreporter.stats.get(outcome, [])
            if "real_data" in getattr(report, "keywords", {}) and report.when == (when or report.when)
        }
        for outcome, when in phase.items()
    }
    failed = tests["failed"] | tests["error"]
    ran, skipped = len(tests["passed"] | failed), len(tests["skipped"])
    if ran or skipped:
        reason = f": {ABSENT}" if skipped and REAL_DATA is None else ""
        terminalreporter.write_line(f"real data: {ran} tests ran, {len(failed)} failed, {skipped} skipped{reason}")
