"""`qpv-data arrondir` and `qpv-data cle`, as a user types them; and one method a table."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner, Result

from qpv_data.commands import perturb, protect
from qpv_data.perturbation.cellkeys import VARIABLE

ZONE = "code,parent\nF,\nc1,F\nc2,F\na,c1\nb,c1\nc,c2\nd,c2\n"
QUARTERS = "code,parent\nF,\nq1,F\nq2,F\na,q1\nc,q1\nb,q2\nd,q2\n"
SEX = "code,parent\nT,\nf,T\nh,T\n"
COUNTS = {"a": (3, 40), "b": (50, 61), "c": (70, 82), "d": (93, 0)}
KEY, OTHER = "ab" * 32, "cd" * 32
NODES = len(["F", "c1", "c2", "a", "b", "c", "d", "q1", "q2"]) * 3


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A table of counts in two linked hierarchies, as cells and as records."""
    for name, text in (("zone.csv", ZONE), ("quartiers.csv", QUARTERS), ("sexe.csv", SEX)):
        (tmp_path / name).write_text(text, "utf-8")
    declared = "axes:\n  zone: {parents: [zone.csv, quartiers.csv]}\n  sexe: {parents: [sexe.csv]}\nregle: {k: 5}\n"
    (tmp_path / "axes.yml").write_text(declared, "utf-8")
    cells = [(z, s, n) for z, both in COUNTS.items() for s, n in zip("fh", both, strict=True)]
    columns = {"zone": [c[0] for c in cells], "sexe": [c[1] for c in cells]}
    pq.write_table(
        pa.table({**columns, "valeur": [c[2] for c in cells], "n_unites": [c[2] for c in cells]}),
        tmp_path / "cases.parquet",
    )
    rows = [(z, s, f"{z}{s}{i}") for z, s, n in cells for i in range(n)]
    said = {
        "zone": [r[0] for r in rows],
        "sexe": [r[1] for r in rows],
        "valeur": [1] * len(rows),
        "unite": [r[2] for r in rows],
    }
    pq.write_table(pa.table(said), tmp_path / "fiches.parquet")
    return tmp_path


def run(
    folder: Path, command: str, source: str, *options: object, out: str = "sortie.parquet", key: str | None = KEY
) -> Result:
    app = typer.Typer()
    perturb.register(app)
    protect.register(app)
    asked: Sequence[object] = [command, folder / source, "--axes", folder / "axes.yml", "--out", folder / out, *options]
    return CliRunner().invoke(app, [str(a) for a in asked], env={VARIABLE: key})


def shown(folder: Path, out: str = "sortie.parquet") -> dict[tuple[str, str], int]:
    return {(r["zone"], r["sexe"]): r["valeur"] for r in pq.read_table(folder / out).to_pylist()}


def done(result: Result) -> Result:
    assert result.exit_code == 0, result.output
    return result


@pytest.mark.parametrize("source", [("cases.parquet",), ("fiches.parquet", "--enregistrements")])
@pytest.mark.parametrize("chance", [(), ("--au-hasard",)])
def test_every_margin_of_both_hierarchies_adds_up(
    folder: Path, source: tuple[str, ...], chance: tuple[str, ...]
) -> None:
    result = done(run(folder, "arrondir", source[0], *source[1:], "--base", 5, "--json", *chance))
    assert json.loads(result.stdout)["arrondi"] == "strict"
    value = shown(folder)
    assert len(value) == NODES
    assert all(v % 5 == 0 for v in value.values())
    for sex in "fhT":
        for parent, children in (("F", ("c1", "c2")), ("F", ("q1", "q2")), ("q1", ("a", "c")), ("c2", ("c", "d"))):
            assert value[parent, sex] == sum(value[c, sex] for c in children)
    for zone in ("F", "c1", "q2", "d"):
        assert value[zone, "T"] == value[zone, "f"] + value[zone, "h"]
    assert value["d", "h"] == 0


def test_the_method_is_written_in_the_file_and_beside_it(folder: Path) -> None:
    done(run(folder, "arrondir", "cases.parquet", "--base", 5))
    written = pq.read_table(folder / "sortie.parquet")
    assert set(written["methode"].to_pylist()) == {"arrondi"}
    assert json.loads(written.schema.metadata[b"methode"]) == {"methode": "arrondi", "base": 5}
    assert json.loads((folder / "methodes.json").read_text("utf-8")) == {"sortie": {"methode": "arrondi", "base": 5}}


def test_the_noise_is_bounded_keyed_and_never_drawn_anew(folder: Path) -> None:
    options = ("--ecart", 3, "--variance", 2, "--petits", 2)
    done(run(folder, "cle", "fiches.parquet", *options))
    first = (folder / "sortie.parquet").read_bytes()
    done(run(folder, "cle", "fiches.parquet", *options))
    assert (folder / "sortie.parquet").read_bytes() == first
    value = shown(folder)
    for zone, both in COUNTS.items():
        for sex, true in zip("fh", both, strict=True):
            assert abs(value[zone, sex] - true) <= 3
            assert value[zone, sex] not in (1, 2)
    assert value["d", "h"] == 0
    assert value["d", "T"] == value["d", "f"], "the same persons have the same noise"
    assert KEY not in (folder / "methodes.json").read_text("utf-8")


METHODS = {
    "arrondir": ("arrondir", "cases.parquet", "--base", 5),
    "autre base": ("arrondir", "cases.parquet", "--base", 3),
    "au hasard": ("arrondir", "cases.parquet", "--base", 5, "--au-hasard"),
    "cle": ("cle", "fiches.parquet", "--ecart", 3, "--variance", 2),
    "autre variance": ("cle", "fiches.parquet", "--ecart", 3, "--variance", 1),
    "protect": ("protect", "cases.parquet"),
}


@pytest.mark.parametrize(("first", "second"), [p for p in itertools.permutations(METHODS, 2) if p[0] != "protect"])
def test_a_table_is_never_published_by_two_methods(folder: Path, first: str, second: str) -> None:
    done(run(folder, *METHODS[first]))
    before = (folder / "sortie.parquet").read_bytes()
    result = run(folder, *METHODS[second])
    assert result.exit_code == 3, result.output
    assert "sortie est déjà publié par" in result.output
    assert (folder / "sortie.parquet").read_bytes() == before


def test_another_name_of_file_is_the_same_table_when_it_is_said_so(folder: Path) -> None:
    done(run(folder, *METHODS["arrondir"], "--tableau", "demandeurs"))
    assert run(folder, *METHODS["cle"], "--tableau", "demandeurs", out="autre.parquet").exit_code == 3
    assert run(folder, *METHODS["protect"], "--tableau", "demandeurs", out="autre.parquet").exit_code == 3


@pytest.mark.parametrize("method", ["arrondir", "cle"])
def test_what_was_written_exact_is_not_perturbed_over(folder: Path, method: str) -> None:
    done(run(folder, *METHODS["protect"]))
    result = run(folder, *METHODS[method])
    assert result.exit_code == 3, result.output
    assert "aucune méthode n'est inscrite" in result.output


def test_another_key_is_another_noise_and_is_refused(folder: Path) -> None:
    done(run(folder, *METHODS["cle"]))
    assert run(folder, *METHODS["cle"], key=OTHER).exit_code == 3


@pytest.mark.parametrize("method", ["cle", "au hasard"])
def test_without_a_key_nothing_is_written(folder: Path, method: str) -> None:
    result = run(folder, *METHODS[method], key=None)
    assert result.exit_code == 4
    assert VARIABLE in result.output
    assert not (folder / "sortie.parquet").exists()
    assert not (folder / "methodes.json").exists()


def test_a_register_that_cannot_be_read_stops_everything(folder: Path) -> None:
    (folder / "methodes.json").write_text("{", "utf-8")
    for method in METHODS.values():
        assert run(folder, *method).exit_code == 3


def test_an_impossible_noise_is_a_wrong_command(folder: Path) -> None:
    assert run(folder, "cle", "fiches.parquet", "--ecart", 2, "--variance", 9).exit_code == 2


def test_records_without_a_unit_are_refused(folder: Path) -> None:
    table = pq.read_table(folder / "fiches.parquet")
    lost = table.set_column(3, "unite", pa.array([None] * len(table), pa.string()))
    pq.write_table(lost, folder / "fiches.parquet")
    result = run(folder, *METHODS["cle"])
    assert result.exit_code == 3
    assert "sans unite" in result.output
