"""Every page of the site in a real browser: from a folder and over HTTP, wide and narrow, in both themes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ouvrir import DESKTOP, PHONE, kinds, opened, pages
from publications_ecrites import hostile

STRUCTURE = (Path(__file__).parent / "structure.js").read_text("utf-8")
OVERFLOW = """() => {
  const room = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= room) return [];
  const wide = [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > room + 1);
  return [`défile à ${innerWidth} px : ` + (wide.at(-1) || document.body).outerHTML.slice(0, 100)];
}"""


def seen_everywhere(browser: Any, base: str, names: list[str]) -> list[str]:
    """What is wrong on any page opened wide and light, then made narrow and dark."""
    found = []
    with opened(browser, viewport=DESKTOP, color_scheme="light") as seen:
        for name in names:
            page = seen.open(base + name)
            faults = [*page.evaluate(STRUCTURE), *page.evaluate(OVERFLOW)]
            page.set_viewport_size(PHONE)
            page.emulate_media(color_scheme="dark")
            faults += page.evaluate(OVERFLOW)
            found += [f"{name} : {fault}" for fault in (*faults, *seen.faults(base))]
            page.set_viewport_size(DESKTOP)
            page.emulate_media(color_scheme="light")
    return found


def test_every_page_opens_from_a_folder_whole_and_asks_for_nothing_outside_it(browser: Any, site: Path) -> None:
    assert seen_everywhere(browser, f"{site.as_uri()}/", pages(site)) == []


def test_every_page_opens_over_http_under_any_path_on_a_dark_phone(browser: Any, site: Path, address: str) -> None:
    found = []
    with opened(browser, viewport=PHONE, color_scheme="dark", is_mobile=True, has_touch=True) as seen:
        for name in pages(site):
            page = seen.open(address + name)
            found += [f"{name} : {fault}" for fault in (*page.evaluate(OVERFLOW), *seen.faults(address))]
    assert found == []


def test_each_indicator_that_is_chosen_colours_the_map_and_fills_the_list(browser: Any, site: Path) -> None:
    base = f"{site.as_uri()}/"
    with opened(browser, viewport=DESKTOP) as seen:
        page = seen.open(base + "index.html")
        options = page.eval_on_selector_all("#choix option", "all => all.map(o => [o.value, o.textContent])")
        quarters = len(list((site / "quartiers").iterdir()))
        for value, title in options:
            page.select_option("#choix", value)
            page.wait_for_function("t => document.getElementById('titre-carte').textContent.startsWith(t)", arg=title)
            assert page.locator("#rang tbody tr").count() == quarters
            assert page.get_attribute("#lien-indicateur", "href") == f"indicateurs/{value}.html"
            marks = page.eval_on_selector_all(
                "#carte-vive path.quartier", "all => all.map(p => p.getAttribute('class'))"
            )
            assert marks
            assert all(m.split()[-1] in {"q0", "q1", "q2", "q3", "q4", "qseul", "cache", "rien"} for m in marks)
        assert seen.faults(base) == []


def test_without_javascript_each_page_still_says_its_figures(browser: Any, site: Path) -> None:
    with opened(browser, viewport=DESKTOP, java_script_enabled=False) as seen:
        for name in kinds(site):
            page = seen.open(f"{site.as_uri()}/{name}")
            shown = page.inner_text("main")
            assert len(shown) > 200, name
            told = page.eval_on_selector_all(
                "main :is(td.n, data, .grand)",
                "all => all.filter(e => !e.closest('details') && !e.checkVisibility()).map(e => e.textContent)",
            )
            assert told == [], name
            assert page.locator("main select:disabled:visible").count() == 0, name
        sheet = max((site / "quartiers").iterdir())
        page = seen.open(sheet.as_uri())
        figures = page.eval_on_selector_all("main data", "all => all.map(d => d.textContent)")
        assert len(figures) > 8
        assert all(f in page.inner_text("main") for f in figures)


@pytest.fixture(scope="module")
def hostile_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile().site(tmp_path_factory.mktemp("hostile"))


def test_no_name_opens_a_dialog_breaks_a_page_or_widens_a_phone(browser: Any, hostile_site: Path) -> None:
    names = [p for p in pages(hostile_site) if "/" not in p or "0" in p]
    assert seen_everywhere(browser, f"{hostile_site.as_uri()}/", names) == []
