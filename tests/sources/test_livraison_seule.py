"""A delivery that is one file, brought together by SQL: its rows are grouped, and what was received is left alone."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest
from feeds import clause, column

from qpv_data.problems import FeedError, Problem
from qpv_data.sources.container import Limits
from qpv_data.sources.members import member_rows

QUERY = (
    "-- une ligne par a\n-- membre livraison : a, b\nSELECT a, sum(CAST(b AS INTEGER)) AS b FROM livraison GROUP BY a\n"
)
DATA = "a,b,c\né1,2,x\né2,3,x\né1,4,x\n"


@pytest.fixture
def query(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    folder = tmp_path / "sql" / "conformer"
    folder.mkdir(parents=True)
    (folder / "grouper.sql").write_text(QUERY, "utf-8")
    monkeypatch.setattr("qpv_data.sources.members.sql_dir", lambda: tmp_path / "sql")
    return "grouper.sql"


def zipped(data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("un fichier quelconque.csv", data)
    return sink.getvalue()


@pytest.mark.parametrize("wrapped", [bytes, gzip.compress, zipped])
@pytest.mark.parametrize("encodage", ["utf-8", "cp1252"])
def test_one_file_is_the_member_livraison_whatever_it_comes_in(
    query: str, tmp_path: Path, wrapped: object, encodage: str
) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    delivery = raw / "0123abcd"
    delivery.write_bytes(wrapped(DATA.encode(encodage)))  # type: ignore[operator]
    before = delivery.read_bytes()
    feed = clause(
        [column("a"), column("b", "entier")], format={"separateur": ",", "encodage": encodage}, conformation=query
    )
    batches = list(member_rows(feed, delivery, tmp_path / "travail", Limits(), feed.colonnes))
    rows = sorted((r["a"], r["b"]) for b in batches for r in b.to_pylist())
    assert rows == [("é1", "6"), ("é2", "3")]
    # In another encoding a copy is made, and never beside what was received.
    assert [p.name for p in raw.iterdir()] == ["0123abcd"]
    assert delivery.read_bytes() == before


def test_a_file_without_the_columns_is_refused(query: str, tmp_path: Path) -> None:
    delivery = tmp_path / "fichier"
    delivery.write_bytes(b"a,z\n1,2\n")
    feed = clause([column("a"), column("b", "entier")], format={"separateur": ","}, conformation=query)
    with pytest.raises(FeedError) as caught:
        list(member_rows(feed, delivery, tmp_path / "travail", Limits(), feed.colonnes))
    assert caught.value.probleme is Problem.ENTETE_INATTENDU
