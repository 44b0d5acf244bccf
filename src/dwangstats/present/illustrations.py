"""Which figures the report holds, with captions and alternative texts, as files and inline."""

import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dwangstats.errors import InternalError
from dwangstats.present.choose import Row, forms_in_order, headline_ratios, like_headline, telling_providers
from dwangstats.present.contents import ReportContents
from dwangstats.present.figures.bounds import bounds, bounds_alt
from dwangstats.present.figures.canvas import NARROW, WIDE, Inches, figure_style, save_figure
from dwangstats.present.figures.change import change, change_alt
from dwangstats.present.figures.deliveries import deliveries_alt, deliveries_grid
from dwangstats.present.figures.forest import forest, forest_alt
from dwangstats.present.figures.identification import identification, identification_alt
from dwangstats.present.figures.patterns import patterns, patterns_alt, patterns_caption
from dwangstats.present.figures.rates import MOST_MARKERS, rates_alt, rates_by_form
from dwangstats.present.labels import Labels

NAMES = ("change", "rates", "forest", "bounds", "identification", "deliveries", "patterns")

MOST_PROVIDERS = 60
"""Of more providers than this the reporting patterns of the most telling ones are drawn."""


@dataclass(frozen=True, slots=True)
class Illustration:
    """One figure of the report.

    Attributes
    ----------
    name : str
        Name of the files, and of the place on the page.
    caption, alt : str
    table : str
        Name of the CSV file with its numbers.
    draw : callable
        Width in inches to Figure.
    """

    name: str
    caption: str
    alt: str
    table: str
    draw: Callable[[Inches], Figure]


def illustrations(contents: ReportContents) -> list[Illustration]:
    """The figures for which the contents have data, in order."""
    labels = Labels(contents.language, contents.counted)
    makers = (_change, _rates, _forest, _bounds, _identification, _deliveries, _patterns)
    return [shown for make in makers for shown in make(contents, labels)]


@dataclass(frozen=True, slots=True)
class Inline:
    """An illustration as ``<svg>`` elements for a page, for wide and for narrow screens."""

    illustration: Illustration
    wide: str
    narrow: str


def draw_illustration(illustration: Illustration, folder: Path) -> Inline:
    """Write the figure as SVG and PNG into an existing folder, and return it for the page.

    The elements carry no name spaces, no metadata and no ids that another figure uses, and are hidden from
    screen readers: the page gives the alternative text.
    """
    svg, _ = save_figure(illustration.draw(WIDE), folder / illustration.name)
    buffer = io.StringIO()
    with figure_style():
        illustration.draw(NARROW).savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return Inline(
        illustration,
        wide=_cleaned(svg.read_text(encoding="utf-8"), f"{illustration.name}-wide-"),
        narrow=_cleaned(buffer.getvalue(), f"{illustration.name}-narrow-"),
    )


def _cleaned(svg: str, prefix: str) -> str:
    found = re.search(r"<svg\b[^>]*>(.*)</svg>", svg, flags=re.DOTALL)
    box = re.search(r'viewBox="([^"]+)"', svg)
    if found is None or box is None:
        raise InternalError("matplotlib wrote an SVG without an svg element or a viewBox")
    body = re.sub(r"<metadata>.*?</metadata>", "", found[1], flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'\bid="', f'id="{prefix}', body)
    body = re.sub(r'href="#', f'href="#{prefix}', body)
    body = re.sub(r"url\(#", f"url(#{prefix}", body)
    return f'<svg viewBox="{box[1]}" aria-hidden="true" focusable="false">{body.strip()}</svg>'


def _rates(contents: ReportContents, labels: Labels) -> Iterator[Illustration]:
    frame, unit, language = contents.rates, _unit(contents), contents.language
    if frame.empty:
        return
    interval = "band" if frame["period"].nunique() > MOST_MARKERS else "bars"
    yield Illustration(
        name="rates",
        caption=labels.text(
            "caption.rates",
            unit=labels.name("unit", unit),
            interval=_rate_intervals(contents, labels, interval),
            scale=labels.text("caption.rates_scales" if len(set(frame["form"])) > 1 else "caption.rates_scale"),
        ),
        alt=rates_alt(frame, language, unit=unit),
        table="rates",
        draw=lambda width: rates_by_form(frame, language, unit=unit, width=width, counted=contents.counted),
    )


def _rate_intervals(contents: ReportContents, labels: Labels, kind: str) -> str:
    """What the lines about the rates are: chance, and where counts are intervals what is possible."""
    frame = contents.rates
    sentences = []
    if frame["rate"].notna().any():
        sentences.append(labels.text(f"caption.rates_{kind}", level=_level(contents, labels)))
    if "rate_lowest" in frame and bool((frame["rate"].isna() & frame["rate_lowest"].notna()).any()):
        sentences.append(labels.text("caption.rates_possible"))
    return " ".join(sentences)


def _forest(contents: ReportContents, labels: Labels) -> Iterator[Illustration]:
    frame, unit, language = like_headline(contents), _unit(contents), contents.language
    if frame.empty:
        return
    before, after = contents.question.get("before"), contents.question.get("after")
    first: Row = next(iter(headline_ratios(contents).values()))
    yield Illustration(
        name="forest",
        caption=labels.text(
            "caption.forest",
            per_unit=labels.per_unit(unit),
            before=labels.period(before),
            after=labels.period(after),
            family=labels.title("family", first["family"]),
            covariance=labels.name("covariance", first["covariance"]),
        ),
        alt=forest_alt(frame, language, before=before, after=after, unit=unit),
        table="ratios",
        draw=lambda width: _figure(forest(frame, language, before=before, after=after, unit=unit, width=width)),
    )


def _bounds(contents: ReportContents, labels: Labels) -> Iterator[Illustration]:
    frame, tipping, language = contents.bounds, contents.tipping, contents.language
    if frame.empty:
        return
    before, after = contents.question.get("before"), contents.question.get("after")
    ratios = pd.DataFrame(list(headline_ratios(contents).values()))
    yield Illustration(
        name="bounds",
        caption=labels.text("caption.bounds"),
        alt=bounds_alt(frame, tipping, language, before=before),
        table="bounds",
        draw=lambda width: _figure(
            bounds(
                frame,
                tipping,
                language,
                ratios=None if ratios.empty else ratios,
                before=before,
                after=after,
                unit=_unit(contents),
                width=width,
            )
        ),
    )


def _change(contents: ReportContents, labels: Labels) -> Iterator[Illustration]:
    """The parts of the change of the first form for which there are any."""
    if contents.decomposition.empty:
        return
    language = contents.language
    before, after = contents.question.get("before"), contents.question.get("after")
    form = forms_in_order(contents.decomposition["form"])[0]
    frame = contents.decomposition[contents.decomposition["form"] == form]
    unit = _unit(contents)
    yield Illustration(
        name="change",
        caption=labels.text("caption.change", level=_level(contents, labels)),
        alt=change_alt(frame, language, before=before, after=after),
        table="decomposition",
        draw=lambda width: _figure(
            change(frame, language, before=before, after=after, unit=unit, width=width, counted=contents.counted)
        ),
    )


def _identification(contents: ReportContents, labels: Labels) -> Iterator[Illustration]:
    frame, language, unit = contents.profiles, contents.language, _unit(contents)
    if frame.empty:
        return
    yield Illustration(
        name="identification",
        caption=labels.text("caption.identification"),
        alt=identification_alt(frame, language),
        table="profiles",
        draw=lambda width: identification(frame, language, unit=unit, width=width),
    )


def _deliveries(contents: ReportContents, labels: Labels) -> Iterator[Illustration]:
    frame, language = contents.deliveries, contents.language
    if frame.empty:
        return
    yield Illustration(
        name="deliveries",
        caption=labels.text("caption.deliveries"),
        alt=deliveries_alt(frame, language),
        table="deliveries",
        draw=lambda width: deliveries_grid(frame, language, width=width),
    )


def _patterns(contents: ReportContents, labels: Labels) -> Iterator[Illustration]:
    """The patterns of all providers, or of the most telling ones."""
    every, language, summary = contents.patterns, contents.language, contents.pattern_summary
    if every.empty:
        return
    table = telling_providers(every, MOST_PROVIDERS)
    frame = contents.pattern_periods[contents.pattern_periods["provider"].isin(table["provider"])]
    caption = patterns_caption(summary["level"], language, nothing=summary["nothing"])
    if len(table) < len(every):
        shown, total = labels.count(len(table)), labels.count(len(every))
        caption = f"{caption} {labels.text('caption.patterns_some', shown=shown, total=total)}"
    yield Illustration(
        name="patterns",
        caption=caption,
        alt=patterns_alt(frame, table, language),
        table="pattern_periods",
        draw=lambda width: _figure(patterns(frame, table, language, width=width)),
    )


def _figure(axes: Axes) -> Figure:
    figure = axes.get_figure(root=True)
    if figure is None:
        raise InternalError("axes without a figure")
    return figure


def _level(contents: ReportContents, labels: Labels) -> str:
    return labels.level(contents.question.get("level", 0.95))


def _unit(contents: ReportContents) -> str:
    return str(contents.question.get("unit", "bed-days"))
