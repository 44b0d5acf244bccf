import pandas as pd
import pytest
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dwangstats.present import figures
from dwangstats.present.figures.patterns import STATE_STYLE, providers_by_pattern
from dwangstats.providers.patterns import STATES

PERIODS = ["2021-H1", "2021-H2", "2022-H1"]
TABLE = pd.DataFrame({"provider": ["a", "b", "c", "d"], "pattern": ["silent", "complete", "joiner", "complete"]})
CELLS = pd.DataFrame(
    {
        "provider": ["a"] * 3 + ["b"] * 3 + ["c"] * 3 + ["d"] * 3,
        "period": PERIODS * 4,
        "state": ["silent", "silent", "absent"]
        + ["registrations", "zero", "registrations"]
        + ["silent", "registrations", "registrations"]
        + ["registrations"] * 3,
    }
)


def test_every_period_has_its_cell() -> None:
    ax = figures.patterns(CELLS, TABLE)
    drawn = {str(cells.get_label()): len(cells.get_paths()) for cells in ax.collections}
    assert all(isinstance(cells, PatchCollection) for cells in ax.collections)
    assert drawn == CELLS["state"].value_counts().to_dict()


def test_providers_of_one_pattern_stand_together() -> None:
    assert providers_by_pattern(TABLE) == [("complete", ["b", "d"]), ("joiner", ["c"]), ("silent", ["a"])]
    ax = figures.patterns(CELLS, TABLE, "en")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "d", "c", "a"]
    assert [text.get_text() for text in ax.texts] == ["complete (2)", "joined later (1)", "silent (1)"]


def test_a_new_figure_has_a_legend_of_what_is_there() -> None:
    ax = figures.patterns(CELLS, TABLE, "nl", width=3.6)
    assert isinstance(ax.figure, Figure)
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert [text.replace("\n", " ") for text in legend] == [
        "registraties",
        "nul, niet als zwijgen te herkennen",
        "zwijgt: nul zonder opgave, onwaarschijnlijk bij de omvang",
        "geen bruikbare levering",
    ]
    ax.figure.draw_without_rendering()


def test_on_a_telephone_names_of_patterns_have_their_own_lines_and_nothing_is_cut_off() -> None:
    table = TABLE.assign(pattern=["zero", "complete", "declared", "complete"])
    ax = figures.patterns(CELLS, table, "nl", width=3.6)
    figure = ax.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()
    lines = [text.get_position()[1] for text in ax.texts]
    rows = [int(tick) for tick in ax.get_yticks()]
    assert sorted([*lines, *rows]) == list(range(7))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["b", "d", "c", "a"]
    inside = figure.bbox
    for text in [*ax.texts, *figure.legends[0].get_texts()]:
        box = text.get_window_extent()
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1, text.get_text()
    assert ax.get_window_extent().width > 0.7 * inside.width
    drawn = {str(cells.get_label()): len(cells.get_paths()) for cells in ax.collections}
    assert drawn == CELLS["state"].value_counts().to_dict()


def test_it_draws_on_given_axes() -> None:
    figure = Figure()
    ax = figure.add_subplot()
    assert figures.patterns(CELLS, TABLE, ax=ax) is ax
    assert not figure.legends


def test_states_differ_without_colour() -> None:
    assert tuple(STATE_STYLE) == STATES
    looks = {(style["hatch"], round(sum(to_rgb(style["facecolor"])), 1)) for style in STATE_STYLE.values()}
    assert len(looks) == len(STATE_STYLE)


def test_many_periods_touch_and_many_names_are_cut() -> None:
    months = [f"{year}-{month:02d}" for year in (2020, 2021, 2022) for month in range(1, 13)]
    cells = pd.DataFrame({"provider": "a provider with a very long name", "period": months, "state": "registrations"})
    table = pd.DataFrame({"provider": ["a provider with a very long name"], "pattern": ["complete"]})
    ax = figures.patterns(cells, table)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a provider with a…"]


@pytest.mark.parametrize(("language", "words"), [("nl", "zwijgt: 1"), ("en", "silent: 1")])
def test_the_alternative_text_counts(language: str, words: str) -> None:
    text = figures.patterns_alt(CELLS, TABLE, language)  # type: ignore[arg-type]
    assert words in text
    assert "4 " in text


def test_the_caption_says_the_level_and_what_nobody_can_see() -> None:
    assert "hooguit 5% van de zorgaanbieders" in figures.patterns_caption(0.05)
    assert "only the provider knows" in figures.patterns_caption(0.05, "en")


@pytest.mark.parametrize(
    ("language", "condition", "never", "share"),
    [
        ("nl", "mits het niveau", "geen enkele periode werkelijk leeg was", "25% van de perioden werkelijk leeg"),
        ("en", "if the rate of each provider is constant", "no period was truly empty", "25% of the periods were"),
    ],
)
def test_the_share_of_false_names_is_stated_under_its_assumptions_only(
    language: str, condition: str, never: str, share: str
) -> None:
    strict = figures.patterns_caption(0.05, language)  # type: ignore[arg-type]
    assert condition in strict
    assert never in strict
    assert share in figures.patterns_caption(0.05, language, nothing=0.25)  # type: ignore[arg-type]
    assert "almost surely" not in strict
    assert "vrijwel zeker" not in strict


def test_a_declared_nothing_has_its_own_look() -> None:
    declared = CELLS.assign(state=CELLS["state"].replace("zero", "declared"))
    ax = figures.patterns(declared, TABLE.replace("silent", "declared"), "en")
    assert {str(cells.get_label()) for cells in ax.collections} == {"registrations", "declared", "silent", "absent"}
    assert "declared nothing, unlikely for its size (1)" in [text.get_text() for text in ax.texts]
