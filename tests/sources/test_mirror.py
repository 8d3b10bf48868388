"""Mirrors: public addresses answered from local files, and from nothing else."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from qpv_data.fetch import FetchPolicy, fetch
from qpv_data.problems import FeedError, InvalidDeclarationError, Problem
from qpv_data.resources import referentials_dir
from qpv_data.sources.container import Kind, Limits, open_delivery, sniff
from qpv_data.sources.mirror import Mirror

Write = Callable[[str, bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def writing(name: str, body: bytes) -> Path:
        path = tmp_path / "miroir" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        return path

    (tmp_path / "miroir").mkdir()
    return writing


def table(*lines: str) -> bytes:
    return "\n".join(["# un commentaire", "url;fichier", *lines, ""]).encode()


def answers(mirror: Mirror, *urls: str) -> list[tuple[int, bytes]]:
    with mirror.serve() as session:
        got = [requests.get(session.address(url), timeout=5) for url in urls]
    return [(g.status_code, g.content) for g in got]


def test_a_table_maps_addresses_to_files_query_included(tmp_path: Path, write: Write) -> None:
    write("a/velo.json", b"[1]")
    write("b.csv", b"b")
    write("miroir.csv", table("https://api.example/v1?contract=Toulouse&x=é%20;a/velo.json", "http://x.example;b.csv"))
    mirror = Mirror.open(tmp_path / "miroir", [])
    assert answers(
        mirror,
        "https://api.example/v1?contract=Toulouse&x=é%20",
        "HTTPS://moi:mdp@API.example:443/v1?contract=Toulouse&x=é%20#ancre",
        "https://api.example/v1?contract=Lyon",
        "https://api.example/v1",
        "http://api.example/v1?contract=Toulouse&x=é%20",
        "http://x.example/",
    ) == [(200, b"[1]"), (200, b"[1]"), (404, b""), (404, b""), (404, b""), (200, b"b")]


def test_after_the_tables_comes_the_layout_host_then_path(tmp_path: Path, write: Write) -> None:
    write("donnees.example/2024/T3/été.csv", b"x")
    write("donnees.example/api?periode=2024-T3", b"q")
    write("donnees.example:8080/a", b"p")
    mirror = Mirror.open(tmp_path / "miroir", [])
    assert answers(
        mirror,
        "https://donnees.example/2024/T3/%C3%A9t%C3%A9.csv",
        "https://donnees.example/2024/T3/été.csv",
        "https://donnees.example/api?periode=2024-T3",
        "https://donnees.example/api?periode=2024-T4",
        "http://donnees.example:8080/a",
        "https://donnees.example/2024/T3",
        "https://donnees.example/2024/T3/",
        "https://donnees.example/" + "x" * 400,
    ) == [(200, b"x"), (200, b"x"), (200, b"q"), (404, b""), (200, b"p"), (404, b""), (404, b""), (404, b"")]


def test_the_folder_s_own_table_comes_before_the_project_s_and_both_before_the_layout(
    tmp_path: Path, write: Write
) -> None:
    for name, body in {"own": b"own", "project": b"project", "d.example/both": b"layout", "d.example/c": b"c"}.items():
        write(name, body)
    write("miroir.csv", table("https://d.example/both;own"))
    project = tmp_path / "projet.csv"
    project.write_bytes(
        table("https://d.example/both;project", "https://d.example/b;project", "https://d.example/c;nul")
    )
    mirror = Mirror.open(tmp_path / "miroir", [project])
    urls = [f"https://d.example/{name}" for name in ("both", "b", "c")]
    assert answers(mirror, *urls) == [(200, b"own"), (200, b"project"), (200, b"c")]


def test_a_table_given_by_itself_is_relative_to_its_folder(tmp_path: Path, write: Write) -> None:
    write("x/a.csv", b"a")
    write("d.example/b", b"b")
    path = write("x/table.csv", b"\xef\xbb\xbf" + table("https://d.example/a;a.csv"))
    assert answers(Mirror.open(path), "https://d.example/a", "https://d.example/b") == [(200, b"a"), (404, b"")]


def test_a_wildcard_is_one_zip_always_the_same(tmp_path: Path, write: Write) -> None:
    for suffix in ("shp", "dbf", "shx"):
        write(f"q/QP_M.{suffix}", suffix.encode())
    write("q/QP_N.shp", b"")
    write("miroir.csv", table("https://d.example/qp;q/QP_M.*", "https://d.example/rien;q/ZZ.*"))
    bodies = []
    for _ in range(2):
        (first, body), (absent, _) = answers(
            Mirror.open(tmp_path / "miroir", []), "https://d.example/qp", "https://d.example/rien"
        )
        assert (first, absent) == (200, 404)
        bodies.append(body)
        os.utime(tmp_path / "miroir/q/QP_M.shp", (time.time() + 9, time.time() + 9))
    assert bodies[0] == bodies[1]
    (tmp_path / "z.zip").write_bytes(bodies[0])
    with zipfile.ZipFile(tmp_path / "z.zip") as z:
        assert {i.filename: z.read(i) for i in z.infolist()} == {
            "QP_M.dbf": b"dbf",
            "QP_M.shp": b"shp",
            "QP_M.shx": b"shx",
        }
        assert z.namelist() == sorted(z.namelist())


def test_every_fault_of_every_table_is_listed_with_its_line(tmp_path: Path, write: Write) -> None:
    (tmp_path / "secret").write_text("s")
    (tmp_path / "miroir/lien").symlink_to(tmp_path / "secret")
    lines = [
        "https://d.example/a;../secret",
        "https://d.example/b;/etc/passwd",
        "https://d.example/c;lien",
        "https://d.example/d;x/../../secret",
        "https://d.example/e;..\\secret",
        "https://d.example/f;*/secret",
        "https://d.example/g;li*",
        "ftp://d.example/h;a",
        "https://d.example/i",
        "https://d.example/j;",
        "https://d.example/k;a;b",
        "https://d.example/ok;a",
        "https://D.example/ok;b",
        "https://d.example/l;C:\\a",
    ]
    write("miroir.csv", table(*lines))
    empty = tmp_path / "vide.csv"
    empty.write_text("adresse,fichier\n")
    binary = tmp_path / "binaire.csv"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidDeclarationError) as caught:
        Mirror.open(tmp_path / "miroir", [empty, binary])
    faults = caught.value.violations
    assert [v.ligne for v in faults if v.fichier.endswith("miroir.csv")] == [*range(3, 14), 15, 16]
    assert {v.probleme for v in faults} == {Problem.VALEUR_INVALIDE, Problem.DOUBLON}
    assert sum(v.fichier.endswith(("vide.csv", "binaire.csv")) for v in faults) == 2


def test_a_table_may_say_the_day_when_a_file_was_there_and_nothing_else_does(tmp_path: Path, write: Write) -> None:
    for name in ("a.csv", "q1.csv", "q2.csv", "d.example/c.csv"):
        write(name, b"contenu")
    lines = [
        "https://d.example/a;a.csv;2024-03-31",
        "https://d.example/q;q*.csv;2024-07-01",
        "https://d.example/b;a.csv;",
    ]
    write("miroir.csv", ("url;fichier;disponible_le\n" + "\n".join(lines) + "\n").encode())
    said = {}
    with Mirror.open(tmp_path / "miroir", []).serve() as session:
        for name in "aqbc":
            url = f"https://d.example/{name}{'.csv' if name == 'c' else ''}"
            got = requests.get(session.address(url), timeout=10)
            assert got.status_code == 200
            said[name] = got.headers.get("Last-Modified")
    assert said == {"a": "Sun, 31 Mar 2024 00:00:00 GMT", "q": "Mon, 01 Jul 2024 00:00:00 GMT", "b": None, "c": None}


def test_a_day_that_cannot_be_read_is_a_fault_of_its_line(tmp_path: Path, write: Write) -> None:
    lines = [
        "https://d.example/a;a.csv;31/03/2024",
        "https://d.example/b;b.csv",
        "https://d.example/c;c.csv;2024-03-31",
    ]
    write("miroir.csv", ("url;fichier;disponible_le\n" + "\n".join(lines) + "\n").encode())
    with pytest.raises(InvalidDeclarationError) as caught:
        Mirror.open(tmp_path / "miroir", [])
    assert [v.ligne for v in caught.value.violations] == [2, 3]


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidDeclarationError, match="ni un dossier ni une table"):
        Mirror.open(tmp_path / "absent")


@pytest.mark.parametrize(
    "url",
    [
        "https://../secret",
        "https://d.example/../../secret",
        "https://d.example/%2e%2e/%2e%2e/secret",
        "https://d.example/..%2f..%2fsecret",
        "https://d.example/..\\..\\secret",
        "https://d.example/lien",
        "https://d.example/dossier/secret",
        "https://d.example/a%00",
        "https://d.example//a",
        "https:///a",
        "/etc/passwd",
        "file:///etc/passwd",
        "https://[mal/a",
        "",
    ],
)
def test_nothing_outside_the_folder_is_ever_served(tmp_path: Path, write: Write, url: str) -> None:
    (tmp_path / "secret").write_text("s")
    write("d.example/a", b"a")
    (tmp_path / "miroir/d.example/lien").symlink_to(tmp_path / "secret")
    (tmp_path / "miroir/d.example/dossier").symlink_to(tmp_path)
    assert answers(Mirror.open(tmp_path / "miroir", []), url) == [(404, b"")]


def test_a_link_that_leads_outside_after_the_table_was_read_is_absent(tmp_path: Path, write: Write) -> None:
    (tmp_path / "secret").write_text("s")
    file = write("a", b"a")
    write("miroir.csv", table("https://d.example/a;a"))
    mirror = Mirror.open(tmp_path / "miroir", [])
    file.unlink()
    file.symlink_to(tmp_path / "secret")
    assert answers(mirror, "https://d.example/a") == [(404, b"")]


def test_a_folder_reached_by_a_link_and_links_within_it_are_served(tmp_path: Path, write: Write) -> None:
    write("a", b"a")
    (tmp_path / "miroir/b").symlink_to(tmp_path / "miroir/a")
    write("miroir.csv", table("https://d.example/b;b"))
    (tmp_path / "lien").symlink_to(tmp_path / "miroir")
    assert answers(Mirror.open(tmp_path / "lien", []), "https://d.example/b") == [(200, b"a")]


def test_fetching_through_a_mirror_is_fetching(tmp_path: Path, write: Write) -> None:
    write("d.example/jeu.csv", b"a;b\n")
    with Mirror.open(tmp_path / "miroir", []).serve() as session:
        got = fetch(
            "https://d.example/jeu.csv", jeu="j", into=tmp_path / "w", policy=FetchPolicy(), transport=session.address
        )
        with pytest.raises(FeedError) as caught:
            fetch("https://d.example/x", jeu="j", into=tmp_path / "w", policy=FetchPolicy(), transport=session.address)
    assert (got.url, got.nom_fichier) == ("https://d.example/jeu.csv", "jeu.csv")
    assert got.etag == f'"{hashlib.sha256(b"a;b" + bytes([10])).hexdigest()}"'
    assert caught.value.probleme is Problem.SOURCE_ABSENTE


def test_the_project_s_own_tables_are_well_formed(tmp_path: Path) -> None:
    tables = sorted((referentials_dir() / "miroirs").glob("*.csv"))
    assert tables
    Mirror.open(tmp_path)


@pytest.mark.reel
def test_every_address_of_toulouse_is_answered_from_the_real_data(donnees_reelles: Path, tmp_path: Path) -> None:
    lines = (referentials_dir() / "miroirs" / "toulouse.csv").read_text("utf-8").splitlines()
    urls = [line.split(";")[0] for line in lines if line.startswith("http")]
    assert len(urls) >= 10
    with Mirror.open(donnees_reelles).serve() as session:
        for url in urls:
            got = fetch(url, jeu="j", into=tmp_path / "w", policy=FetchPolicy(), transport=session.address)
            if sniff(got.path) is Kind.ZIP:
                membre = "QP_METROPOLE_LB93.shp"
                shp = open_delivery(got.path, jeu="j", membre=membre, into=tmp_path / "o", limite=Limits())
                assert sniff(shp) is Kind.SHAPEFILE
