"""The snippets of docs/lire-par-http.md run as they are written, on a static server that counts what it gives."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from docs.lire_la_doc import REPOSITORY, steps
from fsspec.implementations.http import HTTPFileSystem
from publication import COMMENTS, internal

from benchmarks.serveur_http import Served, serving
from qpv_data.exports.folder import AudienceFolder
from qpv_data.exports.parquet import write_table
from qpv_data.exports.series import write_series

PAGE = REPOSITORY / "docs" / "lire-par-http.md"
ADDRESS = "https://donnees.exemple.fr"
RELEASE = "2024-T4-r1"
ZONE = "code_zone = 'QN09901I' AND modalite = 'ensemble'"


class Web(HTTPFileSystem):  # type: ignore[misc]
    """What DuckDB also asks of a file system: it forgets what it cached of a file when this changes."""

    def modified(self, path: str) -> datetime:
        return datetime(2025, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def site(demonstration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a server of files has: the pointer, and the release that it names."""
    root = tmp_path_factory.mktemp("site")
    folder = AudienceFolder(root / "releases" / RELEASE / "ouvert")
    folder.dossier.mkdir(parents=True)
    (folder.dossier / "valeurs").symlink_to(internal(demonstration).dossier / "valeurs")
    write_series(folder, root / "travail", COMMENTS)
    pointer = {"publication": RELEASE, "dossier": RELEASE}
    (root / "releases" / "stable.json").write_text(json.dumps(pointer))
    return root


@pytest.fixture
def served(site: Path) -> Iterator[Served]:
    with serving(site) as found:
        yield found


def snippet(kind: Literal["file", "query"], served: Served) -> str:
    """The Python or the SQL of the page, with the address of the server in place of the imaginary one."""
    (text,) = (s.text for s in steps(PAGE) if s.kind == kind)
    return text.replace(ADDRESS, served.adresse)


def expected(site: Path) -> tuple[list[Any], list[Any]]:
    """The profile and the series, read from the files."""
    values = f"read_parquet('{site}/releases/{RELEASE}/ouvert/valeurs/*/*/*.parquet', hive_types_autocast = false)"
    said = "valeur, statut_observation, statut_diffusion"
    here = f"FROM {values} WHERE zonage = 'qpv2024' AND {ZONE}"
    profile = duckdb.sql(f"SELECT indicateur, {said} {here} AND periode = '2024-T4' ORDER BY 1").fetchall()
    one = f"{here} AND indicateur = 'demo_etablissements_actifs'"
    return profile, duckdb.sql(f"SELECT periode, {said} {one} ORDER BY 1").fetchall()


def rows(table: pa.Table) -> list[Any]:
    return [tuple(r.values()) for r in table.to_pylist()]


def test_the_python_of_the_page_reads_the_profile_and_the_series(site: Path, served: Served) -> None:
    names: dict[str, Any] = {}
    exec(snippet("file", served), names)
    profile, series = expected(site)
    assert len(profile) > 10
    assert len(series) == 4
    assert (rows(names["profil"]), rows(names["serie"])) == (profile, series)
    assert served.chemins.count("/releases/stable.json") == 1
    assert {p.split("/")[2] for p in served.chemins} == {"stable.json", RELEASE}


def test_the_sql_of_the_page_says_the_same(site: Path, served: Served) -> None:
    """Through fsspec in place of `httpfs`, an extension that is downloaded: the queries are the page's."""
    with duckdb.connect() as con:
        con.register_filesystem(Web(cache_type="none"))
        statements = con.extract_statements(snippet("query", served))
        pointer, *queries = statements
        con.execute(pointer)
        time.sleep(0.5)  # the server notes a request once it is answered
        asked = served.chemins.count("/releases/stable.json")
        assert tuple(con.execute(q).fetchall() for q in queries) == expected(site)
        assert served.chemins.count("/releases/stable.json") == asked


def test_a_zone_is_read_without_the_rest_of_its_file(tmp_path: Path) -> None:
    zones, per_zone = 300, 700
    codes = [f"QN{n // per_zone:05d}A" for n in range(zones * per_zone)]
    table = pa.table({"code_zone": codes, "valeur": [float(n * 2654435761 % 2**32) for n in range(len(codes))]})
    write_table(table, tmp_path / "valeurs.parquet", "valeurs", {})
    with serving(tmp_path) as served:
        web = fsspec.filesystem("http", cache_type="none")
        with web.open(f"{served.adresse}/valeurs.parquet") as file:
            found = pq.read_table(file, filters=[("code_zone", "==", codes[-1])])
        assert found.num_rows == per_zone
        assert served.octets < (tmp_path / "valeurs.parquet").stat().st_size / 4
        assert len(served.chemins) == 3, "its size, its footer, its row group"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [("bytes=2-4", b"234"), ("bytes=7-", b"789"), ("bytes=-2", b"89"), ("bytes=8-100", b"89"), (None, b"0123456789")],
)
def test_the_server_gives_the_bytes_that_are_asked_for(tmp_path: Path, asked: str | None, answer: bytes) -> None:
    import requests

    (tmp_path / "chiffres").write_bytes(b"0123456789")
    with serving(tmp_path) as served:
        headers = {"Range": asked} if asked else {}
        found = requests.get(f"{served.adresse}/chiffres", headers=headers, timeout=10)
        assert (found.content, served.octets) == (answer, len(answer))
        assert found.status_code == (206 if asked else 200)
        assert requests.get(f"{served.adresse}/../chiffre", timeout=10).status_code == 404
