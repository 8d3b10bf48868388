"""Quarters side by side: what is chosen is in the page's address, and its figures are those of the sheets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ouvrir import DESKTOP, PHONE, opened

ROWS = "#resultat table.comparaison tbody tr:not(.groupe)"


def sheets(site: Path) -> list[str]:
    return [p.stem for p in sorted((site / "quartiers").iterdir())]


def figures(page: Any, column: int) -> dict[str, str]:
    """Indicator → its figure in a column of the comparison."""
    script = (
        "(rows, n) => rows.map(r => [r.cells[0].querySelector('a').textContent, r.cells[n].firstChild.textContent])"
    )
    return dict(page.eval_on_selector_all(ROWS, script, column))


def told(page: Any) -> dict[str, str]:
    """Indicator → its figure in a sheet, without its unit."""
    script = (
        "all => all.map(r => [r.cells[0].querySelector('a').textContent, r.cells[1].firstElementChild.textContent])"
    )
    return dict(page.eval_on_selector_all("table.theme.empile tbody tr", script))


def test_an_address_that_names_quarters_shows_them_with_the_figures_of_their_sheets(browser: Any, site: Path) -> None:
    base, (one, other, *_) = f"{site.as_uri()}/", sheets(site)
    with opened(browser, viewport=DESKTOP) as seen:
        for mark in ("?", "#"):
            page = seen.open(f"{base}comparer.html{mark}q={one},{other}")
            page.wait_for_selector(ROWS)
            columns = [figures(page, 1), figures(page, 2)]
        for code, column in zip((one, other), columns, strict=True):
            sheet = told(seen.open(f"{base}quartiers/{code}.html"))
            assert len(sheet) > 3
            for title, figure in sheet.items():
                assert column[title] == "sans valeur" or figure.startswith(column[title]), (code, title)
        assert seen.faults(base) == []


def test_what_is_chosen_goes_into_the_address_and_back(browser: Any, site: Path) -> None:
    base, codes = f"{site.as_uri()}/", sheets(site)[:4]
    with opened(browser, viewport=PHONE) as seen:
        page = seen.open(f"{base}comparer.html")
        assert page.locator(ROWS).count() == 0
        for n, code in enumerate(codes):
            page.select_option(f"#q{n}", code)
        page.wait_for_function("document.querySelectorAll('#resultat thead th').length === 6")
        address = page.evaluate("location.hash")
        assert address == f"#q={','.join(codes)}"
        page.go_back()
        page.wait_for_function("document.querySelectorAll('#resultat thead th').length === 5")
        again = seen.open(f"{base}comparer.html{address}")
        again.wait_for_function("document.querySelectorAll('#resultat thead th').length === 6")
        assert [again.input_value(f"#q{n}") for n in range(4)] == codes
        assert seen.faults(base) == []


def test_an_address_that_names_what_is_no_quarter_shows_the_others_and_runs_nothing(browser: Any, site: Path) -> None:
    base, (one, other, *_) = f"{site.as_uri()}/", sheets(site)
    with opened(browser, viewport=DESKTOP) as seen:
        page = seen.open(f"{base}comparer.html#q={one},../x,%3Cscript%3Ealert(1)%3C/script%3E,{one},%E0,{other}")
        page.wait_for_selector(ROWS, timeout=20_000)
        assert page.locator("#resultat thead th").count() == 4
        assert seen.faults(base) == []
