"""results.json: every number of the report for other programs, the same bytes from the same contents."""

import json
import math
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from dwangstats.present.answer import answer, settling
from dwangstats.present.choose import records
from dwangstats.present.contents import ReportContents
from dwangstats.present.labels import is_missing, plain
from dwangstats.present.tables import FRAMES

PATTERN_FRAMES = ("patterns", "pattern_periods")
"""Frames that results.json holds only where they were asked for."""


def write_results(contents: ReportContents, path: Path) -> Path:
    """Write the contents as JSON with sorted keys; NaN and infinity become null, a path its last part.

    Parameters
    ----------
    contents : ReportContents
    path : Path
        File to write; its folder exists.

    Returns
    -------
    Path
        The file written.
    """
    results = {
        "answer": plain(answer(contents)),
        "what_would_settle_it": plain(settling(contents)),
        "title": contents.title,
        "language": contents.language,
        "question": contents.question,
        "versions": contents.versions,
        "fingerprint": contents.fingerprint,
        **{name: records(getattr(contents, name)) for name in FRAMES if name not in PATTERN_FRAMES},
        **_patterns(contents),
    }
    text = json.dumps(_jsonable(results), sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", newline="\n")
    return path


def _patterns(contents: ReportContents) -> dict[str, Any]:
    """The reporting patterns; no keys where they were not asked for."""
    if not contents.pattern_summary:
        return {}
    frames = {name: records(getattr(contents, name)) for name in PATTERN_FRAMES}
    return {"pattern_summary": contents.pattern_summary, **frames}


def _jsonable(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_jsonable(item) for item in value]
    if isinstance(value, PurePath):
        return value.name
    if is_missing(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return str(value)
