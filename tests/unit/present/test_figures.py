from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.testing import assert_allclose

from dwangstats.present import figures
from dwangstats.present.choose import headline_ratios, like_headline
from dwangstats.present.contents import ReportContents
from dwangstats.present.figures.canvas import ordered_periods, period_axis, ratio_axis
from dwangstats.present.figures.deliveries import STATUS_STYLE, providers_in_order
from dwangstats.present.labels import Labels

Maker = Callable[..., ReportContents]


def all_text(figure: Figure) -> str:
    found = [artist.get_text() for artist in figure.findobj(mpl.text.Text) if isinstance(artist, mpl.text.Text)]
    return "\n".join(found)


def line(ax: Axes, label: str) -> mpl.lines.Line2D:
    return next(found for found in ax.lines if found.get_label() == label)


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def root(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


# --- rates


def test_rates_draw_the_numbers_of_the_frame(make_contents: Maker) -> None:
    rates = make_contents().rates
    ax = figures.rates(rates, "nl", form="seclusion")
    for selection in ("complete", "delivered"):
        rows = rates[(rates["form"] == "seclusion") & (rates["selection"] == selection)]
        drawn = line(ax, selection)
        assert_allclose(np.asarray(drawn.get_ydata(), float), rows["rate"])
        assert_allclose(np.round(np.asarray(drawn.get_xdata(), float)), np.arange(6))
    bars = [c for c in ax.collections if isinstance(c, LineCollection)]
    ends = np.array([[p[0, 1], p[1, 1]] for p in bars[0].get_segments()])
    expected = rates[(rates["form"] == "seclusion") & (rates["selection"] == "complete")][["lower", "upper"]]
    assert_allclose(ends, expected)
    assert ax.get_ylim()[0] == 0.0
    assert ax.get_ylim()[1] > rates.loc[rates["form"] == "seclusion", "upper"].max()


def test_rates_leave_a_gap_where_a_period_is_missing(make_contents: Maker) -> None:
    rates = make_contents(forms=("seclusion",), selections=("complete",)).rates
    ax = figures.rates(rates[rates["period"] != "2022-H1"], periods=list(rates["period"]))
    assert np.isnan(np.asarray(line(ax, "complete").get_ydata(), float)[2])


def test_rates_without_intervals_or_with_one_period(make_contents: Maker) -> None:
    rates = make_contents(forms=("seclusion",), selections=("complete",)).rates
    bare = rates.head(1).assign(lower=np.nan, upper=np.nan)
    ax = figures.rates(bare)
    assert np.isfinite(ax.get_ylim()).all()
    zero = figures.rates(bare.assign(rate=0.0))
    assert zero.get_ylim() == (0.0, 1.0)


def test_rates_draw_a_band_when_there_are_many_periods(make_contents: Maker) -> None:
    months = tuple(f"{year}-{month:02d}" for year in (2021, 2022) for month in range(1, 13))
    ax = figures.rates(make_contents(forms=("seclusion",), periods=months).rates)
    assert not [c for c in ax.collections if isinstance(c, LineCollection)]
    assert len(ax.collections) == 2


def test_rates_by_form_has_a_panel_per_form_with_its_name(make_contents: Maker) -> None:
    figure = figures.rates_by_form(make_contents().rates, "nl")
    titles = [ax.get_title(loc="left").replace("\n", " ") for ax in figure.axes]
    assert titles[:3] == ["Alle vormen", "Separatie", "Andere vormen van insluiten"]
    assert len(titles) == 7
    assert "registraties per 1.000 bezette beddagen" in all_text(figure)
    assert "elke periode aangeleverd" in all_text(figure)


def test_eleven_forms_fit(make_contents: Maker) -> None:
    figure = figures.rates_by_form(make_contents(forms=tuple("abcdefghijk")).rates, "en", width=3.6)
    assert len(figure.axes) == 12


def test_selections_differ_in_more_than_colour(make_contents: Maker) -> None:
    ax = figures.rates(make_contents().rates)
    complete, delivered = line(ax, "complete"), line(ax, "delivered")
    assert complete.get_marker() != delivered.get_marker()
    assert complete.get_linestyle() != delivered.get_linestyle()
    assert complete.get_markerfacecolor() != delivered.get_markerfacecolor()


def test_a_selection_that_stands_alone_has_the_first_style(make_contents: Maker) -> None:
    ax = figures.rates(make_contents(selections=("delivered",)).rates)
    assert line(ax, "delivered").get_linestyle() == "-"


# --- forest


def test_forest_draws_every_ratio_at_its_value(make_contents: Maker) -> None:
    contents = make_contents()
    frame = like_headline(contents)
    ax = figures.forest(frame, "nl", before=2021, after=2023)
    assert ax.get_xscale() == "log"
    assert_allclose(np.asarray(line(ax, "no-change").get_xdata(), float), [1.0, 1.0])
    for row in frame.to_dict("records"):
        drawn = line(ax, f"{row['form']}/{row['selection']}")
        assert_allclose(np.asarray(drawn.get_xdata(), float), [row["estimate"]])
    ends = [p[:, 0] for c in ax.collections if isinstance(c, LineCollection) for p in c.get_segments()]
    assert_allclose(np.sort(np.array(ends), axis=0), np.sort(frame[["lower", "upper"]].to_numpy(), axis=0))
    assert "1,30 (1,22 tot 1,39)" in texts(ax)
    assert "bezette beddag, 2023 ten opzichte van 2021" in ax.get_xlabel().replace("\n", " ")


def test_forest_points_beyond_the_axis_for_an_open_interval(make_contents: Maker) -> None:
    frame = like_headline(make_contents()).head(1).assign(upper=np.inf)
    ax = figures.forest(frame, "en")
    assert [found.get_marker() for found in ax.lines if found.get_marker() in ("<", ">")] == [">"]
    assert "1.30 (1.22 to unbounded)" in texts(ax)


def test_forest_without_an_interval(make_contents: Maker) -> None:
    frame = like_headline(make_contents()).head(1).assign(lower=np.nan, upper=np.nan)
    ax = figures.forest(frame, "en")
    assert not ax.collections
    assert "1.30" in texts(ax)


# --- bounds


def test_bounds_draw_the_band_beside_the_registered_ratio(make_contents: Maker) -> None:
    contents = make_contents()
    ratios = pd.DataFrame(list(headline_ratios(contents).values()))
    ax = figures.bounds(contents.bounds, contents.tipping, "nl", ratios=ratios, before=2021, after=2023)
    bands = {patch.get_label(): patch for patch in ax.patches if isinstance(patch, Rectangle)}
    assert len(bands) == 7
    for row in contents.bounds.to_dict("records"):
        band = bands[f"{row['form']}/possible"]
        assert_allclose([band.get_x(), band.get_x() + band.get_width()], [row["lower"], row["upper"]])
        drawn = line(ax, f"{row['form']}/registered")
        assert_allclose(np.asarray(drawn.get_xdata(), float), [row["rate_ratio"]])
        assert np.asarray(drawn.get_ydata(), float)[0] < band.get_y()
    assert "alleen registratie: volledigheid 2021 ≤ 77%" in texts(ax)
    assert "alleen registratie: volledigheid zakt tot 93% van 2021" in texts(ax)
    assert "0,91 tot 1,30" in texts(ax)
    low, high = ax.get_xlim()
    assert low < contents.bounds["interval_lower"].min()
    assert high > contents.bounds["interval_upper"].max()


def test_bounds_under_two_assumptions_are_told_apart(make_contents: Maker) -> None:
    one, other = make_contents(), make_contents(completeness=(0.5, 1.0), monotone=False)
    both = pd.concat([one.bounds, other.bounds])
    ax = figures.bounds(both, one.tipping.iloc[:0], "en", width=3.6)
    assert len(ax.patches) == 14
    assert "completeness 70% to 100%, not lower after" in texts(ax)
    assert "completeness 50% to 100%" in texts(ax)
    assert not [text for text in texts(ax) if text.startswith("registration alone")]


def test_bounds_without_intervals(make_contents: Maker) -> None:
    contents = make_contents(forms=("seclusion",))
    bare = contents.bounds.assign(interval_lower=np.nan, interval_upper=np.nan)
    ax = figures.bounds(bare, pd.DataFrame(), "en")
    assert not ax.collections
    assert "1.15" in texts(ax)


# --- deliveries


@pytest.mark.parametrize(("providers", "axes"), [(8, 1), (80, 2)])
def test_every_delivery_has_its_cell(make_contents: Maker, providers: int, axes: int) -> None:
    frame = make_contents(n_providers=providers).deliveries
    figure = figures.deliveries_grid(frame, "nl")
    assert len(figure.axes) == axes
    drawn = dict.fromkeys(STATUS_STYLE, 0)
    for ax in figure.axes:
        for collection in ax.collections:
            assert isinstance(collection, PatchCollection)
            drawn[str(collection.get_label())] += len(collection.get_paths())
    assert drawn == {status: int((frame["status"] == status).sum()) for status in STATUS_STYLE}
    names = [label.get_text() for ax in figure.axes for label in ax.get_yticklabels()]
    assert sorted(names) == sorted(frame["provider"].unique())
    assert "niet aangeleverd" in all_text(figure)


def test_rows_of_deliveries_do_not_touch(make_contents: Maker) -> None:
    figure = figures.deliveries_grid(make_contents(n_providers=80).deliveries, "nl", width=3.6)
    figure.draw_without_rendering()
    ax = figure.axes[0]
    height_of_row = ax.get_window_extent().height / 80 / figure.dpi * 72
    assert height_of_row > 8.0, "rows lower than their 8 pt names"


def test_the_best_deliverers_come_first() -> None:
    frame = pd.DataFrame(
        {
            "provider": ["b", "b", "a", "a", "c", "c"],
            "period": ["2021", "2022"] * 3,
            "status": ["accepted", "rejected", "accepted", "accepted", "nothing_to_report", "accepted"],
        }
    )
    assert providers_in_order(frame) == ["a", "c", "b"]


def test_an_unknown_status_is_drawn_as_unknown() -> None:
    frame = pd.DataFrame({"provider": ["a"], "period": ["2021"], "status": ["te laat"]})
    ax = figures.deliveries(frame)
    assert [str(c.get_label()) for c in ax.collections] == ["te laat"]


def test_statuses_differ_without_colour() -> None:
    looks = {(style["hatch"], round(_luminance(style["facecolor"]), 1)) for style in STATUS_STYLE.values()}
    assert len(looks) == len(STATUS_STYLE)


def _luminance(color: str) -> float:
    red, green, blue = to_rgb(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# --- shared


def test_a_figure_can_be_drawn_on_given_axes(make_contents: Maker) -> None:
    contents = make_contents()
    drawers: tuple[Callable[[Axes], Axes], ...] = (
        lambda ax: figures.rates(contents.rates, ax=ax),
        lambda ax: figures.forest(like_headline(contents), ax=ax),
        lambda ax: figures.bounds(contents.bounds, contents.tipping, ax=ax),
        lambda ax: figures.deliveries(contents.deliveries, ax=ax),
    )
    for draw in drawers:
        ax = Figure().add_subplot()
        assert draw(ax) is ax


def test_drawing_changes_no_setting(make_contents: Maker) -> None:
    before = dict(mpl.rcParams)
    figures.rates_by_form(make_contents(forms=("seclusion",)).rates)
    assert dict(mpl.rcParams) == before


def test_the_same_figure_gives_the_same_bytes(make_contents: Maker, tmp_path: Path) -> None:
    contents = make_contents(n_providers=8)
    for name in ("one", "two"):
        figures.save_figure(figures.deliveries_grid(contents.deliveries), tmp_path / f"{name}-deliveries")
        figures.save_figure(root(figures.forest(like_headline(contents))), tmp_path / f"{name}-forest")
    for figure in ("deliveries", "forest"):
        for suffix in (".svg", ".png"):
            one, two = ((tmp_path / f"{name}-{figure}{suffix}").read_bytes() for name in ("one", "two"))
            assert one == two
    svg = (tmp_path / "one-forest.svg").read_text(encoding="utf-8")
    assert "<dc:date>" not in svg
    assert "<text" not in svg, "letters are paths, so that the figure looks the same without the font"


def test_text_is_eight_points(make_contents: Maker) -> None:
    figure = figures.rates_by_form(make_contents().rates)
    assert {artist.get_fontsize() for artist in figure.findobj(mpl.text.Text) if artist.get_text().strip()} == {8.0}


def test_periods_are_in_order_of_time_and_text_comes_last() -> None:
    assert ordered_periods(["2022-H1", "na", "2021-H2", "2021-H1", "2021-H2"]) == [
        "2021-H1",
        "2021-H2",
        "2022-H1",
        "na",
    ]


def test_the_year_stands_under_its_first_part() -> None:
    ax = Figure().add_subplot()
    period_axis(ax, ["2021-H1", "2021-H2", "2022-H1"], Labels("nl"), most=8)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["H1\n2021", "H2\n ", "H1\n2022"]
    period_axis(ax, [f"20{year}-{month:02d}" for year in (21, 22) for month in range(1, 13)], Labels("nl"), most=8)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2021", "2022"]


@pytest.mark.parametrize(("low", "high"), [(0.98, 1.03), (0.4, 1.1), (0.01, 300.0), (0.7, 2.7), (1e-9, 1.0)])
def test_ratio_ticks_hold_one_and_are_not_crowded(low: float, high: float) -> None:
    ax = Figure().add_subplot()
    ratio_axis(ax, low, high, Labels("nl"), most=6)
    ticks = ax.xaxis.get_major_locator()()
    assert 1.0 in ticks
    assert 2 <= len(ticks) <= 8
    assert ax.get_xlim()[0] < low
    assert ax.get_xlim()[1] > high


# --- alternative texts


def test_alternative_texts_say_the_numbers(make_contents: Maker) -> None:
    contents = make_contents()
    spoken = figures.rates_alt(contents.rates, "nl")
    assert "7 vormen" in spoken
    assert "Separatie (elke periode aangeleverd): van 0,701 in 2021-H1 naar 0,854 in 2023-H2." in spoken
    assert "alles wat is aangeleverd" not in spoken
    forest = figures.forest_alt(like_headline(contents), "nl", before=2021, after=2023)
    assert "Separatie (elke periode aangeleverd): 1,15 (1,03 tot 1,28)." in forest
    bounds = figures.bounds_alt(contents.bounds, contents.tipping, "nl", before=2021)
    assert (
        "Alle vormen: geregistreerd 1,30, mogelijk 0,91 tot 1,30. Alleen registratie: volledigheid 2021 ≤ 77%."
        in bounds
    )
    deliveries = figures.deliveries_alt(contents.deliveries, "en")
    assert deliveries.startswith("Grid of 60 providers by 6 periods")
    accepted = int((contents.deliveries["status"] == "accepted").sum())
    assert f"delivered correctly: {accepted}" in deliveries


def test_alternative_text_of_one_form_and_one_period(make_contents: Maker) -> None:
    rates = make_contents(forms=("seclusion",)).rates.head(1)
    spoken = figures.rates_alt(rates, "en")
    assert "per 1,000 occupied bed-days for one form." in spoken
    assert f"Seclusion (delivered every period): {rates['rate'].iloc[0]:.3f} in 2021-H1." in spoken
    assert "nan" not in figures.rates_alt(rates.assign(rate=np.nan), "en")


def test_an_interval_without_measure_stays_on_an_axis() -> None:
    frame = pd.DataFrame(
        {"form": ["seclusion"], "selection": ["complete"], "estimate": [1.3], "lower": [1e-300], "upper": [1e300]}
    )
    ax = figures.forest(frame, "en")
    low, high = ax.get_xlim()
    assert 1e-14 < low < high < 1e14
    assert "1.30 (0.00 to 1.00 × 10^300)" in figures.forest_alt(frame, "en")
