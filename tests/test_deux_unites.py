"""A feed whose figures protect households and landlords at once, from its records to what readers work out."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from factory import IN_A, IN_B, IN_C, IN_COMMUNE_1, IN_COMMUNE_2, Mini, indicator, number_column, point, text_column

from qpv_data.attaque.amounts import audit_amounts
from qpv_data.attaque.releases import attack_releases
from qpv_data.history import ledger

PLACES = {
    IN_A: ("commune 99001", "qpv2024 QN09901A", "qpv2015 QP099001"),
    IN_B: ("commune 99001", "qpv2024 QN09902B", "qpv2015 QP099002"),
    (1050.0, 400.0): ("commune 99002", "qpv2024 QN09902B", "qpv2015 QP099002"),
    IN_C: ("commune 99003", "qpv2024 QN09903C"),
    IN_COMMUNE_1: ("commune 99001",),
    IN_COMMUNE_2: ("commune 99002",),
}
K, LANDLORDS = 5, 3
COLUMNS = [
    text_column("id", obligatoire=True), number_column("x"), number_column("y"), text_column("insee"),
    text_column("menage"), number_column("montant"), text_column("bailleur"),
]  # fmt: skip
SECRET = {
    "regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "menage", "seuil": K,
    "colonne_unite": "menage",
}  # fmt: skip
BOTH = {
    **SECRET,
    "autres_unites": [
        {"unite": "bailleur", "unite_famille": "enregistrement", "seuil": LANDLORDS, "colonne_unite": "bailleur"}
    ],
}
KINDS = {"axe": "genre", "expression": "CASE WHEN montant > 6 THEN 'grand' ELSE 'petit' END",
         "valeurs": {"grand": "Grand", "petit": "Petit"}}  # fmt: skip
INDICATORS = [
    indicator("n", modalites=KINDS),
    indicator("loyers", "somme", numerateur="montant"),
    indicator("part", "part", numerateur="CASE WHEN montant > 6 THEN 1 ELSE 0 END", denominateur="1"),
    indicator("bailleurs", distinct="bailleur"),
]
OF_HOUSEHOLDS = INDICATORS[:3]
Row = dict[str, Any]


def dwellings(draw: random.Random) -> list[Row]:
    """Up to 14 a place, of landlords who have a few places each."""
    return [
        point(f"r{n}-{k}", at, menage=f"m{n}-{k}", montant=draw.randint(1, 12), bailleur=f"b{draw.randrange(n, n + 4)}")
        for n, at in enumerate(PLACES)
        for k in range(draw.randint(3, 14))
    ]


def world(root: Path, rows: list[Row], secret: dict[str, Any], indicators: list[dict[str, Any]]) -> Mini:
    mini = Mini(root)
    mini.referentials()
    mini.points({}, secret=secret, indicateurs=indicators, colonnes=COLUMNS)
    header = [c["source"] for c in COLUMNS]
    lines = [
        ";".join(header),
        *(";".join(str(row[h] if row.get(h) is not None else "") for h in header) for row in rows),
    ]
    mini.deliver("points-2024-T1.csv", "\n".join(lines) + "\n")
    mini.run(periode="2024-T1")
    return mini


def placed(row: Row) -> tuple[str, ...]:
    (at,) = [p for p in PLACES if (600_000 + p[0], 6_600_000 + p[1]) == (row["x"], row["y"])]
    return (*PLACES[at], "territoire territoire")


def sides(name: str) -> list[Callable[[Row], bool]]:
    big: Callable[[Row], bool] = lambda r: r["montant"] > 6  # noqa: E731
    small: Callable[[Row], bool] = lambda r: r["montant"] <= 6  # noqa: E731
    return [lambda _: True, big, small] if name == "part" else [lambda _: True]


def shown(mini: Mini) -> Iterator[tuple[str, str, str]]:
    """(indicator, modality, zone) of figures that are out and not nothing."""
    query = (
        "SELECT indicateur, modalite, zonage || ' ' || code_zone FROM valeurs WHERE periode = '2024-T1'"
        " AND statut_diffusion = 'diffusee' AND statut_observation = 'normale' AND numerateur > 0"
    )
    yield from ((i, m, z) for i, m, z in mini.query(query))


def kinds_of(rows: list[Row], modality: str) -> list[Row]:
    return [r for r in rows if modality == "ensemble" or (r["montant"] > 6) == (modality == "grand")]


@pytest.mark.parametrize("seed", [0])
def test_whatever_is_shown_or_left_by_subtraction_has_enough_households_and_enough_landlords(
    tmp_path: Path, seed: int
) -> None:
    rows = dwellings(random.Random(seed))
    mini = world(tmp_path, rows, BOTH, INDICATORS)
    out: dict[tuple[str, str], list[str]] = {}
    for name, modality, zone in shown(mini):
        inside = [r for r in kinds_of(rows, modality) if zone in placed(r)]
        for side in sides(name) if inside else []:
            own = [r for r in inside if side(r)]
            assert len({r["menage"] for r in own}) >= K, (name, modality, zone)
            assert len({r["bailleur"] for r in own}) >= LANDLORDS, (name, modality, zone)
        out.setdefault((name, modality), []).append(zone)
    assert any(zones for zones in out.values())
    for (name, modality), zones in out.items():
        for larger in zones if name in ("n", "loyers") else []:
            inside = [r for r in kinds_of(rows, modality) if larger in placed(r)]
            for zoning in ("commune", "qpv2024", "qpv2015"):
                nested = [z for z in zones if z.startswith(zoning) and z != larger]
                nested = [z for z in nested if all(larger in placed(r) for r in rows if z in placed(r))]
                left = [r for r in inside if not set(nested) & set(placed(r))]
                if nested and left:
                    assert len({r["menage"] for r in left}) >= K, (name, modality, larger, zoning)
                    assert len({r["bailleur"] for r in left}) >= LANDLORDS, (name, modality, larger, zoning)
    folders = ledger(mini.out)
    assert attack_releases(folders).findings == []
    assert audit_amounts(folders, mini.out / "aggregated") == []


def test_the_audit_finds_with_the_truth_in_hand_what_one_unit_alone_would_have_given(tmp_path: Path) -> None:
    """A release made for households alone, audited with the landlords' numbers: some figures are of one landlord."""
    rows = dwellings(random.Random(1))
    for row in rows:
        row["bailleur"] = "b0" if "qpv2024 QN09903C" in placed(row) else row["bailleur"]
    alone = world(tmp_path / "un", rows, SECRET, OF_HOUSEHOLDS)
    both = world(tmp_path / "deux", rows, BOTH, OF_HOUSEHOLDS)
    assert set(shown(both)) < set(shown(alone))
    assert ("loyers", "ensemble", "qpv2024 QN09903C") in set(shown(alone)), "many households, one landlord"
    assert ("loyers", "ensemble", "qpv2024 QN09903C") not in set(shown(both))
    (folder,) = ledger(alone.out)
    assert audit_amounts([folder], alone.out / "aggregated") == [], (
        "households alone are told by the truth of households"
    )
    near = {n.cell for n in audit_amounts([folder], both.out / "aggregated")}
    assert "loyers qpv2024 QN09903C 2024-T1" in near
