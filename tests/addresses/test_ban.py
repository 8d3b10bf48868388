"""From the BAN's CSV to Addok's documents: every row is somewhere, and namesakes are marked."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qpv_data.addresses.ban import CHAMPS, BanReport, write_documents
from qpv_data.problems import FeedError, Problem


def row(numero: object = 1, voie: str = "rue des Ombres", **more: object) -> dict[str, object]:
    about = {"id": f"99001_0001_{numero!s:0>5}", "numero": numero, "nom_voie": voie, "code_postal": "99000",
             "code_insee": "99001", "nom_commune": "Valmorte", "lon": "1.5", "lat": "46.5"}  # fmt: skip
    return {**dict.fromkeys(CHAMPS, ""), **about, **more}


def text(rows: list[dict[str, object]]) -> bytes:
    lines = [";".join(CHAMPS), *(";".join(str(r[c]) for c in CHAMPS) for r in rows)]
    return ("\n".join(lines) + "\n").encode()


def documents(folder: Path, rows: list[dict[str, object]], **files: bytes) -> tuple[BanReport, list[dict[str, Any]]]:
    contents = files or {"adresses-99.csv.gz": gzip.compress(text(rows))}
    paths = []
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        paths.append(folder / name)
    report = write_documents(paths, folder / "documents.json", folder / "travail")
    made = [json.loads(line) for line in (folder / "documents.json").read_text("utf-8").splitlines()]
    assert report.lues == report.adresses + report.doubles + sum(report.rejetees.values())
    assert report.documents == len(made)
    assert len({d["_id"] for d in made}) == len(made)
    return report, made


def test_a_street_holds_its_numbers_and_a_commune_its_streets(tmp_path: Path) -> None:
    rows = [row(1), row(2, lon="1.7"), row(2, rep="bis", lon="1.9"), row(5, "quai L'Œuvre"), row(1, code_insee="99002")]
    report, made = documents(tmp_path, rows)
    assert (report.lues, report.adresses, report.doubles) == (5, 5, 0)
    streets = {(d["citycode"], d["name"]): d for d in made if d["type"] == "street"}
    assert set(streets) == {("99001", "rue des Ombres"), ("99001", "quai L'Œuvre"), ("99002", "rue des Ombres")}
    street = streets["99001", "rue des Ombres"]
    assert list(street["housenumbers"]) == ["1", "2", "2 bis"]
    assert street["housenumbers"]["2 bis"]["lon"] == 1.9
    assert street["lon"] == pytest.approx((1.5 + 1.7 + 1.9) / 3)
    assert [d["citycode"] for d in made if d["type"] == "municipality"] == ["99001", "99002"]


def test_an_address_keeps_the_position_nearest_to_its_door(tmp_path: Path) -> None:
    rows = [row(lon="1.1", type_position="segment"), row(lon="1.2", type_position="entrée"), row(lon="1.3")]
    report, made = documents(tmp_path, rows)
    assert (report.adresses, report.doubles) == (1, 2)
    assert made[0]["housenumbers"]["1"]["lon"] == 1.2


def test_what_cannot_be_indexed_is_counted_with_its_reason(tmp_path: Path) -> None:
    rows = [
        row(1), row("", "x"), row("douze", "x"), row(3, " "), row(3, code_insee="1"), row(3, lon=""), row(3, lat="inf"),
        row(3, lon="1,5"), row(3, lon="0", lat="0"), row(3, lat="91"),
    ]  # fmt: skip
    report, _ = documents(tmp_path, rows)
    assert report.rejetees == {"numero_illisible": 2, "voie_absente": 1, "commune_illisible": 1, "position_absente": 5}


def test_a_place_without_numbers_is_a_locality(tmp_path: Path) -> None:
    _, made = documents(tmp_path, [row(99999, "Le Vallon-Perdu")])
    assert made[0]["type"] == "locality"
    assert "housenumbers" not in made[0]


def test_a_merged_commune_answers_to_both_names_and_codes(tmp_path: Path) -> None:
    old = {"code_insee_ancienne_commune": "99044", "nom_ancienne_commune": "Brumette"}
    _, made = documents(tmp_path, [row(**old)])
    street = next(d for d in made if d["type"] == "street")
    assert (street["citycode"], street["oldcitycode"], street["city"]) == (
        ["99001", "99044"], "99044", ["Valmorte", "Brumette"],
    )  # fmt: skip


def test_an_arrondissement_is_found_under_its_commune(tmp_path: Path) -> None:
    _, made = documents(tmp_path, [row(code_insee="75118"), row(code_insee="13201"), row(code_insee="69381")])
    codes = {tuple(d["citycode"]) for d in made}
    assert codes == {("75118", "75056"), ("13201", "13055"), ("69381", "69123")}


def test_the_same_number_twice_in_a_commune_is_marked_unless_it_is_one_place(tmp_path: Path) -> None:
    old = [{"code_insee_ancienne_commune": c, "nom_ancienne_commune": c} for c in ("99044", "99045")]
    rows = [
        row(1, **old[0]), row(1, **old[1], lon="1.6"),
        row(2, **old[0]), row(2, **old[1], lon="1.6", code_postal="99100"),
        row(3, **old[0]), row(3, **old[1], lon="1.5001"),
        row(4, **old[0]),
        row(5, **old[0], voie="Rue des ombres"), row(5, **old[1], lon="1.6"),
    ]  # fmt: skip
    _, made = documents(tmp_path, rows)
    marks = {
        (n, d["postcode"]): h.get("ambigu")
        for d in made if d["type"] == "street" for n, h in d["housenumbers"].items()
    }  # fmt: skip
    assert marks == {
        ("1", "99000"): "toujours", ("2", "99000"): "sans_code_postal", ("2", "99100"): "sans_code_postal",
        ("3", "99000"): None, ("4", "99000"): None, ("5", "99000"): "toujours",
    }  # fmt: skip


def test_several_extracts_make_one_index_plain_or_gzipped(tmp_path: Path) -> None:
    report, made = documents(tmp_path, [], **{"a.csv": text([row(1)]), "b.csv.gz": gzip.compress(text([row(2)]))})
    assert report.lues == 2
    assert list(made[0]["housenumbers"]) == ["1", "2"]


@settings(max_examples=25, deadline=None)
@given(
    rows=st.permutations([row(n, v, lon=str(1 + n / 100)) for n in (1, 2, 3) for v in ("rue A", "rue B", 'rue "C"; D')])
)
def test_the_order_of_the_rows_changes_nothing(
    rows: list[dict[str, object]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    def quoted(r: dict[str, object]) -> dict[str, object]:
        return {k: '"' + str(v).replace('"', '""') + '"' for k, v in r.items()}

    folder = tmp_path_factory.mktemp("ban")
    made = [documents(folder, [quoted(r) for r in order])[1] for order in (rows, sorted(rows, key=str))]
    assert made[0] == made[1]
    assert {d["name"] for d in made[0]} == {"rue A", "rue B", 'rue "C"; D', "Valmorte"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"numero;voie\n1;rue\n", Problem.ENTETE_INATTENDU),
        (b"", Problem.ENTETE_INATTENDU),
        (text([row()]).replace(b";", b","), Problem.ENTETE_INATTENDU),
        (b"\x1f\x8bpas du gzip", Problem.CONTENEUR_INVALIDE),
        (gzip.compress(text([row(n) for n in range(20_000)]), mtime=0)[:-40], Problem.SOURCE_TRONQUEE),
        (text([row(1), row(2)]) + b"1;2;3\n", Problem.SOURCE_TRONQUEE),
        (text([]), Problem.TROP_PEU_DE_LIGNES),
        (text([row("x")]), Problem.TROP_PEU_DE_LIGNES),
        ("\n".join([";".join(CHAMPS), "\xe9" * 3]).encode("latin-1"), Problem.SOURCE_TRONQUEE),
    ],
)
def test_what_is_no_whole_extract_is_refused_and_nothing_is_written(
    content: bytes, problem: Problem, tmp_path: Path
) -> None:
    with pytest.raises(FeedError) as caught:
        documents(tmp_path, [], **{"adresses-99.csv.gz": content})
    assert caught.value.probleme is problem
    assert not (tmp_path / "documents.json").exists()


def test_a_file_that_is_not_there_is_said_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"rien\.csv introuvable"):
        write_documents([tmp_path / "rien.csv"], tmp_path / "d.json", tmp_path / "t")
