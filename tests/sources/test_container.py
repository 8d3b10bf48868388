"""Containers: recognised by content, one file chosen, hostile ones refused."""

from __future__ import annotations

import gzip
import io
import resource
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qpv_data.problems import FeedError, Problem
from qpv_data.sources.container import Kind, Limits, open_delivery, open_members, safe_name, sniff, verify


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in members:
            z.writestr(name, data)
    return out.getvalue()


def opened(tmp: Path, body: bytes, membre: str | None = None, limite: Limits | None = None, name: str = "l") -> Path:
    path = tmp / "arrivee" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body)
    return open_delivery(path, jeu="jeu", membre=membre, into=tmp / "ouvert", limite=limite or Limits())


def refused(tmp: Path, body: bytes, membre: str | None = None, limite: Limits | None = None) -> FeedError:
    with pytest.raises(FeedError) as caught:
        opened(tmp, body, membre, limite)
    assert caught.value.jeu == "jeu"
    assert not list(tmp.rglob("*.part"))
    return caught.value


# --- what it is -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (zipped(("a", b"")), Kind.ZIP),
        (zipped(), Kind.ZIP),
        (gzip.compress(b"", mtime=0), Kind.GZIP),
        (b"PAR1....PAR1", Kind.PARQUET),
        (b"SQLite format 3\x00...", Kind.SQLITE),
        (struct.pack(">i", 9994) + bytes(24), Kind.SHAPEFILE),
        (b"\xef\xbb\xbf <!DocType HTML>", Kind.HTML),
        (b"<html lang='fr'>", Kind.HTML),
        (b"<?xml version='1.0'?><kml>", Kind.XML),
        (b'\n {"type":', Kind.JSON),
        (b"[1]", Kind.JSON),
        (b"a;b\n1;2", Kind.TEXTE),
        ("é".encode("cp1252"), Kind.TEXTE),
        ("a;b".encode("utf-16"), Kind.TEXTE),
        (b"", Kind.TEXTE),
        (b"\x7fELF\x00", Kind.INCONNU),
    ],
)
def test_a_file_is_what_its_first_bytes_say(tmp_path: Path, head: bytes, kind: Kind) -> None:
    (tmp_path / "x.csv").write_bytes(head)
    assert sniff(tmp_path / "x.csv") is kind


@given(st.text())
def test_a_name_is_always_safe(text: str) -> None:
    name = safe_name(text)
    assert name == safe_name(name)
    assert 0 < len(name) <= 100
    assert not name.startswith(".")
    assert name.isascii()
    assert not set(name) & set('/\\:*?"<>| \0\n')


# --- which file -------------------------------------------------------------------------------------------


def test_a_bare_file_is_read_where_it_is_even_when_a_member_is_declared(tmp_path: Path) -> None:
    """The official GeoJSON became a ZIP one day; it may become a GeoJSON again."""
    assert opened(tmp_path, b"{}", "GEOJSON/*.geojson") == tmp_path / "arrivee" / "l"


def test_a_gzip_is_its_content(tmp_path: Path) -> None:
    got = opened(tmp_path, gzip.compress(b"a;b") + gzip.compress(b"\n1;2"), name="x.csv.gz")
    assert (got.name, got.read_bytes()) == ("x.csv", b"a;b\n1;2")


@pytest.mark.parametrize(
    "membre",
    ["GEOJSON/QP2024.geojson", "qp2024.GEOJSON", "*.geojson", "geojson/*", "QP????.geojson", "GEOJSON\\QP2024.geojson"],
)
def test_a_member_is_named_whole_or_by_its_last_part_in_any_case(tmp_path: Path, membre: str) -> None:
    got = opened(tmp_path, zipped(("GEOJSON/QP2024.geojson", b"{}"), ("lisez.txt", b"")), membre)
    assert (got.name, got.read_bytes()) == ("QP2024.geojson", b"{}")


def test_brackets_of_a_member_are_letters_not_a_class(tmp_path: Path) -> None:
    assert opened(tmp_path, zipped(("a[1].csv", b"x"), ("a1.csv", b"y")), "a[1].csv").read_bytes() == b"x"


def test_a_whole_name_wins_over_the_same_name_elsewhere(tmp_path: Path) -> None:
    assert opened(tmp_path, zipped(("a.csv", b"x"), ("vieux/a.csv", b"y")), "a.csv").read_bytes() == b"x"


def test_the_only_data_file_is_taken_whatever_surrounds_it(tmp_path: Path) -> None:
    body = zipped(
        ("__MACOSX/._a.csv", b""),
        ("doc/", b""),
        ("doc/a.pdf", b""),
        (".b.csv", b""),
        ("LISEZ.TXT", b""),
        ("a.CSV", b"x"),
    )
    assert opened(tmp_path, body).read_bytes() == b"x"


@pytest.mark.parametrize("membre", [None, "*.csv", "c.csv"])
def test_several_members_or_none_are_refused_with_their_list(tmp_path: Path, membre: str | None) -> None:
    error = refused(tmp_path, zipped(("a.csv", b""), ("b.csv", b"")), membre)
    assert error.probleme is Problem.CONTENEUR_INVALIDE
    assert "'a.csv', 'b.csv'" in error.message
    assert "source.membre" in error.remede


def test_an_archive_without_data_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zipped()).probleme is Problem.CONTENEUR_INVALIDE


def test_a_shapefile_comes_with_its_siblings_in_any_case(tmp_path: Path) -> None:
    body = zipped(*[(f"d/QP_é.{e}", e.encode()) for e in ("SHP", "dbf", "Shx", "prj", "sbn")], ("d/autre.dbf", b""))
    got = opened(tmp_path, body)
    assert sorted(p.name for p in got.parent.iterdir()) == ["QP_e.dbf", "QP_e.prj", "QP_e.shp", "QP_e.shx"]
    assert (got.read_bytes(), got.with_suffix(".shx").read_bytes()) == (b"SHP", b"Shx")


def test_a_shapefile_without_its_attributes_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, zipped(("a.shp", b""), ("a.shx", b"")))
    assert error.probleme is Problem.CONTENEUR_INVALIDE
    assert ".dbf" in error.message


@pytest.mark.parametrize("membre", [None, "*.csv", "b.csv"])
def test_one_nested_archive_is_opened(tmp_path: Path, membre: str | None) -> None:
    inner = zipped(("b.csv", b"x"))
    got = opened(tmp_path, zipped(("a.zip", inner), ("lisez.pdf", b"")), membre)
    assert got.read_bytes() == b"x"
    assert sum(p.is_file() for p in (tmp_path / "ouvert").rglob("*")) == 1


@pytest.mark.parametrize("membre", [None, "*.gz", "a.csv.gz"])
def test_a_gzip_in_a_zip_is_opened(tmp_path: Path, membre: str | None) -> None:
    got = opened(tmp_path, zipped(("a.csv.gz", gzip.compress(b"x"))), membre)
    assert (got.name, got.read_bytes()) == ("a.csv", b"x")


def test_opening_twice_gives_the_same_file(tmp_path: Path) -> None:
    body = zipped(("a.csv", b"x"))
    assert opened(tmp_path, body) == opened(tmp_path, body)


def test_a_delivery_is_never_unpacked_beside_itself(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(zipped(("a.csv", b"x")))
    with pytest.raises(ValueError, match="overwrite"):
        open_delivery(tmp_path / "a.csv", jeu="jeu", membre=None, into=tmp_path, limite=Limits())


def test_every_member_of_a_feed_of_several_files_is_given_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "gtfs.zip").write_bytes(zipped(("gtfs/stops.txt", b"s"), ("gtfs/trips.txt", b"t"), ("__MACOSX/x", b"")))
    got = open_members(tmp_path / "gtfs.zip", jeu="jeu", into=tmp_path / "o", limite=Limits())
    assert {name: path.read_bytes() for name, path in got.items()} == {"stops.txt": b"s", "trips.txt": b"t"}


@pytest.mark.parametrize("body", [zipped(("a/x.txt", b""), ("b/x.txt", b"")), b"stop_id\n1"])
def test_members_are_distinct_and_in_a_zip(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "gtfs.zip").write_bytes(body)
    with pytest.raises(FeedError) as caught:
        open_members(tmp_path / "gtfs.zip", jeu="jeu", into=tmp_path / "o", limite=Limits())
    assert caught.value.probleme is Problem.CONTENEUR_INVALIDE


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=2000), stored=st.booleans(), as_gzip=st.booleans())
def test_what_was_packed_comes_out(tmp_path: Path, data: bytes, stored: bool, as_gzip: bool) -> None:
    data = b"x" + data  # never itself an archive
    method = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    body = gzip.compress(data) if as_gzip else zipped(("a.csv", data), method=method)
    assert opened(tmp_path, body).read_bytes() == data


# --- hostile ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../a.csv", "/etc/a.csv", "x/../../a.csv", "..\\a.csv", "C:\\a.csv", "c:a.csv", "\\\\serveur\\a.csv"],
)
def test_a_name_that_leads_elsewhere_is_hostile(tmp_path: Path, name: str) -> None:
    assert refused(tmp_path, zipped((name, b"x"))).probleme is Problem.CONTENEUR_HOSTILE
    assert sorted(p.name for p in tmp_path.rglob("*") if p.is_file()) == ["l"]


def test_a_symbolic_link_is_hostile(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.csv")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    assert refused(tmp_path, zipped((link, b"/etc/passwd"))).probleme is Problem.CONTENEUR_HOSTILE


def test_an_encrypted_archive_is_hostile(tmp_path: Path) -> None:
    body = bytearray(zipped(("a.csv", b"x")))
    body[6] |= 1
    body[body.index(b"PK\x01\x02") + 8] |= 1
    assert refused(tmp_path, bytes(body)).probleme is Problem.CONTENEUR_HOSTILE


def test_too_many_entries_are_hostile(tmp_path: Path) -> None:
    body = zipped(*((f"{n}.csv", b"") for n in range(50)))
    assert refused(tmp_path, body, limite=Limits(entrees_max=49)).probleme is Problem.CONTENEUR_HOSTILE


def test_a_directory_that_would_fill_memory_is_hostile_before_it_is_loaded(tmp_path: Path) -> None:
    body = zipped(*((f"{n}-{'x' * 200}.csv", b"") for n in range(200)))
    error = refused(tmp_path, body, limite=Limits(entrees_max=60))
    assert (error.probleme, "répertoire" in error.message) == (Problem.CONTENEUR_HOSTILE, True)


@pytest.mark.parametrize("pack", [lambda b: zipped(("a.csv", b)), gzip.compress])
def test_a_bomb_is_stopped_by_its_size_and_by_its_ratio(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    body = pack(bytes(12_000_000))
    assert refused(tmp_path, body, limite=Limits(taille_max=1_000_000)).probleme is Problem.CONTENEUR_HOSTILE
    assert refused(tmp_path, body, limite=Limits(ratio_max=500)).probleme is Problem.CONTENEUR_HOSTILE
    assert opened(tmp_path, body, limite=Limits(ratio_max=500, ratio_des=20_000_000)).stat().st_size == 12_000_000


def test_sizes_are_counted_not_read_in_headers(tmp_path: Path) -> None:
    body = bytearray(zipped(("a.csv", bytes(3_000_000))))
    at = body.index(b"PK\x01\x02")
    body[at + 24 : at + 28] = struct.pack("<I", 10)
    assert refused(tmp_path, bytes(body)).probleme is Problem.CONTENEUR_INVALIDE
    body[at + 24 : at + 28] = struct.pack("<I", 2_000_000_000)
    assert refused(tmp_path, bytes(body), limite=Limits(taille_max=1_000_000)).probleme is Problem.CONTENEUR_HOSTILE


def test_a_nested_bomb_counts_with_what_wraps_it(tmp_path: Path) -> None:
    body = zipped(("a.zip", zipped(("a.csv", bytes(900_000)), method=zipfile.ZIP_STORED)))
    assert refused(tmp_path, body, limite=Limits(taille_max=1_000_000)).probleme is Problem.CONTENEUR_HOSTILE


def test_archives_in_archives_in_archives_are_hostile(tmp_path: Path) -> None:
    body = zipped(("a.zip", zipped(("b.zip", zipped(("c.csv", b"x"))))))
    assert refused(tmp_path, body).probleme is Problem.CONTENEUR_HOSTILE


def test_memory_stays_bounded_by_a_large_member(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (tmp_path / "a.gz").write_bytes(gzip.compress(bytes(200_000_000), 1))
    packed = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    open_delivery(tmp_path / "a.gz", jeu="jeu", membre=None, into=tmp_path / "o", limite=Limits())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - max(before, packed) < 20_000


def test_a_method_that_takes_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, zipped(("a.csv", b"x"), method=zipfile.ZIP_LZMA)).probleme is Problem.CONTENEUR_INVALIDE


@pytest.mark.parametrize("body", [zipped(("a.csv", bytes(range(256)) * 99)), gzip.compress(bytes(range(256)) * 99)])
def test_whatever_is_damaged_is_refused_by_name_and_never_by_a_traceback(tmp_path: Path, body: bytes) -> None:
    for at in range(4, len(body), 7):
        damaged = bytearray(body)
        damaged[at] ^= 0x55
        for candidate in (bytes(damaged), body[:at]):
            problem = outcome(tmp_path, candidate)
            assert problem in (None, Problem.CONTENEUR_INVALIDE, Problem.CONTENEUR_HOSTILE)
            assert problem is not None or candidate == bytes(damaged), "a truncated archive never passes"


def outcome(tmp: Path, body: bytes) -> Problem | None:
    """None when the content came out whole."""
    try:
        got = opened(tmp, body)
    except FeedError as e:
        return e.probleme
    assert got.read_bytes() == bytes(range(256)) * 99
    return None


# --- complete ---------------------------------------------------------------------------------------------


def test_a_container_is_read_to_its_end_before_it_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "x"
    for body in (zipped(("a", b"x"), ("b/", b"")), gzip.compress(b"x"), b"PAR1xxxxPAR1", b"a;b", b""):
        path.write_bytes(body)
        verify(path, jeu="jeu", limite=Limits())
    for body in (zipped(("a", b"x" * 99))[:-9], gzip.compress(b"x")[:-1], b"PAR1xxxxxxxxx", b"PAR1"):
        path.write_bytes(body)
        with pytest.raises(FeedError) as caught:
            verify(path, jeu="jeu", limite=Limits())
        assert caught.value.probleme is Problem.CONTENEUR_INVALIDE
