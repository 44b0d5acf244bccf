import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from dwangstats.errors import DataError
from dwangstats.present.contents import ReportContents
from dwangstats.present.report import render, to_html

Maker = Callable[..., ReportContents]

VOID = {"meta", "br", "img", "hr", "input", "link"}
SMALL = {"n_providers": 8, "forms": ("seclusion", "medication")}
TINY = {"n_providers": 4, "forms": ("seclusion",), "selections": ("complete",)}


class Page(HTMLParser):
    """Reads a page, and fails on tags that do not close where they should."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.headings: list[int] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self._note(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._note(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    def _note(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            self.attributes.append((tag, name, value or ""))
            if name == "id":
                self.ids.append(value or "")
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def written(contents: ReportContents, folder: Path) -> tuple[str, Page]:
    html = render(contents, folder).read_text(encoding="utf-8")
    return html, Page(html)


@pytest.fixture(scope="module", params=["nl", "en"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, str, Page]:
    maker = request.getfixturevalue("contents_for_module")
    folder = tmp_path_factory.mktemp(request.param)
    return (request.param, folder, *written(maker(request.param, **SMALL), folder))


def test_all_files_are_there(report: tuple[str, Path, str, Page]) -> None:
    folder = report[1]
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    figures = {
        f"figures/{name}.{suffix}" for name in ("rates", "forest", "bounds", "deliveries") for suffix in ("svg", "png")
    }
    assert figures | {"report.html", "results.json", "tables/ratios.csv", "tables/rates.csv"} <= names
    json.loads((folder / "results.json").read_text(encoding="utf-8"))


def test_the_page_says_its_language_and_order(report: tuple[str, Path, str, Page]) -> None:
    language, _, html, page = report
    assert f'<html lang="{language}">' in html
    sections = re.findall(r'<section id="(\w+)"', html)
    assert sections == ["answer", "settle", "figures", "tables", "checks", "methods", "disclosure"]
    assert page.headings[0] == 1
    assert set(page.headings[1:]) == {2}


def test_the_answer_is_one_paragraph(report: tuple[str, Path, str, Page]) -> None:
    section = re.search(r'<section id="answer".*?</section>', report[2], flags=re.DOTALL)
    assert section is not None
    assert section[0].count("<p>") == 1
    assert "<strong>30%" in section[0]


def test_nothing_is_loaded_from_elsewhere(report: tuple[str, Path, str, Page]) -> None:
    _, folder, html, page = report
    assert not re.search(r"https?://|//www|@import|<script|<link|<iframe|javascript:", html)
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", html)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), f"{tag} has {name}"
        if name in {"src", "srcset", "data"}:
            pytest.fail(f"{tag} loads {value}")
        if name == "href" and not value.startswith("#"):
            assert (folder / value).is_file(), value


def test_ids_are_unique_and_references_exist(report: tuple[str, Path, str, Page]) -> None:
    _, _, html, page = report
    assert len(page.ids) == len(set(page.ids))
    wanted = {value[1:] for _, name, value in page.attributes if name == "href" and value.startswith("#")}
    wanted |= set(re.findall(r"url\(#([\w-]+)\)", html))
    wanted |= {value for _, name, value in page.attributes if name == "aria-labelledby"}
    assert wanted <= set(page.ids)


def test_no_word_says_that_a_number_is_missing(report: tuple[str, Path, str, Page]) -> None:
    assert not re.search(r"\b(nan|none|inf|null|undefined)\b", report[3].text, flags=re.IGNORECASE)
    alternatives = [value for _, name, value in report[3].attributes if name == "aria-label"]
    assert not re.search(r"\b(nan|none|inf)\b", " ".join(alternatives), flags=re.IGNORECASE)


def test_every_figure_has_an_alternative_text_and_a_caption(report: tuple[str, Path, str, Page]) -> None:
    _, _, html, page = report
    shown = [value for tag, name, value in page.attributes if (tag, name) == ("div", "aria-label")]
    assert len(shown) == html.count("<figcaption>") == html.count("<figure ") == 4
    assert all(len(text) > 60 for text in shown)


def test_tables_have_heads_and_scroll_in_their_own_box(report: tuple[str, Path, str, Page]) -> None:
    html = report[2]
    tables = html.count("<table ")
    assert tables >= 10
    assert html.count('<div class="scroll" role="region" tabindex="0"') == tables
    assert html.count("<thead>") == tables
    assert 'scope="row"' in html
    assert 'scope="col"' in html


def test_checks_methods_and_warning_are_told(report: tuple[str, Path, str, Page]) -> None:
    language, _, _, page = report
    for words in {
        "nl": (
            "waarschuwing Bij 212 separaties ontbreekt het einde.",
            "Registraties: 212 van 17.119 rijen; eerste rijen: 14, 88, 391, 1022, 1409, ...",
            "Wat te doen: Vraag de zorgaanbieder of de separatie nog loopt.",
            "clusterrobuust, gecorrigeerd voor weinig clusters (CR2)",
            "De uitvoer is niet gecontroleerd op herleidbaarheid.",
        ),
        "en": (
            "warning The end is missing for 212 seclusions.",
            "Registrations: 212 of 17,119 rows; first rows: 14, 88, 391, 1022, 1409, ...",
            "What to do: Ask the provider whether it is still open.",
            "cluster-robust, corrected for few clusters (CR2)",
            "This output was not checked for disclosure.",
        ),
    }[language]:
        assert words in page.text
    assert "C(year)" in page.text
    assert "numpy 2.4.1" in page.text
    assert "3f1a3f1a3f1a" in page.text
    assert "3f1a3f1a3f1a3" not in page.text
    assert "ab12ab12ab12ab12" in page.text


def test_the_same_contents_give_the_same_bytes(
    report: tuple[str, Path, str, Page], make_contents: Maker, tmp_path: Path
) -> None:
    language, folder, _, _ = report
    render(make_contents(language, **SMALL), tmp_path)
    first = {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    second = {path.relative_to(tmp_path): path.read_bytes() for path in sorted(tmp_path.rglob("*")) if path.is_file()}
    assert set(first) == set(second)
    assert [str(name) for name in first if first[name] != second[name]] == []


def test_what_users_write_is_escaped(make_contents: Maker, tmp_path: Path) -> None:
    nasty = "<script>alert('x')</script> & \"co\""
    contents = make_contents("nl", forms=("<b>vet</b>", "seclusion"), n_providers=4)
    findings = contents.findings.assign(message=nasty, action=nasty)
    question = {**contents.question, "formula": nasty}
    deliveries = contents.deliveries.assign(provider=nasty)
    again = make_contents(
        "nl",
        forms=("<b>vet</b>", "seclusion"),
        title=nasty,
        findings=findings,
        question=question,
        deliveries=deliveries,
    )
    html, page = written(again, tmp_path)
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html
    assert nasty in page.text


@pytest.mark.parametrize(
    "changes",
    [
        {"selections": ("complete",), "with_deliveries": False},
        {"forms": ("seclusion",)},
        {"forms": tuple("abcdefghijk"), "with_deliveries": False},
        {"all_forms": 0.39, "monotone": False, "with_deliveries": False},
        {"completeness": None, "with_deliveries": False},
        {"compared": False, "completeness": None},
        {"periods": ("2021",)},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_other_questions_give_a_whole_report(make_contents: Maker, tmp_path: Path, changes: dict[str, object]) -> None:
    _, page = written(make_contents("en", **(TINY | {"forms": SMALL["forms"]} | changes)), tmp_path)
    assert "the register alone cannot decide" in page.text.lower()
    assert not re.search(r"\b(nan|none|inf)\b", page.text, flags=re.IGNORECASE)


def test_periods_that_are_no_dates_are_shown_as_written(make_contents: Maker, tmp_path: Path) -> None:
    rates = make_contents("nl", **TINY, periods=("2021", "2022")).rates
    named = rates.assign(period=rates["period"].map({"2021": "voor de wet", "2022": "na de wet"}))
    question = {**make_contents("nl").question, "before": "voor de wet", "after": "na de wet"}
    _, page = written(make_contents("nl", **TINY, rates=named, question=question, with_deliveries=False), tmp_path)
    assert "In “na de wet” lag het aantal geregistreerde separaties" in page.text


def test_frames_without_columns_are_empty_parts(make_contents: Maker, tmp_path: Path) -> None:
    empty = {name: pd.DataFrame() for name in ("ratios", "coefficients", "fit_statistics", "bounds", "tipping")}
    contents = make_contents("nl", compared=False, completeness=None, **TINY, **empty)
    _, page = written(contents, tmp_path)
    assert "geen vergelijking" in page.text
    assert not (tmp_path / "tables" / "ratios.csv").exists()


def test_a_report_in_the_same_folder_replaces_the_earlier_one(make_contents: Maker, tmp_path: Path) -> None:
    written(make_contents("nl", **TINY), tmp_path)
    assert (tmp_path / "figures" / "deliveries.svg").is_file()
    (tmp_path / "figures" / "of-somebody-else.svg").write_text("kept", encoding="utf-8")
    written(make_contents("nl", **TINY, with_deliveries=False), tmp_path)
    left = {path.name for path in (tmp_path / "figures").iterdir()}
    assert left == {f"{name}.{suffix}" for name in ("rates", "forest", "bounds") for suffix in ("svg", "png")} | {
        "of-somebody-else.svg"
    }


@pytest.mark.parametrize("place", ["tables/deliveries.csv", "dwangstats.toml"])
def test_a_folder_with_other_files_is_left_alone(make_contents: Maker, tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("the register", encoding="utf-8")
    with pytest.raises(DataError, match="not an earlier report"):
        render(make_contents("nl", **TINY), tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [tmp_path / place]
    assert (tmp_path / place).read_text(encoding="utf-8") == "the register"


def test_a_report_that_fails_leaves_the_earlier_one(make_contents: Maker, tmp_path: Path) -> None:
    written(make_contents("nl", **TINY), tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}

    def stop(done: int, steps: int) -> None:
        if done == steps - 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render(make_contents("en", **TINY), tmp_path, stop)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before
    assert not list(tmp_path.parent.glob(".*.unfinished"))


def test_a_model_that_did_not_converge_is_named(make_contents: Maker) -> None:
    contents = make_contents("en", **SMALL)
    statistics = contents.fit_statistics.assign(converged=[False] + [True] * (len(contents.fit_statistics) - 1))
    page = Page(to_html(make_contents("en", **SMALL, fit_statistics=statistics), []))
    assert "1 model did not converge; do not use its numbers" in page.text


def test_findings_without_rows_or_table(make_contents: Maker) -> None:
    findings = make_contents("en").findings.assign(
        table=["", "panel"], of=[float("nan"), 3], rows=pd.Series([(7,), ""], dtype=object), count=[2, 1]
    )
    page = Page(to_html(make_contents("en", findings=findings), []))
    assert "2; row 7" in page.text
    assert "Panel: 1 of 3 rows" in page.text
    clean = Page(to_html(make_contents("en", findings=findings.iloc[:0]), []))
    assert "The checks on the input found nothing." in clean.text


def test_errors_come_before_warnings(make_contents: Maker) -> None:
    findings = make_contents("en").findings.assign(severity=["info", "error"])
    html = to_html(make_contents("en", findings=findings), [])
    assert html.index("finding finding-error") < html.index("finding finding-info")


def test_progress_is_told_to_the_end(make_contents: Maker, tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    render(make_contents("nl", **TINY), tmp_path, progress=lambda done, of: steps.append((done, of)))
    assert steps == [(done, 6) for done in range(7)]
