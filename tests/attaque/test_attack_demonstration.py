"""The release of the demonstration gives nothing away; its unprotected twin does, and what the attack says is true."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import duckdb
import pytest

from benchmarks.jumeau import twin
from qpv_data.attaque.bounds import analyse
from qpv_data.attaque.feeds import feeds
from qpv_data.attaque.measures import Measure, Place, facts, providers
from qpv_data.attaque.published import Release, read_release
from qpv_data.attaque.releases import attack_releases
from qpv_data.attaque.vintages import vintages
from qpv_data.attaque.zeros import without_zeros

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def publication(demonstration: Path) -> Path:
    return (demonstration / "releases" / "provisoire" / "interne").resolve()


@pytest.fixture(scope="module")
def jumelle(demonstration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    clauses = REPOSITORY / "referentiels" / "demo" / "clauses"
    return twin(demonstration, clauses, tmp_path_factory.mktemp("jumelle"))


def test_the_release_gives_nothing_away_and_its_twin_without_complementary_suppression_does(
    publication: Path, jumelle: Path
) -> None:
    assert attack_releases([publication]).findings == []
    found = attack_releases([jumelle], proofs=0).counts()
    assert found["exacte"] > 500
    assert found["sous_seuil"] > 500


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


@pytest.mark.parametrize(("which", "least"), [("publication", 0), ("jumelle", 100)])
def test_every_bound_holds_the_truth_and_every_recovery_is_true(
    demonstration: Path, which: str, least: int, request: pytest.FixtureRequest
) -> None:
    release = read_release(request.getfixturevalue(which))
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
    assert recovered > least if least else recovered == 0
