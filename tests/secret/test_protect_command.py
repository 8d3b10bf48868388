"""`qpv-data protect`, as a user types it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from tables_to_protect import Axes, Case, comptes, ecrire, lu, marges
from typer.testing import CliRunner, Result

from qpv_data.commands.protect import register

ZONE = {"F": "", "c1": "F", "c2": "F", "a": "c1", "b": "c1", "c": "c2", "d": "c2"}
QUARTIERS = {"Q": "", "q1": "Q", "q2": "Q", "a": "q1", "c": "q1", "b": "q2", "d": "q2"}
AXES: Axes = {"zone": [ZONE], "sexe": [{"T": "", "f": "T", "h": "T"}]}
FINES: dict[Case, int] = {
    ("a", "f"): 3, ("a", "h"): 40, ("b", "f"): 50, ("b", "h"): 61,
    ("c", "f"): 70, ("c", "h"): 82, ("d", "f"): 93, ("d", "h"): 18,
}  # fmt: skip


def lance(*arguments: object) -> Result:
    app = typer.Typer()
    register(app)
    app.command("autre")(lambda: None)  # a single command would take its name for an argument
    return CliRunner().invoke(app, ["protect", *map(str, arguments)])


def demande(
    dossier: Path, regle: str, colonnes: Mapping[str, list[object]], *options: str, axes: Axes = AXES
) -> Result:
    cells, declaration = ecrire(dossier, axes, regle, colonnes)
    return lance(cells, "--axes", declaration, "--out", dossier / "out.parquet", *options)


def refus(dossier: Path, *morceaux: str, result: Result) -> None:
    assert result.exit_code == 3, result.output
    for morceau in morceaux:
        assert morceau in result.output, result.output
    assert not (dossier / "out.parquet").exists()


def test_every_cell_is_there_with_one_symbol_for_all_that_is_hidden(tmp_path: Path):
    result = demande(tmp_path, "regle: {k: 11}", comptes(AXES, FINES), "--json")
    assert result.exit_code == 0, result.output
    montre = lu(tmp_path / "out.parquet", AXES)
    vraies = marges(AXES, FINES)
    assert montre.keys() == vraies.keys()
    caches = [c for c, v in montre.items() if v is None]
    assert ("a", "f") in caches
    assert len(caches) >= 4
    assert all(v is None or v == vraies[c] for c, v in montre.items())
    assert json.loads(result.stdout) == {
        "cellules": len(vraies), "diffusees": len(vraies) - len(caches), "secretes": len(caches)
    }  # fmt: skip


def test_totals_are_hidden_last(tmp_path: Path):
    demande(tmp_path, "regle: {k: 11}", comptes(AXES, FINES))
    montre = lu(tmp_path / "out.parquet", AXES)
    assert all(montre[case] is not None for case in montre if "F" in case or case[1] == "T")


def test_zonings_that_cross_are_protected_together(tmp_path: Path):
    axes = AXES | {"zone": [ZONE, QUARTIERS]}
    result = demande(tmp_path, "regle: {k: 11}", comptes(axes, FINES), axes=axes)
    assert result.exit_code == 0, result.output
    montre = lu(tmp_path / "out.parquet", axes)
    assert montre.keys() == marges(axes, FINES).keys()
    # a is alone hidden neither in its commune nor in its quarter
    assert montre["b", "f"] is None or montre["c1", "f"] is None
    assert montre["c", "f"] is None or montre["q1", "f"] is None


def test_a_unit_in_several_cells_counts_once_in_their_margin(tmp_path: Path):
    # 6 persons seen in a and the same in b: 12 records and 6 persons in c1.
    rows = [("a", "f", f"p{n}") for n in range(6)] + [("b", "f", f"p{n}") for n in range(6)]
    rows += [
        (z, s, f"{z}{s}{n}") for z in "abcd" for s in "fh" for n in range(40) if (z, s) not in (("a", "f"), ("b", "f"))
    ]
    columns = {
        "zone": [r[0] for r in rows],
        "sexe": [r[1] for r in rows],
        "valeur": [1] * len(rows),
        "unite": [r[2] for r in rows],
    }
    result = demande(tmp_path, "regle: {k: 11}", columns, "--enregistrements")
    assert result.exit_code == 0, result.output
    assert lu(tmp_path / "out.parquet", AXES)["c1", "f"] is None
    counted = {("a", "f"): 6, ("b", "f"): 6}
    fines = {(z, s): counted.get((z, s), 40) for z in "abcd" for s in "fh"}
    cells = comptes(AXES, fines)
    assert demande(tmp_path, "regle: {k: 11}", cells).exit_code == 0
    assert lu(tmp_path / "out.parquet", AXES)["c1", "f"] == 12


def test_the_union_of_two_hidden_cells_is_protected_when_it_can_be_worked_out(tmp_path: Path):
    # In c1, two landlords each alone in a cell: their sum is what is left of c1, and has 2 contributors out of the 3.
    axes: Axes = {"zone": [{"F": "", "a": "F", "b": "F", "c": "F", "d": "F"}]}
    columns = {
        "zone": ["a", "b", "c", "d"],
        "valeur": [100, 100, 5000, 7000],
        "n_unites": [1, 1, 40, 50],
        "part_max": [1.0, 1.0, 0.1, 0.1],
    }
    result = demande(tmp_path, "regle: {k: 3, dominance: 0.85}", columns, axes=axes)
    assert result.exit_code == 0, result.output
    assert sum(v is None for v in lu(tmp_path / "out.parquet", axes).values()) >= 3


def test_decimals_are_kept(tmp_path: Path):
    columns = comptes(AXES, FINES)
    columns["valeur"] = [v + 0.25 for v in FINES.values()]
    assert demande(tmp_path, "regle: {k: 11}", columns).exit_code == 0
    found = lu(tmp_path / "out.parquet", AXES)
    assert found["F", "T"] == sum(FINES.values()) + 2
    assert found["a", "h"] in (None, 40.25)


def test_a_family_gives_the_rule_and_a_clause_is_stricter_or_refused(tmp_path: Path):
    columns = comptes(AXES, FINES)
    assert demande(tmp_path, "famille: cnaf", columns).exit_code == 0
    assert lu(tmp_path / "out.parquet", AXES)["d", "h"] == 18
    assert demande(tmp_path, "famille: cnaf\nregle: {k: 20}", columns).exit_code == 0
    assert lu(tmp_path / "out.parquet", AXES)["d", "h"] is None
    (tmp_path / "out.parquet").unlink()
    looser = demande(tmp_path, "famille: fiscal_personnes\nregle: {k: 5, dominance: 0.9}", columns)
    refus(tmp_path, "k plus souple", "dominance plus souple", result=looser)


def test_a_family_of_low_confidence_is_protected_at_eleven(tmp_path: Path):
    fines = FINES | {("a", "f"): 8}
    assert demande(tmp_path, "famille: education_depp", comptes(AXES, fines)).exit_code == 0
    assert lu(tmp_path / "out.parquet", AXES)["a", "f"] is None


@pytest.mark.parametrize(
    "regle", ["", "regle: {dominance: 0.85}", "famille: rien_de_connu", "regle: {k: 11, seuil: 3}", "regle: {k: 0}"]
)
def test_no_rule_no_table(tmp_path: Path, regle: str):
    refus(tmp_path, "axes.yml", result=demande(tmp_path, regle, comptes(AXES, FINES)))


def test_every_fault_of_the_cells_is_told(tmp_path: Path):
    rows: list[tuple[str | None, str, float | None, int | None]] = [
        ("a", "f", -3, 3), ("a", "f", 4, 4), ("b", "x", 4, 4), ("c1", "h", 4, 4), (None, "h", 4, 4),
        ("c", "f", None, 4), ("c", "h", 4, None), ("d", "f", 4, 0),
    ]  # fmt: skip
    columns = {name: [r[n] for r in rows] for n, name in enumerate(("zone", "sexe", "valeur", "n_unites"))}
    result = demande(tmp_path, "regle: {k: 11}", columns)
    told = ("valeur négative (1 ligne) : a × f", "cases écrites plusieurs fois : a × f", "codes absents de la hiérarchie : x",
            "codes que la hiérarchie divise : c1", "codes absents de la hiérarchie : (absent)", "valeur absente ou illisible (1 ligne) : c × f",
            "n_unites absent, négatif ou non entier (1 ligne) : c × h", "valeur sans unité (1 ligne) : d × f")  # fmt: skip
    refus(tmp_path, *told, result=result)


def test_every_fault_of_the_hierarchies_is_told(tmp_path: Path):
    axes: Axes = {
        "zone": [{"F": "", "G": "", "a": "F"}, {"R": "", "u": "v", "v": "u", "b": "R"}],
        "sexe": [{"T": "", "f": "T"}, {"T": "", "f": "T", "h": "T"}],
    }
    columns: dict[str, list[object]] = {"zone": ["a"], "sexe": ["f"], "valeur": [1], "n_unites": [1]}
    result = demande(tmp_path, "regle: {k: 11}", columns, axes=axes)
    refus(
        tmp_path,
        "2 racines au lieu d'une : F, G",
        "cycle : u → v → u",
        "T ne contient pas les mêmes codes",
        result=result,
    )


def test_codes_written_twice_and_columns_that_are_missing_are_told(tmp_path: Path):
    cells, declaration = ecrire(tmp_path, AXES, "regle: {k: 11}", {"zone": ["a"], "valeur": [1]})
    result = lance(cells, "--axes", declaration, "--out", tmp_path / "out.parquet")
    refus(tmp_path, "colonnes absentes : sexe, n_unites", result=result)
    (tmp_path / "zone_0.csv").write_text("code,parent\nF,\na,F\na,F\n,F\n", encoding="utf-8")
    result = lance(cells, "--axes", declaration, "--out", tmp_path / "out.parquet")
    refus(tmp_path, "codes écrits deux fois : a", "ligne 5", result=result)


def test_a_code_is_a_text(tmp_path: Path):
    columns = comptes(AXES, FINES)
    columns["zone"] = list(range(8))
    refus(tmp_path, "un code est un texte", result=demande(tmp_path, "regle: {k: 11}", columns))


def test_a_rule_that_reads_two_contributors_wants_records(tmp_path: Path):
    result = demande(tmp_path, "regle: {k: 3, p_pourcent: 10}", comptes(AXES, FINES))
    refus(tmp_path, "donner les enregistrements", result=result)


def test_a_table_of_zeros_and_a_table_without_rows_are_shown_whole(tmp_path: Path):
    kinds = [("zone", pa.string()), ("sexe", pa.string()), ("valeur", pa.int64()), ("n_unites", pa.int64())]
    cells, declaration = ecrire(tmp_path, AXES, "regle: {k: 11}", {})
    pq.write_table(pa.schema(kinds).empty_table(), cells)
    result = lance(cells, "--axes", declaration, "--out", tmp_path / "out.parquet")
    assert result.exit_code == 0, result.output
    assert set(lu(tmp_path / "out.parquet", AXES).values()) == {0}
