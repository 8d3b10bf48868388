"""What the pages weigh: they are read on phones, and sent by post."""

from __future__ import annotations

from pathlib import Path

from publications_ecrites import Ecrite, Mesure, Quartier, steady

SHEET, TERRITORY = 300_000, 1_500_000


def heaviest_sheet(site: Path) -> int:
    return max(p.stat().st_size for p in (site / "quartiers").iterdir())


def territory(site: Path) -> int:
    """The first page with all that it may ask for: every indicator chosen one after the other."""
    asked = [site / "index.html", *(site / "ressources").rglob("*"), *(site / "donnees").rglob("*.js")]
    return sum(p.stat().st_size for p in asked if p.is_file())


def test_the_pages_of_the_demonstration_are_light(site: Path) -> None:
    assert heaviest_sheet(site) < SHEET
    assert territory(site) < TERRITORY


def test_sixteen_quarters_of_real_outlines_with_sixty_indicators_over_four_years_are_light(tmp_path: Path) -> None:
    places = [Quartier(f"QN099{n:02d}A", f"Quartier {n}", ou=(2 + n * 0.01, 48.0), sommets=400) for n in range(16)]
    asked = [Mesure(f"m{n:02d}", f"Part des logements du type {n:02d}", f"theme_{n % 8}") for n in range(60)]
    periods = [f"{year}-T{n}" for year in range(2021, 2025) for n in range(1, 5)]
    site = Ecrite(places, asked, steady, periods).site(tmp_path)
    assert heaviest_sheet(site) < SHEET
    assert territory(site) < TERRITORY
