import json
import math
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from dwangstats.present.contents import ReportContents
from dwangstats.present.results_file import PATTERN_FRAMES, write_results
from dwangstats.present.tables import FRAMES

Maker = Callable[..., ReportContents]


def test_every_frame_is_there_with_full_precision(make_contents: Maker, tmp_path: Path) -> None:
    contents = make_contents("nl")
    results = json.loads(write_results(contents, tmp_path / "results.json").read_text(encoding="utf-8"))
    always = set(FRAMES) - set(PATTERN_FRAMES)
    assert always <= set(results)
    assert not [key for key in results if key.startswith("pattern")]
    for name in always:
        assert len(results[name]) == len(getattr(contents, name))
    assert results["ratios"][0]["estimate"] == contents.ratios["estimate"].iloc[0]
    assert results["ratios"][0]["headline"] is True
    assert results["ratios"][0]["providers"] == 45
    assert results["question"]["completeness_before"] == [0.7, 1.0]
    assert results["answer"].startswith("In 2023 lag het aantal registraties")
    assert "**" not in results["answer"]


def test_what_json_cannot_hold_is_null(make_contents: Maker, tmp_path: Path) -> None:
    contents = make_contents("nl")
    rates = contents.rates.assign(lower=math.nan, upper=math.inf)
    path = write_results(make_contents("nl", rates=rates), tmp_path / "results.json")
    text = path.read_text(encoding="utf-8")
    assert "NaN" not in text
    assert "Infinity" not in text
    assert json.loads(text)["rates"][0]["lower"] is json.loads(text)["rates"][0]["upper"] is None


def test_the_bytes_do_not_depend_on_order_or_types(make_contents: Maker, tmp_path: Path) -> None:
    contents = make_contents("en")
    question = {**dict(reversed(list(contents.question.items()))), "level": np.float64(0.95), "before": np.int64(2021)}
    one = write_results(contents, tmp_path / "one.json").read_bytes()
    two = write_results(make_contents("en", question=question), tmp_path / "two.json").read_bytes()
    assert one == two
    assert one.endswith(b"}\n")


def test_a_path_leaves_only_its_last_part(make_contents: Maker, tmp_path: Path) -> None:
    contents = make_contents("en")
    question = {**contents.question, "file": PurePosixPath("/home/somebody/secret/dwangstats.toml")}
    text = write_results(make_contents("en", question=question), tmp_path / "results.json").read_text(encoding="utf-8")
    assert '"dwangstats.toml"' in text
    assert "somebody" not in text
