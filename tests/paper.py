"""Check the built paper: one page, the same bytes twice, and every number from a result file or the source text.

Not a pytest module: it needs the executed notebook, so it is a step of its own in `make paper`.
"""

import csv
import json
import re
import sys
from pathlib import Path

import pypdf
import typst

PAPER = Path(__file__).resolve().parents[1] / "paper"
NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
# Years, pages and volumes of the references, the published 30 and 15 %, the level 95 %, and the numbers of headings.
SOURCE_FILES = ("references.bib", "main.typ")


def numbers_in(text: str) -> set[str]:
    """Every number in a text, with its decimals."""
    return set(NUMBER.findall(text))


def known_numbers() -> set[str]:
    """Numbers of the result files, of the figure and of the words around them."""
    results = PAPER / "results"
    with (results / "ratios.csv").open(encoding="utf-8") as handle:
        cells = " ".join(value for row in csv.DictReader(handle) for value in row.values())
    values = " ".join(json.loads((results / "paper.json").read_text(encoding="utf-8")).values())
    words = " ".join((PAPER / name).read_text(encoding="utf-8") for name in SOURCE_FILES)
    counters = {str(n) for n in range(10)}
    return numbers_in(cells) | numbers_in(values) | numbers_in(words) | counters


def main() -> None:
    """Compare the PDF with what it was made from."""
    pdf = PAPER / "paper.pdf"
    again = typst.compile(PAPER / "main.typ", timestamp=0)
    if pdf.read_bytes() != again:
        sys.exit("the paper differs between two builds from the same results")
    pages = pypdf.PdfReader(pdf).pages
    if len(pages) != 1:
        sys.exit(f"the paper has {len(pages)} pages, not one")
    text = re.sub(r"(\d)\s*[–-]\s*(?=\d)", r"\1 ", pages[0].extract_text())
    strangers = sorted(numbers_in(text) - known_numbers())
    if strangers:
        sys.exit(f"numbers in the paper that no result file holds: {', '.join(strangers)}")
    print(f"paper: one page, same bytes twice, all {len(numbers_in(text))} different numbers known")


if __name__ == "__main__":
    main()
