"""What people open: CSV, workbooks and one archive a contrat de ville say the published values, and run nothing."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from publication import internal
from typer.testing import CliRunner

from qpv_data.cli import app
from qpv_data.exports.contracts import contract_codes, write_contracts
from qpv_data.exports.csv import write_csv
from qpv_data.exports.folder import AudienceFolder, audience_folder
from qpv_data.exports.readable import readable
from qpv_data.exports.whole import write_whole
from qpv_data.exports.xlsx import sheet_name
from qpv_data.inert import inert_text

DANGEROUS = '=cmd|"/C calc"!A0'
Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def written(demonstration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every export of the demonstration."""
    out = tmp_path_factory.mktemp("exports")
    assert len(list(write_whole(internal(demonstration), out))) == 5 + 2
    return out


def rows(content: bytes) -> Rows:
    """The lines of one of our CSV, as a spreadsheet reads it."""
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))


def published(demonstration: Path) -> dict[tuple[str, ...], tuple[Any, str, str]]:
    """(zoning, zone, indicator, label, period) → value and statuses."""
    folder = internal(demonstration)
    query = f"""SELECT v.zonage, code_zone, v.indicateur, m.libelle, v.periode, valeur, statut_observation, statut_diffusion
      FROM read_parquet('{folder.dossier}/valeurs/*/*/*.parquet', hive_types_autocast = false) v
      JOIN read_parquet('{folder.path("modalites")}') m USING (indicateur, modalite)"""
    return {row[:5]: row[5:] for row in duckdb.execute(query).fetchall()}  # type: ignore[misc]


def key(row: dict[str, str]) -> tuple[str, ...]:
    return tuple(row[n] for n in ("Zonage", "Code de la zone", "Code de l'indicateur", "Modalité", "Période"))


def test_the_csv_has_every_value_with_a_comma_and_says_what_is_hidden_with_one_word(
    demonstration: Path, written: Path
) -> None:
    found = {key(r): r for r in rows((written / "valeurs.csv").read_bytes())}
    there = published(demonstration)
    assert set(found) == set(there)
    for name, (value, observed, shown) in there.items():
        row = found[name]
        if shown != "diffusee":
            assert row["Valeur"] == "secret"
            assert row["Numérateur"] == row["Dénominateur"] == ""
            assert row["Statut"].startswith("cachée")
        elif value is None:
            assert row["Valeur"] == ""
            assert row["Statut"] not in ("", "diffusée", observed if "_" in observed else "")
        else:
            assert "." not in row["Valeur"]
            assert float(row["Valeur"].replace(",", ".")) == value
            assert row["Statut"] == "diffusée"


def test_the_workbook_says_the_same_and_has_no_formula(demonstration: Path, written: Path) -> None:
    book = openpyxl.load_workbook(written / "indicateurs.xlsx")
    assert book.sheetnames[:2] == ["Lisez-moi", "Indicateurs"]
    titles = dict(pq.read_table(internal(demonstration).path("indicateurs"), columns=["titre", "indicateur"]).to_pandas().itertuples(index=False))  # fmt: skip
    there: dict[tuple[str, ...], set[Any]] = {}
    for (_, zone, indicator, label, period), (value, observed, shown) in published(demonstration).items():
        said = "secret" if shown != "diffusee" else value if observed == "normale" else "…"
        there.setdefault((zone, indicator, label, period), set()).add(said)
    checked = 0
    for sheet in book.worksheets[2:]:
        head, *lines = sheet.iter_rows()
        assert not any(cell.data_type == "f" for line in (head, *lines) for cell in line)
        periods = [c.value for c in head[6:]]
        assert periods == sorted(periods)
        for line in lines:
            for period, cell in zip(periods, line[6:], strict=True):
                if isinstance(cell.value, int | float) or cell.value == "secret":
                    assert cell.value in there[line[1].value, titles[line[3].value], line[4].value, period]
                    checked += 1
    shown = sum(len(said - {"…"}) for said in there.values())
    assert checked >= shown > 10_000


def test_a_text_that_a_spreadsheet_would_run_is_inert_in_every_export(demonstration: Path, tmp_path: Path) -> None:
    folder = AudienceFolder(tmp_path / "publication")
    shutil.copytree(internal(demonstration).dossier, folder.dossier)
    for name, column in (
        ("zones", "nom"),
        ("indicateurs", "titre"),
        ("indicateurs", "unite"),
        ("modalites", "libelle"),
    ):
        table = pq.ParquetFile(folder.path(name)).read()
        texts = pa.array([DANGEROUS] * table.num_rows)
        place = table.schema.get_field_index(column)
        pq.write_table(table.set_column(place, table.schema.field(place), texts), folder.path(name))
    (path,) = write_contracts(folder, tmp_path / "out", ["CV99-02"])
    with zipfile.ZipFile(path) as archive:
        cells = [v for name in ("valeurs.csv", "indicateurs.csv") for r in rows(archive.read(name)) for v in r.values()]
        book = openpyxl.load_workbook(io.BytesIO(archive.read("indicateurs.xlsx")))
    every = [c for sheet in book.worksheets for line in sheet.iter_rows() for c in line]
    assert {c.data_type for c in every} <= {"s", "n", "inlineStr"}
    cells += [c.value for c in every if isinstance(c.value, str)]
    assert f"'{DANGEROUS}" in cells
    assert [c for c in cells if inert_text(c) != c] == []


@given(
    st.lists(
        st.tuples(st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))), max_size=8
    )
)
def test_any_text_of_a_csv_is_read_back_inert(texts: list[tuple[str | None]]) -> None:
    sink, con = io.BytesIO(), duckdb.default_connection()
    con.register("lignes", pa.table({"n": range(len(texts)), "t": pa.array([t for (t,) in texts], pa.string())}))
    assert write_csv(con, "SELECT n, t FROM lignes ORDER BY n", sink) == len(texts)
    found = list(csv.reader(io.StringIO(sink.getvalue().decode("utf-8-sig"), newline=""), delimiter=";"))
    assert found == [["n", "t"], *([str(n), inert_text(t or "")] for n, (t,) in enumerate(texts))]


def test_a_number_is_written_as_people_write_it(demonstration: Path, tmp_path: Path) -> None:
    with readable(internal(demonstration), tmp_path) as con:

        @given(st.lists(st.decimals(min_value=-(10**13), max_value=10**13, places=2), min_size=1))
        def as_written(numbers: list[Decimal]) -> None:
            con.register("nombres", pa.table({"n": range(len(numbers)), "x": [float(d) for d in numbers]}))
            found = con.execute("SELECT nombre(x) FROM nombres ORDER BY n").fetchall()
            plain = [f"{d:f}".rstrip("0").rstrip(".").replace(".", ",") for d in numbers]
            assert [t for (t,) in found] == ["0" if t == "-0" else t for t in plain]

        as_written()
        for number, text in ((0.000001, "0,000001"), (1e22, "10000000000000000000000"), (12345678.9, "12345678,9")):
            assert con.execute("SELECT nombre($x)", {"x": number}).fetchone() == (text,)


def test_an_archive_holds_its_contract_and_nothing_of_another(demonstration: Path, written: Path) -> None:
    folder = internal(demonstration)
    for code in contract_codes(folder):
        contracts = folder.table("zones_contrats").to_pylist()
        quarters = {(r["zonage"], r["code_zone"]) for r in contracts if r["code_contrat"] == code}
        with zipfile.ZipFile(written / "contrats" / f"contrat-{code}.zip") as archive:
            assert archive.namelist() == sorted(archive.namelist())
            assert "Ne pas diffuser" in archive.read("LISEZ-MOI.txt").decode("utf-8-sig")
            zones = {(r["Zonage"], r["Code de la zone"]) for r in rows(archive.read("valeurs.csv"))}
            drawn = json.loads(archive.read("perimetres.geojson"))["features"]
        assert quarters <= zones
        assert {zoning for zoning, _ in zones - quarters} == {"commune", "contrat"}
        assert {z for z in zones if z[0] == "contrat"} == {("contrat", code)}
        assert {(f["properties"]["zonage"], f["properties"]["code_zone"]) for f in drawn} == {
            z for z in zones if z[0] != "contrat"
        }
        assert all(shapely.from_geojson(json.dumps(f["geometry"])).is_valid for f in drawn)


def test_twice_gives_the_same_bytes(demonstration: Path, written: Path, tmp_path: Path) -> None:
    for path in write_contracts(internal(demonstration), tmp_path):
        assert path.read_bytes() == (written / "contrats" / path.name).read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in (written / "contrats").iterdir())


@pytest.fixture
def root(demonstration: Path, tmp_path: Path) -> Path:
    """A release with a folder an audience, of which there is one."""
    found = tmp_path / "2024-T4-r1"
    found.mkdir()
    (found / "interne").symlink_to(internal(demonstration).dossier)
    return found


def test_the_command_takes_an_audience_of_a_release(root: Path, tmp_path: Path) -> None:
    given = [str(root), "--audience", "interne", "--out", str(tmp_path / "out"), "--contrat", "CV99-01"]
    done = CliRunner().invoke(app, ["exporter", *given])
    assert (done.exit_code, "contrat-CV99-01.zip" in done.output) == (0, True)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["contrat-CV99-01.zip"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--contrat", "CV00-00"], "contrat inconnu de cette publication : CV00-00"),
        (["--audience", "ouvert"], "publication faite pour interne, et non pour ouvert"),
    ],
)
def test_the_command_refuses_what_the_release_does_not_have(
    root: Path, tmp_path: Path, given: list[str], said: str
) -> None:
    done = CliRunner().invoke(app, ["exporter", str(root / "interne"), "--out", str(tmp_path / "out"), *given])
    assert (done.exit_code, said in done.output) == (4, True)
    assert not any((tmp_path / "out").rglob("*.zip"))


def test_an_audience_that_is_not_there_is_said_with_those_that_are(root: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["exporter", str(root), "--out", str(tmp_path / "out")])
    assert (done.exit_code, "donner --audience parmi interne" in done.output) == (4, True)
    assert audience_folder(root, "interne").publication()["diffusion"] == "interne"


@given(st.lists(st.text(min_size=1, max_size=60), min_size=1, max_size=6))
def test_a_theme_has_a_sheet_of_its_own_whatever_its_name(themes: list[str]) -> None:
    taken: list[str] = ["Lisez-moi", "Indicateurs"]
    for theme in themes:
        name = sheet_name(theme, taken)
        assert 1 <= len(name) <= 31
        assert not set(name) & set("[]:*?/\\")
        assert name.lower() not in {t.lower() for t in taken}
        taken.append(name)


@pytest.fixture
def office() -> str:
    found = shutil.which("soffice") or shutil.which("libreoffice")
    if found is None:
        pytest.skip("LibreOffice absent : l'ouverture des exports n'y est pas essayée")
    return found


def test_libreoffice_opens_the_csv_and_finds_the_numbers(written: Path, tmp_path: Path, office: str) -> None:
    source = tmp_path / "indicateurs.csv"
    shutil.copy(written / "indicateurs.csv", source)
    command = [
        office,
        "--headless",
        "--infilter=CSV:59,34,76",
        "--convert-to",
        "xlsx",
        "--outdir",
        str(tmp_path),
        str(source),
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    sheet = openpyxl.load_workbook(tmp_path / "indicateurs.xlsx").active
    assert sheet is not None
    assert [c.value for c in next(sheet.iter_rows())][:2] == ["Thème", "Indicateur"]
