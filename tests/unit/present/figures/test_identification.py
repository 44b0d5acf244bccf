import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.testing import assert_allclose

from dwangstats.present.figures.identification import LIMIT, TALLEST, identification, identification_alt

COMPLETENESS = [0.4, 0.5, 0.6, 0.7, 0.77, 0.85, 0.9, 0.95, 0.99]
RATIO = [0.91, 0.96, 1.01, 1.07, 1.10, 1.15, 1.18, 1.21, 1.26]
FLAT = pd.DataFrame(
    {
        "completeness": COMPLETENESS,
        "deviance": [3.5, 3.3, 3.0, 2.7, 2.4, 2.0, 1.6, 1.2, 0.0],
        "adjusted_ratio": RATIO,
    }
)
AUDIT = FLAT.assign(deviance=[64.0, 47.0, 26.0, 4.1, 0.0, 18.0, 36.0, 58.0, 91.0])


def line(ax: Axes, label: str) -> Line2D:
    return next(found for found in ax.lines if found.get_label() == label)


def values(ax: Axes, label: str) -> np.ndarray:
    return np.asarray(line(ax, label).get_ydata(), dtype=float)


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_it_draws_the_numbers_of_the_frame_in_order() -> None:
    figure = identification(FLAT.sample(frac=1.0, random_state=1), "nl")
    top, bottom = figure.axes
    assert_allclose(values(top, "deviance"), FLAT["deviance"])
    assert_allclose(np.asarray(line(top, "deviance").get_xdata(), dtype=float), COMPLETENESS)
    assert_allclose(values(bottom, "adjusted-ratio"), RATIO)
    assert_allclose(values(bottom, "no-change"), 1.0)
    assert_allclose(values(top, "limit"), LIMIT)
    assert bottom.get_xlabel() == "volledigheid van de registratie"
    assert top.get_title(loc="left") == "verlies aan passing (2 × log likelihood)"


def test_where_nothing_is_excluded_all_points_are_filled() -> None:
    top, bottom = identification(FLAT, "en").axes
    assert values(top, "deviance/possible").size == 9
    assert values(top, "deviance/excluded").size == 0
    assert values(bottom, "adjusted-ratio/possible").size == 9


def test_an_audit_leaves_one_completeness_and_one_ratio() -> None:
    top, bottom = identification(AUDIT, "en", width=3.6).axes
    assert_allclose(values(bottom, "adjusted-ratio/possible"), [1.10])
    assert values(bottom, "adjusted-ratio/excluded").size == 8
    assert line(bottom, "adjusted-ratio/excluded").get_markerfacecolor() == "white"
    assert top.get_ylim()[1] <= TALLEST * LIMIT


def test_another_limit_is_used_and_said() -> None:
    figure = identification(FLAT, "nl", limit=2.71, level=0.9)
    assert values(figure.axes[0], "deviance/excluded").size == 3
    assert legend(figure) == ["niet uitgesloten", "uitgesloten", "grens bij 90%: daarboven uitgesloten"]


def test_without_ratios_there_is_one_axes() -> None:
    figure = identification(FLAT.assign(adjusted_ratio=np.nan), "en")
    assert len(figure.axes) == 1
    assert figure.axes[0].get_xlabel() == "completeness of the register"


def test_the_alternative_text_names_every_point() -> None:
    said = identification_alt(AUDIT, "en")
    assert "Completeness 77%: loss 0.0, ratio 1.10." in said
    assert said.count("Completeness ") == 9
    assert "ratio –" in identification_alt(AUDIT.assign(adjusted_ratio=np.nan), "en")
