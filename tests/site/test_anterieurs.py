"""What only the perimeters of before have is told under their names, and is never this quarter's."""

from __future__ import annotations

import csv
import html
import re
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from publications_ecrites import Ecrite, Mesure, Quartier, steady

from qpv_data.site.former import MOST, perimeters
from qpv_data.site.pages.territoire import extremes

HERE = [Quartier(f"QN09900{n}A", f"Quartier {n}", ou=(2 + n * 0.01, 48.0)) for n in range(1, 7)]
NEW, OLD = Mesure("neuf", "Taux d'à présent", "emploi"), Mesure("ancien", "Taux d'avant", "emploi")


def link(arrival: str, start: str | None, nature: str, part: float | None) -> dict[str, Any]:
    return {"zonage_depart": "qpv2015", "code_depart": start, "zonage_arrivee": "qpv2024", "code_arrivee": arrival,
            "territoire": "hexagone", "nature": nature, "part_arrivee": part}  # fmt: skip


class Deux(Ecrite):
    """Two generations: `ancien` is known of that of 2015 alone."""

    def _tables(self) -> Any:
        tables = super()._tables()
        for code in ("QP099001", "QP099002"):
            tables["zones"].append({"zonage": "qpv2015", "famille": "qpv", "code_zone": code, "nom": f"Ancien {code[-1]}",
                                    "territoire": "hexagone"})  # fmt: skip
        return tables | {
            "passages": [link("QN099001A", "QP099001", "fusionne", 0.4), link("QN099001A", "QP099002", "fusionne", 0.33),
                         link("QN099002A", None, "nouveau", None)],
        }  # fmt: skip

    def _values(self) -> Any:
        for row in super()._values():
            if (row["indicateur"] == "ancien") == row["code_zone"].startswith("QP"):
                yield row
        template = next(iter(super()._values()))
        for code, told in (("QP099001", 55.6), ("QP099002", None)):
            yield {**template, "indicateur": "ancien", "zonage": "qpv2015", "code_zone": code, "valeur": told,
                   "statut_diffusion": "diffusee" if told else "secret"}  # fmt: skip


def section(page: Path) -> str:
    found = re.search(r'<h2 id="avant">.*?</section>', page.read_text("utf-8"), re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[0])).replace("\u202f", " ").split()) if found else ""


def test_figures_of_the_perimeters_of_before_are_told_under_their_names_and_shares(tmp_path: Path) -> None:
    site = Deux(HERE, [NEW, OLD], steady).site(tmp_path)
    told = section(site / "quartiers" / "QN099001A.html")
    assert "Ancien 1 QP099001, 40 % du quartier Ancien 2 QP099002, 33 % du quartier" in told
    assert re.search(r"Taux d'avant \S+ trimestre \d+ 55,6 % protégée", told)
    assert "Taux d'à présent" not in told
    assert "55,6" not in "".join(p.read_text("utf-8") for p in (site / "quartiers").iterdir() if p.stem != "QN099001A")


def test_figures_of_the_perimeters_of_before_are_a_file_too(tmp_path: Path) -> None:
    site = Deux(HERE, [NEW, OLD], steady).site(tmp_path)
    with (site / "donnees" / "csv" / "ancien.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))
    assert [row[:2] for row in rows[1:]] == [["QP099001", "Ancien 1"], ["QP099002", "Ancien 2"]]
    page = (site / "donnees.html").read_text("utf-8")
    assert page.index("Des seuls quartiers d'avant") < page.index('href="donnees/csv/ancien.csv"')


def test_a_quarter_without_a_perimeter_of_before_says_nothing_of_it(tmp_path: Path) -> None:
    site = Deux(HERE, [NEW, OLD], steady).site(tmp_path)
    assert [section(p) for p in sorted((site / "quartiers").iterdir())][1:] == [""] * (len(HERE) - 1)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.none() | st.floats(0, 1)), max_size=8, unique_by=lambda t: t[0]),
    st.randoms(),
)
def test_perimeters_of_before_are_those_that_cover_most_whatever_the_order(
    links: list[tuple[int, float | None]], shuffled: Any
) -> None:
    rows = [link("QN", f"QP{n}", "modifie", part) for n, part in links]
    found = perimeters(rows, {})
    shuffled.shuffle(rows)
    assert perimeters(rows, {}) == found
    assert len(found) == min(MOST, len(links))
    parts = [p.part or 0.0 for p in found]
    assert parts == sorted(parts, reverse=True)


@given(st.lists(st.integers(0, 3), max_size=8))
def test_the_greatest_and_the_least_name_every_quarter_that_has_them(values: list[int]) -> None:
    shown = sorted(((f"q{n}", float(v)) for n, v in enumerate(values)), key=lambda p: (-p[1], p[0]))
    found = extremes(shown)
    for _, codes, value in found:
        assert codes == sorted(c for c, v in shown if v == value)
    assert {v for _, _, v in found} == ({max(values), min(values)} if values else set())
