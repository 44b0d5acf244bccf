from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose

from dwangstats.change.decomposition import ChangeDecomposition
from dwangstats.estimate import Estimate
from dwangstats.present.figures.change import change, change_alt

ROWS = [
    ("bed-days", 18.9, 18.6, 19.1, True),
    ("composition: mix", 4.1, 2.0, 6.2, True),
    ("composition: entry and exit", 0.0, 0.0, 0.0, True),
    ("case-mix", 0.0, 0.0, 0.0, False),
    ("registration", 519.0, 340.0, 713.0, True),
    ("real", 229.0, 18.0, 420.0, True),
    ("residual", 39.0, -44.0, 131.0, True),
    ("observed change", 810.0, 700.0, 920.0, True),
]
BAND = pd.DataFrame(
    {
        "part": ["registration", "real"],
        "lower": [-100.0, -452.0],
        "upper": [1200.0, 848.0],
        "completeness_low": 0.7,
        "completeness_high": 1.0,
    }
)


def frame() -> pd.DataFrame:
    table = pd.DataFrame(ROWS, columns=["part", "estimate", "lower", "upper", "in_model"])
    return table.assign(share=table["estimate"] / 810.0)


def joined() -> pd.DataFrame:
    """Registration and real as the one part of a register without evidence."""
    table = frame()
    table.loc[table["part"] == "registration", ["part", "estimate", "lower", "upper"]] = [
        "registered rate",
        748.0,
        640.0,
        850.0,
    ]
    return table[table["part"] != "real"]


def bars(ax: Axes) -> dict[str, Rectangle]:
    return {str(patch.get_label()): patch for patch in ax.patches if isinstance(patch, Rectangle)}


def words(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def names(ax: Axes) -> list[str]:
    return [tick.get_text().replace("\n", " ") for tick in ax.get_yticklabels()]


def test_every_part_in_the_model_is_a_bar_of_its_size() -> None:
    ax = change(frame(), "en", before=2021, after=2023)
    found = bars(ax)
    assert set(found) == {row[0] for row in ROWS} - {"case-mix"}
    for part, estimate, *_ in ROWS:
        if part != "case-mix":
            assert found[part].get_x() == 0.0
            assert found[part].get_width() == estimate
    assert names(ax)[0] == "Registered change"
    assert names(ax)[-1] == "Not explained by the model"
    assert "2023 relative to 2021" in ax.get_xlabel().replace("\n", " ")


def test_the_words_beside_the_bars() -> None:
    assert words(change(frame(), "nl")) == [
        "+810",
        "+19 (+19 tot +19), 2%",
        "+4 (+2 tot +6), 1%",
        "0 (0 tot 0), 0%",
        "niet in het model",
        "+519 (+340 tot +713), 64%",
        "+229 (+18 tot +420), 28%",
        "+39 (−44 tot +131), 5%",
    ]
    assert "+519 (+340 to +713)" in words(change(frame().assign(share=np.nan), "en"))


def test_intervals_are_lines_and_all_is_within_the_axis() -> None:
    ax = change(frame(), "nl")
    ends = {tuple(path[:, 0]) for lines in ax.collections for path in lines.get_segments()}  # type: ignore[attr-defined]
    assert ends == {(row[2], row[3]) for row in ROWS if row[0] not in ("case-mix", "observed change")}
    low, high = ax.get_xlim()
    assert low < -44.0
    assert high > 810.0


def test_a_band_stands_under_the_registered_rate() -> None:
    ax = change(joined(), "nl", band=BAND)
    place = names(ax).index("Geregistreerd aantal per beddag")
    assert names(ax)[place + 1 : place + 3] == ["Waarvan registratie", "Waarvan werkelijk"]
    real = bars(ax)["real/possible"]
    assert_allclose([real.get_x(), real.get_width()], [-452.0, 1300.0])
    assert real.get_hatch()
    assert "−452 tot +848" in words(ax)


def test_rates_have_decimals_and_their_unit() -> None:
    table = frame()
    table[["estimate", "lower", "upper"]] /= 1000.0
    table.loc[0, "in_model"] = False
    ax = change(table, "nl", per="rate", before=2021, after=2023)
    assert "Bezette beddagen" not in names(ax)
    assert "+0,52 (+0,34 tot +0,71), 64%" in words(ax)
    assert "per 1.000 bezette beddagen" in ax.get_xlabel().replace("\n", " ")


def test_a_narrow_figure_breaks_its_words() -> None:
    ax = change(frame(), "en", width=3.6)
    assert "+519\n(+340 to +713)" in words(ax)
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    assert figure.get_figwidth() == 3.6


def test_it_draws_on_given_axes_and_leaves_the_style_alone() -> None:
    before = mpl.rcParams["font.size"]
    given = Figure().add_subplot()
    assert change(frame(), ax=given) is given
    assert mpl.rcParams["font.size"] == before


def test_a_change_of_nothing_can_be_drawn() -> None:
    table = frame()
    table[["estimate", "lower", "upper"]] = 0.0
    low, high = change(table).get_xlim()
    assert low < 0.0 < high


def test_the_alternative_text_says_every_number() -> None:
    said = change_alt(joined(), "en", band=BAND, before=2021, after=2023)
    assert "Registered rate: +748 (+640 to +850), 64%." in said
    assert "Of which real: −452 to +848." in said
    assert "Case-mix: not in the model." in said
    assert "2023 relative to 2021" in said


@pytest.fixture
def made() -> ChangeDecomposition:
    def one(values: Any) -> Estimate:
        return Estimate(*values, 0.95, "registered", "registrations", "registrations alone")

    table = joined().set_index("part")
    parts = {str(part): one(table.loc[part, ["estimate", "lower", "upper"]]) for part in table.index[:-1]}
    return ChangeDecomposition(
        variable="year",
        before=2021,
        after=2023,
        per="counts",
        level=0.95,
        observed=one([810.0, 700.0, 920.0]),
        parts=parts,
        in_model=dict.fromkeys(parts, True),
        draws=np.array([[part.estimate] for part in parts.values()]),
        lmdi=pd.DataFrame(),
        separated=False,
        band=BAND,
        identified_by="registrations alone",
        verdict={"nl": "", "en": ""},
        note={"nl": "", "en": ""},
    )


def test_a_decomposition_brings_its_own_band_and_periods(made: ChangeDecomposition) -> None:
    ax = change(made, "en")
    assert "real/possible" in bars(ax)
    assert "2023 relative to 2021" in ax.get_xlabel().replace("\n", " ")
    assert "2023 relative to 2021" in change_alt(made, "en")
