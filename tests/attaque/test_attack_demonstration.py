"""The release of the demonstration has primary suppression only: what the attack says of it is true."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import duckdb
import pytest

from qpv_data.attaque.bounds import analyse
from qpv_data.attaque.feeds import feeds
from qpv_data.attaque.measures import Measure, Place, facts, providers
from qpv_data.attaque.published import Release, read_release
from qpv_data.attaque.vintages import vintages
from qpv_data.attaque.zeros import without_zeros


@pytest.fixture(scope="module")
def publication(demonstration: Path) -> Path:
    (folder,) = (demonstration / "releases").iterdir()
    return folder


def truth(demonstration: Path, release: Release, jeu: str) -> dict[tuple[Measure, Place], Fraction]:
    """Figures before they were protected."""
    found: dict[tuple[Measure, Place], Fraction] = {}
    with duckdb.connect() as con:
        for name, row in release.catalogue.items():
            path = demonstration / "aggregated" / jeu / f"{name}.parquet"
            if row["jeu"] != jeu or not path.is_file():
                continue
            for measure, column in providers(row):
                amount = "somme_denominateur" if column == "denominateur" else "somme_numerateur"
                amount = "n_distincts" if measure.kind == "distinct" else amount
                cells = con.execute(
                    f"SELECT zonage, code_zone, periode, modalite, {amount} FROM read_parquet('{path}')"
                )
                for zoning, zone, period, modality, value in cells.fetchall():
                    axis = release.axes.get((name, modality)) or ""
                    if value is not None:
                        found[measure, Place(axis, modality if axis else "", zoning, zone, period)] = Fraction(value)
    return found


def test_every_bound_holds_the_truth_and_every_recovery_is_true(demonstration: Path, publication: Path) -> None:
    release = read_release(publication)
    checked = recovered = 0
    for feed in feeds(vintages(without_zeros(facts([release]), [release])), [release]):
        known = truth(demonstration, release, feed.jeu)
        for builder in feed.builders:
            assert not builder.refuted()
            system = builder.system(set())
            found = analyse(system)
            for key, cell in builder.at.items():
                real = known.get(key[:2])  # type: ignore[index]
                if real is not None and system.hidden[cell]:
                    checked += 1
                    assert found.low[cell] <= real * system.scale <= found.high[cell], system.name(cell)
                    recovered += bool(found.low[cell] == found.high[cell])
    assert checked > 1000
    assert recovered > 100, "primary suppression alone does not protect"
