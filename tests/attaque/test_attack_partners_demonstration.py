"""What partners learn from the release of the demonstration with what they delivered, alone and two by two."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import pytest

from qpv_data.attaque.findings import Finding, Kind
from qpv_data.attaque.published import Release, read_release
from qpv_data.attaque.releases import attack_releases
from qpv_data.clause.check import checked_clauses
from qpv_data.contributors import partner_files
from qpv_data.coverage import read_zone_table

CLAUSES = Path(__file__).resolve().parents[2] / "referentiels" / "demo" / "clauses"
PERIOD = "2024-T4"
WHOLE = ("demo_mutuelle",)
"""Feeds of one partner, who has delivered all of it."""
SHARED = "demo_etablissements"


def whole_feed(demonstration: Path, release: Release, jeu: str, target: Path) -> Path:
    """What a partner who delivered a whole feed knows of a quarter: all its figures, as they were."""
    selects = []
    for name, row in release.catalogue.items():
        path = demonstration / "aggregated" / jeu / f"{name}.parquet"
        if row["jeu"] == jeu and path.is_file():
            amount = "n_distincts" if row["nature"] == "compte" and row["numerateur"] else "somme_numerateur"
            selects.append(
                f"SELECT '{name}' AS indicateur, modalite, zonage, code_zone, periode, CAST({amount} AS DOUBLE) AS valeur"
                f" FROM '{path}' WHERE {amount} > 0 AND periode = '{PERIOD}'"
            )
    with duckdb.connect() as con:
        con.execute(f"COPY ({' UNION ALL '.join(selects)}) TO '{target}' (FORMAT parquet)")
    return target


def of_one_quarter(demonstration: Path, target: Path) -> Path:
    """The release, less the other periods: they share no equation with it, and attacking them would be long."""

    def others(_: str, names: list[str]) -> list[str]:
        return [n for n in names if n.startswith("periode=") and n != f"periode={PERIOD}"]

    whole = (demonstration / "releases" / "provisoire" / "interne").resolve()
    return Path(shutil.copytree(whole, target, ignore=others))


@pytest.fixture(scope="module")
def attacked(demonstration: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Release, list[Finding]]:
    """A partner who delivered a feed, the two largest companies of another, and each pair of the three."""
    folder = tmp_path_factory.mktemp("partenaires")
    publication = of_one_quarter(demonstration, folder / "publication")
    release = read_release(publication)
    files = [whole_feed(demonstration, release, jeu, folder / f"{jeu}.parquet") for jeu in WHOLE]
    (clause,) = (c for c in checked_clauses(CLAUSES, date(2024, 12, 31)).jeux if c.id == SHARED)
    zonages = demonstration / "zonages"
    companies = partner_files(
        clause, {PERIOD: demonstration / "located" / SHARED / f"{PERIOD}.parquet"}, periodes=[PERIOD],
        table=read_zone_table(zonages), zonages=zonages, folder=folder, travail=folder / "travail", most=2,
    )  # fmt: skip
    assert [p.stem for p in companies] == [f"{SHARED}-contributeur-{n}" for n in (1, 2)]
    return release, attack_releases([publication], partners=[*files, *companies], proofs=0).findings


def feeds_of(release: Release, cell: str) -> Iterator[str]:
    words = cell.replace(",", " ").split()
    yield from {str(row["jeu"]) for name, row in release.catalogue.items() if name in words}


def test_no_partner_nor_pair_finds_a_cell_of_another_s_feed(attacked: tuple[Release, list[Finding]]) -> None:
    release, findings = attacked
    own = [f for f in findings if f.attacker in WHOLE]
    assert own, "who delivered a whole feed finds its own figures again"
    for found in findings:
        assert found.attacker != "public"
        feeds = set(feeds_of(release, found.cell))
        assert feeds, found.cell
        assert all(jeu in found.attacker for jeu in feeds), (found.attacker, found.cell)


def test_no_company_nor_pair_of_them_recovers_the_figure_of_another(attacked: tuple[Release, list[Finding]]) -> None:
    """Among three companies one knows that the others are two: a threshold says no more. Their figures stay unknown."""
    _, findings = attacked
    insiders = [f for f in findings if SHARED in f.attacker and not any(jeu in f.attacker for jeu in WHOLE)]
    assert {f.kind for f in insiders} <= {Kind.SOUS_SEUIL, Kind.CONTRIBUTEUR}
    assert all("demo_etablissements_actifs" in f.cell for f in insiders), "numbers of companies, no amount"
