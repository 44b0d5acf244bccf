import numpy as np
import pandas as pd

from dwangstats.models.certificate import Certificate
from dwangstats.models.summary import summary_text, table_text

CERTIFICATE = Certificate(True, (), 0.0, 1.0, None, (("scaled gradient", 0.0, 1e-8, True),))


def test_table_is_aligned() -> None:
    table = pd.DataFrame({"estimate": [1.0, -22.5], "df": [np.inf, 12.34], "p": [0.0, 0.0312]}, index=["a", "long"])
    lines = table_text(table).splitlines()
    assert lines == [
        "      estimate    df        p",
        "a            1     -  <1e-300",
        "long     -22.5  12.3    0.031",
    ]


def test_text_has_no_clock_and_ends_without_newline() -> None:
    text = summary_text(title="T", facts=[("rows", "3")], table=None, certificate=CERTIFICATE, fingerprint="f" * 64)
    assert text.splitlines()[:2] == ["T", "="]
    assert not text.endswith("\n")
    assert "withheld" in text
    assert "f" * 64 in text
