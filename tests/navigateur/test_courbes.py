"""Drawings in a real browser: no figure nor label of theirs is cut by the edge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ouvrir import DESKTOP, opened
from publications_ecrites import QUARTERS, Ecrite, Mesure, Quartier

CUT = """() => [...document.querySelectorAll("main svg text")].flatMap(t => {
  const svg = t.ownerSVGElement.viewBox.baseVal, box = t.getBBox();
  return box.width && (box.x < -1 || box.x + box.width > svg.width + 1) ? [t.textContent] : [];
})"""
SIZES = {"rien": 0.0, "petit": 0.004, "grand": 12_345_678.0, "perte": -2_345_678.25}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    places = [Quartier(f"QN0990{n}A", f"Quartier {n}", ou=(2 + n / 100, 48.0)) for n in range(6)]
    measures = [Mesure(name, f"Mesure {name}", unite="EUR", nature="somme", decimales=2) for name in SIZES]
    return Ecrite(
        places, measures, lambda name, code, period: SIZES[name] * (1 + sum(map(ord, code)) % 7 / 10 + int(period[-1])), QUARTERS,
        modalites={"a": "Ménages d'une seule personne de plus de 75 ans", "b": "Oui", "c": "WWWWWWWWWWWWWWWWWWWWWWWWWW"},
    ).site(tmp_path_factory.mktemp("courbes"))  # fmt: skip


def test_no_figure_nor_label_of_a_drawing_is_cut_by_its_edge(browser: Any, site: Path) -> None:
    with opened(browser, viewport=DESKTOP) as seen:
        pages = [*site.glob("quartiers/QN09901A.html"), *site.glob("indicateurs/*.html")]
        found = []
        for path in pages:
            page = seen.open(path.as_uri())
            page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            found += [f"{path.name} : {words}" for words in page.evaluate(CUT)]
        assert found == []
