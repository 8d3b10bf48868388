"""Signals of a database: what is published alone counts, in any order, and nothing crosses a break."""

from __future__ import annotations

import random
from typing import Any

import duckdb
import pytest
from bases import insert

from qpv_data.database import create
from qpv_data.periods import parse_period
from qpv_data.site.signals import Kind, Signals, signals

PERIODS = ("2023-T4", "2024-T1", "2024-T2", "2024-T3", "2024-T4")
ZONES = [f"QN099{n:02d}M" for n in range(1, 31)]
STRANGE = ZONES[4]
Row = tuple[str, str, float | None, float | None, float | None, str, str]


def rows() -> list[Row]:
    """30 quarters whose shares are near 20 % and move by a point, and one that jumps to 60 %."""
    drawn = random.Random(4)
    made: list[Row] = []
    for zone in ZONES:
        share = drawn.gauss(0.2, 0.01)
        for period in PERIODS:
            d = 1000.0
            x = float(round(d * (share + drawn.gauss(0, 0.004))))
            if zone == STRANGE and period == "2024-T4":
                x = 600.0
            made.append((zone, period, round(100 * x / d, 1), x, d, "normale", "diffusee"))
    return made


def found(values: list[Row], **more: list[dict[str, Any]]) -> Signals:
    with duckdb.connect() as con:
        create(con)
        insert(
            con, "indicateurs", indicateur="i", titre="Part d'essai", unite="%", decimales=1, nature="part",
            nature_temporelle="stock", facteur=100.0, additif=True, frequence="T",
        )  # fmt: skip
        for zone in ZONES:
            insert(
                con, "zones", zonage="qpv2024", famille="qpv", code_zone=zone, nom=f"L'« {zone} » <b>", millesime="2024"
            )
        for table, listed in more.items():
            for row in listed:
                insert(con, table, **row)
        full = [
            ("i", "ensemble", "qpv2024", z, p, parse_period(p).debut, v, x, d, o, s) for z, p, v, x, d, o, s in values
        ]
        if full:
            con.executemany(
                "INSERT INTO valeurs (diffuseur, publication, indicateur, modalite, zonage, code_zone, periode, frequence,"
                " periode_debut, periode_fin, valeur, numerateur, denominateur, statut_observation, statut_diffusion, qualite,"
                " visible_de) SELECT 'd', 'p', $1, $2, $3, $4, $5, 'T', $6, $6, $7, $8, $9, $10, $11, 'A', TIMESTAMP '2025-01-01'",
                full,
            )
        return signals(con)


@pytest.fixture(scope="module")
def told() -> Signals:
    return found(rows())


def test_a_quarter_that_jumps_is_told_and_no_other(told: Signals) -> None:
    assert {(s.zone, s.kind) for s in told.signals} == {(STRANGE, Kind.LEVEL), (STRANGE, Kind.CHANGE)}
    assert told.comparisons == 60
    change = next(s for s in told.signals if s.kind is Kind.CHANGE)
    assert (change.period_before, change.period, change.value, change.direction) == ("2023-T4", "2024-T4", 60.0, 1)
    assert all(f"L'« {STRANGE} » <b>" in s.sentence for s in told.signals)
    assert [u.kind for u in told.untested] == [Kind.OWN]


def test_the_order_of_rows_changes_nothing(told: Signals) -> None:
    shuffled = rows()
    random.Random(1).shuffle(shuffled)
    assert found(shuffled) == told


def test_what_is_not_published_counts_for_nothing() -> None:
    def hidden(x: float) -> list[Row]:
        return [
            (z, p, v if z != ZONES[0] else x, n, d, o, "secret" if z == ZONES[0] else s)
            for z, p, v, n, d, o, s in rows()
        ]

    assert found(hidden(1.0)) == found(hidden(99.0)) == found([r for r in rows() if r[0] != ZONES[0]])


def test_what_is_not_normal_counts_for_nothing() -> None:
    estimated = [(*r[:5], "estimee", r[6]) if r[0] == STRANGE else r for r in rows()]
    assert found(estimated).signals == ()


def test_no_change_is_compared_across_a_break_nor_a_new_perimeter() -> None:
    broken = found(rows(), ruptures=[{"indicateur": "i", "periode": "2024-T4", "motif": "méthode"}])
    moved = found(
        rows(),
        valeurs_livraisons=[
            {
                "indicateur": "i",
                "zonage": "qpv2024",
                "periode": p,
                "livraison": "b" if p == "2024-T4" else "a",
                "role": "perimetre",
            }
            for p in PERIODS
        ],
    )
    for one in (broken, moved):
        assert {s.kind for s in one.signals} == {Kind.LEVEL}
        assert ("pas de période antérieure comparable") in {u.reason for u in one.untested}


def test_a_stale_delivery_is_not_compared() -> None:
    stale = found(
        rows(),
        livraisons=[{"jeu": "j", "periode": "2024-T4", "statut": "perimee"}],
        valeurs_livraisons=[
            {
                "indicateur": "i",
                "zonage": "qpv2024",
                "periode": "2024-T4",
                "jeu": "j",
                "livraison": "a",
                "role": "source",
            }
        ],
    )
    assert stale.signals == ()
    assert stale.comparisons == 0
    assert stale.summary.startswith("Aucune comparaison")


def test_an_empty_release_has_no_signal() -> None:
    told = found([])
    assert told.signals == ()
    assert [u.reason for u in told.untested] == ["aucune valeur publiée"]
