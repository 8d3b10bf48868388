"""On paper, a sheet is two A4 pages, whatever its indicators, and nothing of them is cut."""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from ouvrir import opened
from publications_ecrites import Ecrite, Mesure, Quartier, hostile, steady
from pypdf import PdfReader

PAPER = {"width": 695, "height": 1032}
"""A4 inside the margins, at 96 dots an inch."""
CUT = """() => [...document.querySelectorAll("body *")].filter(e => {
  if (!e.checkVisibility() || e.closest("svg, .lu, thead, .aller")) return false;
  const box = e.getBoundingClientRect();
  return box.right > innerWidth + 1 || box.left < -1;
}).map(e => e.outerHTML.slice(0, 120))"""
CLAMPED = """() => [...document.querySelectorAll(".carte h3, .compares span, .carte .ecart, .fiche dd")]
  .filter(e => e.checkVisibility() && e.scrollHeight > e.clientHeight + 1 && e.clientHeight > 0).map(e => e.textContent)"""


def printed(page: Any) -> list[str]:
    """The text of each page of paper; lines break where they break."""
    pdf = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True, print_background=True)))
    assert all((round(float(p.mediabox.width)), round(float(p.mediabox.height))) == (595, 842) for p in pdf.pages)
    return [bare(p.extract_text()) for p in pdf.pages]


def bare(text: str) -> str:
    """Without spaces nor the ligatures that a font makes: « ﬀ »."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def cut(page: Any, script: str = CUT) -> list[str]:
    page.set_viewport_size(PAPER)
    page.emulate_media(media="print")
    found: list[str] = page.evaluate(script)
    page.emulate_media(media="null")  # as it was: « screen » would be printed as a screen
    return found


def titles(page: Any) -> list[str]:
    found: list[str] = page.eval_on_selector_all("table.theme tbody th a", "all => all.map(a => a.textContent)")
    return [bare(t) for t in found]


def on_two_pages(page: Any) -> int:
    """How many indicators the second page shows, once it is sure that they are whole and that the rest is said."""
    told = printed(page)
    assert len(told) == 2, [t[:80] for t in told]
    assert "Leschiffresd'abord" in told[0]
    assert "quiestprotégé,etcomment." in told[1], "le pied de page manque"
    assert cut(page) == []
    every = titles(page)
    shown = [t for t in every if t in told[1]]
    said = re.search(r"Cettefeuillemontre(\d+)indicateurssur(\d+)", told[1])
    assert (len(shown) == len(every)) if said is None else ((len(shown), len(every)) == (int(said[1]), int(said[2])))
    return len(shown)


def test_every_sheet_of_the_demonstration_is_two_pages_and_shows_its_indicators(browser: Any, site: Path) -> None:
    with opened(browser) as seen:
        for sheet in sorted((site / "quartiers").iterdir()):
            page = seen.open(sheet.as_uri())
            least = 10 if page.query_selector(".signaux") else 14  # what is unusual is told first, in sentences
            assert on_two_pages(page) >= min(len(titles(page)), least), sheet.name
            assert cut(page, CLAMPED) == [], sheet.name


@pytest.mark.parametrize(("measures", "least"), [(20, 20), (60, 25)])
def test_twenty_indicators_are_all_there_and_sixty_are_two_pages_still(
    browser: Any, tmp_path: Path, measures: int, least: int
) -> None:
    places = [Quartier(f"QN099{n:02d}A", f"Quartier {n}", ou=(2 + n * 0.01, 48.0)) for n in range(7)]
    asked = [Mesure(f"m{n:02d}", f"Part des logements du type {n:02d}", f"theme_{n % 8}") for n in range(measures)]
    site = Ecrite(places, asked, steady).site(tmp_path)
    with opened(browser) as seen:
        assert on_two_pages(seen.open((site / "quartiers" / "QN09902A.html").as_uri())) >= least


def test_the_longest_names_everywhere_are_two_pages_too(browser: Any, tmp_path: Path) -> None:
    events = tmp_path / "evenements.csv"
    lines = [f"QN09905A;2024-0{n};travaux;{'réhabilitation de la tour ' * 10};la ville" for n in range(1, 9)]
    events.write_text("\n".join(["code_zone;date;type;titre;source", *lines]), "utf-8")
    site = hostile().site(tmp_path, evenements=events)
    with opened(browser) as seen:
        for name in ("QN09901A", "QN09905A", "QN09908A"):
            assert len(printed(seen.open((site / "quartiers" / f"{name}.html").as_uri()))) == 2, name
            assert cut(seen.page) == [], name


def test_a_dark_screen_prints_black_on_white(browser: Any, site: Path) -> None:
    with opened(browser, color_scheme="dark") as seen:
        page = seen.open(f"{site.as_uri()}/index.html")
        page.emulate_media(media="print", color_scheme="dark")
        colours = page.evaluate("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
        assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
        assert cut(page) == []
