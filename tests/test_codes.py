"""Rows that carry a code: the generation and the vintage are asserted, never supposed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factory import Mini, clause_of, codes_clause, composition_clause

from qpv_data.locate import locate
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.loading import Zones

CODES = {
    "qpv2024": frozenset({"QN00101M", "QN00102N"}),
    "qpv2015": frozenset({"QP001001"}),
    "commune": frozenset({"01001"}),
}
FAMILIES = {"qpv2024": "qpv", "qpv2015": "qpv", "commune": "commune"}


def located(folder: Path, codes: list[str | None]) -> list[tuple[str | None, str, str | None]]:
    """Code, state and reason of each row of a feed that carries codes of 2024."""
    zones = Zones({z: {} for z in CODES}, {z: frozenset({"hexagone"}) for z in CODES}, CODES, FAMILIES)
    clause = clause_of(codes_clause("tableau", "qpv2024"))
    table = pa.table({"code": pa.array(codes, pa.string()), "valeur": pa.array([1.0] * len(codes))})
    pq.write_table(table, folder / "conforme.parquet")
    locate(clause, folder / "conforme.parquet", zones=zones, located=folder / "lieux.parquet")
    found = pq.read_table(folder / "lieux.parquet")
    return list(zip(*(found[c].to_pylist() for c in ("qpv2024", "localisation", "localisation_motif")), strict=True))


def test_a_known_code_is_inside_and_an_unknown_one_is_of_unknown_place(tmp_path: Path) -> None:
    assert located(tmp_path, ["QN00101M", "QN99999Z", None]) == [
        ("QN00101M", "dedans", None),
        (None, "inconnu", "code_inconnu"),
        (None, "inconnu", "code_absent"),
    ]


@pytest.mark.parametrize("codes", [["QN00101M", "QP001001"], ["QP001001"], ["01001", "31555"]])
def test_codes_of_another_generation_or_none_that_is_known_refuse_the_delivery(
    codes: list[str | None], tmp_path: Path
) -> None:
    with pytest.raises(FeedError) as refused:
        located(tmp_path, codes)
    assert refused.value.probleme is Problem.MILLESIME_INATTENDU
    assert not (tmp_path / "lieux.parquet").exists()


def test_a_delivery_without_any_code_is_of_unknown_place_and_not_refused(tmp_path: Path) -> None:
    assert {state for _, state, _ in located(tmp_path, [None, None])} == {"inconnu"}


def test_a_department_covers_its_iris_and_no_other_though_none_has_a_contour(tmp_path: Path) -> None:
    mini = Mini(tmp_path)
    mini.referentials()
    listed = composition_clause("iris", "iris")
    zoning = {**listed["zonage"], "objet": "liste", "motif_code": r"\d{9}"}
    del zoning["commune"]
    mini.declare({**listed, "zonage": zoning})
    mini.deliver("iris.csv", "code;nom;commune\n990010101;a;99001\n990020102;b;99002\n980010101;c;98001\n")
    mini.declare(codes_clause("tableau", "iris", couverture={"departements": ["99"]}))
    mini.deliver("tableau.csv", "code;valeur\n990010101;5\n")
    mini.run(periode="2024-T4")
    found = {code: mini.value("tableau_v", code, "2023") for code in ("990010101", "990020102", "980010101")}
    assert found == {
        "990010101": (5, "normale", "diffusee"),
        "990020102": (None, "non_livree", "diffusee"),
        "980010101": (None, "sans_objet", "diffusee"),
    }
