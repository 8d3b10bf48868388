"""`qpv-data attack`, as a user types it, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from publications import everywhere, release
from tableaux import filled, flat, rows, written
from typer.testing import CliRunner, Result

from qpv_data.commands.attack import register

AXES = {"zone": [flat("t", *"abc")], "sexe": [flat("t", *"fh")]}
VALUES = {("a", "f"): 40, ("a", "h"): 31, ("b", "f"): 22, ("b", "h"): 3, ("c", "f"): 60, ("c", "h"): 45}
CELLS = filled(AXES, VALUES)
SAFE = {("a", "f"), ("a", "h"), ("b", "f"), ("b", "h")}


def run(*arguments: object) -> Result:
    app = typer.Typer()
    register(app)
    app.command("autre")(lambda: None)
    return CliRunner().invoke(app, ["attack", *map(str, arguments)])


def attack(folder: Path, hidden: set[tuple[str, ...]], *more: object, rule: str = "{k: 11}") -> Result:
    table, axes = written(folder, AXES, CELLS, hidden, rule)
    return run("--table", table, "--axes", axes, *more)


def test_a_protected_table_has_no_finding_and_exits_zero(tmp_path: Path) -> None:
    done = attack(tmp_path, SAFE)
    assert done.exit_code == 0, done.output
    assert done.stdout == "8 cellules publiées, 4 secrètes, 0 dérivables, 7 équations. Constats : aucun.\n"


def test_a_finding_exits_one_with_the_published_cells_that_give_it(tmp_path: Path) -> None:
    done = attack(tmp_path, {("b", "h")}, "-o", tmp_path / "constats.json")
    assert done.exit_code == 1
    assert done.stdout.splitlines()[0] in (
        "exacte  zone=b, sexe=h : 25 − 22 = 3",
        "exacte  zone=b, sexe=h : 79 − 45 − 31 = 3",
    )
    cells = done.stdout.splitlines()[1:-1]
    assert cells in (
        ["    25 : zone=b, sexe=t", "    22 : zone=b, sexe=f"],
        ["    79 : zone=t, sexe=h", "    45 : zone=c, sexe=h", "    31 : zone=a, sexe=h"],
    )
    written_down = json.loads((tmp_path / "constats.json").read_text("utf-8"))
    assert written_down["resume"] == {
        "exacte": 1, "sous_seuil": 0, "etroite": 0, "contributeur": 0, "revision": 0, "reconstituee": 0
    }  # fmt: skip
    (found,) = written_down["constats"]
    assert found["bas"] == found["haut"] == 3
    assert sum(float(c["coefficient"]) * c["valeur"] for c in found["preuve"]["cellules"]) == 3
    assert json.loads(attack(tmp_path, {("b", "h")}, "--json").stdout)["constats"][0] == found


@pytest.mark.parametrize("cell", sorted(SAFE))
def test_publishing_one_hidden_cell_too_many_is_found(tmp_path: Path, cell: tuple[str, str]) -> None:
    done = attack(tmp_path, SAFE - {cell}, "--json")
    assert done.exit_code == 1
    exact = {f["cellule"] for f in json.loads(done.stdout)["constats"] if f["constat"] == "exacte"}
    assert exact == {f"zone={z}, sexe={s}" for z, s in SAFE - {cell}}


def test_published_zeros_bound_hidden_cells_and_hidden_zeros_do_not(tmp_path: Path) -> None:
    small = filled({"zone": AXES["zone"]}, {("a",): 4, ("b",): 4, ("c",): 4})
    table, axes = written(tmp_path, {"zone": AXES["zone"]}, small, {("a",), ("b",), ("c",)})
    assert run("--table", table, "--axes", axes).exit_code == 1
    assert run("--table", table, "--axes", axes, "--zeros", "caches").exit_code == 0


def test_rounded_values_bound_and_give_nothing_exactly(tmp_path: Path) -> None:
    table, axes = written(tmp_path, AXES, {c: 5 * round(v / 5) for c, v in CELLS.items()}, {("b", "h")},
                          "{k: 5, arrondi: 5, zeros: caches}")  # fmt: skip
    done = run("--table", table, "--axes", axes, "--json")
    assert [f for f in json.loads(done.stdout)["constats"] if f["constat"] == "exacte"] == []


def test_amounts_are_found_to_their_last_decimal(tmp_path: Path) -> None:
    axes = {"zone": [flat("t", *"ab")]}
    table, declaration = written(tmp_path, axes, {("t",): 12.35, ("a",): 10.1, ("b",): 2.25}, {("b",)},
                                 "{k: 11, nature: somme}")  # fmt: skip
    done = run("--table", table, "--axes", declaration)
    assert done.exit_code == 1
    assert "exacte  zone=b : 12,35 − 10,1 = 2,25" in done.stdout


def values(path: Path, header: tuple[str, ...], *lines: tuple[object, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows([header, *lines])
    return path


def test_an_official_figure_undoes_what_it_completes(tmp_path: Path) -> None:
    known = values(tmp_path / "officiel.csv", ("zone", "sexe", "valeur"), ("a", "f", 40))
    done = attack(tmp_path, SAFE, "--connu", known, "--json")
    assert {f["cellule"] for f in json.loads(done.stdout)["constats"]} == {f"zone={z}, sexe={s}" for z, s in SAFE} - {
        "zone=a, sexe=f"
    }


def test_a_partner_subtracts_its_own_and_two_partners_subtract_theirs(tmp_path: Path) -> None:
    header = ("zone", "sexe", "valeur")
    one = values(tmp_path / "bailleur.csv", header, ("c", "h", 30))
    two = values(tmp_path / "regie.csv", header, ("c", "h", 10))
    done = attack(tmp_path, SAFE, "--partenaire", one, "--partenaire", two, "--json")
    found = json.loads(done.stdout)["constats"]
    assert {(f["attaquant"], f["cellule"], f["haut"]) for f in found} == {
        ("bailleur + regie", "zone=c, sexe=h, sans bailleur + regie", 5)
    }
    assert found[0]["preuve"]["texte"] == "45 − 40 = 5"
    too_many = values(tmp_path / "trop.csv", header, ("c", "h", 46))
    assert attack(tmp_path, SAFE, "--partenaire", too_many).exit_code == 4


def test_a_lone_contributor_knows_what_its_own_cell_completes(tmp_path: Path) -> None:
    axes = {"zone": [flat("t", *"abc")]}
    cells = filled(axes, {("a",): 500, ("b",): 400, ("c",): 300})
    table, declaration = written(tmp_path, axes, cells, {("a",), ("b",)}, "{k: 11, nature: somme}")
    assert run("--table", table, "--axes", declaration).exit_code == 0
    public = pq.read_table(table)
    units = [{"t": 40, "a": 1, "b": 3, "c": 36}[z] for z in public["zone"].to_pylist()]
    pq.write_table(public.append_column("n_unites", pa.array(units)), table)
    done = run("--table", table, "--axes", declaration)
    assert done.exit_code == 1
    assert "contributeur  zone=b (le seul contributeur de zone=a connaît sa valeur)" in done.stdout


def test_a_family_gives_its_threshold_as_data(tmp_path: Path) -> None:
    registry = """familles:
  - {id: emploi, unites: {menage: 2, personne: 5}, confiance: haute}
  - {id: ecole, unites: {eleve: 5}, confiance: basse}
"""
    (tmp_path / "regles_secret.yml").write_text(registry, "utf-8")
    small = filled({"zone": AXES["zone"]}, {("a",): 4, ("b",): 4, ("c",): 4})
    for family, code in (("emploi", 0), ("ecole", 1)):
        table, axes = written(
            tmp_path, {"zone": AXES["zone"]}, small, {("a",), ("b",), ("c",)}, f"{{famille: {family}}}"
        )
        assert run("--table", table, "--axes", axes).exit_code == code
    assert attack(tmp_path, SAFE, rule="{famille: nulle_part}").exit_code == 4


def test_a_release_is_attacked_by_its_folder(tmp_path: Path) -> None:
    figures = everywhere("i", territoire_territoire=93, commune_99001=90, commune_99002=None)
    done = run(release(tmp_path / "r1", figures))
    assert done.exit_code == 1
    assert "exacte  i commune 99002 2024-T4 : 93 − 90 = 3" in done.stdout
    assert run(tmp_path / "r1", "-q").stdout == ""


def bad(folder: Path, table: pa.Table) -> tuple[int, str]:
    _, axes = written(folder, AXES, CELLS, set())
    pq.write_table(table, folder / "out.parquet")
    done = run("--table", folder / "out.parquet", "--axes", axes)
    return done.exit_code, done.stderr


def test_a_table_that_contradicts_itself_is_refused_by_name_and_never_by_value(tmp_path: Path) -> None:
    code, said = bad(tmp_path, rows(AXES, {**CELLS, ("t", "t"): 999}, set()))
    assert code == 4
    assert "totaux_inegaux" in said
    assert "zone=t, sexe=t" in said
    assert "999" not in said


def test_what_cannot_be_read_is_refused(tmp_path: Path) -> None:
    whole = rows(AXES, CELLS, set())
    assert "doublon" in bad(tmp_path, pa.concat_tables([whole, whole]))[1]
    assert "colonne_inconnue" in bad(tmp_path, whole.drop_columns(["sexe"]))[1]
    assert "valeur_invalide" in bad(tmp_path, rows(AXES, {**CELLS, ("a", "f"): -1}, set()))[1]
    strange = whole.set_column(0, "zone", pa.array(["z"] * whole.num_rows))
    assert "reference_inconnue" in bad(tmp_path, strange)[1]
    (tmp_path / "zone0.csv").write_text("code,parent\nt,\na,b\nb,a\n", "utf-8")
    done = run("--table", tmp_path / "out.parquet", "--axes", tmp_path / "axes.yml")
    assert done.exit_code == 4
    assert "en boucle" in done.stderr
    assert run(tmp_path).exit_code == 4


def test_usage_is_checked_before_anything_is_read(tmp_path: Path) -> None:
    assert run().exit_code == 2
    assert run("--table", tmp_path / "x.parquet").exit_code == 2
    assert run(tmp_path, "--zeros", "non").exit_code == 2
