"""Names, addresses and identifiers are sown in feeds, badly made ones too; then everything that a run wrote is searched.

Outside the raw store nothing of them may be found: not in a record, a reject, a scratch file, a database, a log, an
error, nor on the terminal; through Prefect neither (tests/flows/test_publication.py).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from semis import (
    ADDRESSES,
    NAMES,
    NUMBERS,
    SECRETS,
    found,
    leaks,
    sown,
)

from qpv_data import engine, pipeline


def test_the_search_finds_what_is_sown(tmp_path: Path) -> None:
    """Else it would prove nothing: in a text, a Parquet, an Arrow file and a base."""
    table = pa.table({"a": [NAMES[1], NUMBERS[0]]})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    with pa.ipc.new_file(tmp_path / "a.arrow", table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as file:
        file.write_table(table)
    with duckdb.connect(str(tmp_path / "a.duckdb")) as con:
        con.register("vue", table)
        con.execute("CREATE TABLE t AS SELECT * FROM vue")
    (tmp_path / "a.log").write_text(ADDRESSES[0], "latin-1")
    told = "\n".join(leaks(tmp_path))
    for name in ("a.parquet", "a.arrow", "a.duckdb:t", "a.log"):
        assert f"dans {name}" in told


def test_a_run_lets_nothing_of_a_person_out_of_the_raw_store(tmp_path: Path) -> None:
    mini = sown(tmp_path / "projet")
    done = mini.cli()
    assert done.returncode == 0, done.stderr
    assert found("terminal", (done.stdout + done.stderr).encode()) == []
    assert leaks(mini.out) == []
    told = json.loads((mini.out / "rapports/sans_entete").glob("*.json").__next__().read_text("utf-8"))
    assert told["probleme"] == "entete_inattendu", "a file without a header is refused, and says so to its producer"
    first = (mini.out / "journal/sans_entete.jsonl").read_text("utf-8").splitlines()[0]
    assert json.loads(first)["entete"] == [f"(inattendue {n})" for n in range(1, 10)]
    assert (mini.out / "rejets/plancher/unique.refusee.parquet").exists()
    assert json.loads((mini.out / "journal/classeur.jsonl").read_text("utf-8"))["probleme"] == "format_inattendu"
    raw = b"".join(p.read_bytes() for p in (mini.out / "raw").rglob("*") if p.is_file())
    assert all(secret.encode() in raw for secret in SECRETS), "what was received is kept as it was"
    for ident in ("bonne", "gz", "zip"):
        made = pq.read_table(mini.out / f"conformed/{ident}/unique.parquet").to_pylist()
        assert len(made) >= 12
        assert len({r["menage"] for r in made}) == 2
        rejects = pq.read_table(mini.out / f"rejets/{ident}/unique.parquet").to_pylist()
        assert len(rejects) >= 6
        assert {r["valeur"] for r in rejects} == {None}


def test_scratch_files_hold_nothing_of_a_person_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mini = sown(tmp_path / "projet")
    kept, remove = tmp_path / "garde", shutil.rmtree

    def keeping(path: Any, *args: Any, **more: Any) -> None:
        if Path(path).exists() and mini.out / "raw" not in Path(path).parents:
            shutil.copytree(path, kept / str(len(list(kept.iterdir())) if kept.exists() else 0))
        remove(path, *args, **more)

    monkeypatch.setattr(engine.shutil, "rmtree", keeping)
    told: list[str] = []
    pipeline.run(mini.configuration(), lambda progress: told.append(repr(progress)))
    assert found("messages", "\n".join(told).encode()) == []
    assert any(p.name == "juges.arrow" for p in kept.rglob("*")), "the scratch files were kept"
    assert leaks(kept) == []
    assert leaks(mini.out) == []


def test_private_folders_are_their_owner_s_and_the_raw_store_is_left_clean(tmp_path: Path) -> None:
    mini = sown(tmp_path / "projet")
    (mini.out / "conformed").mkdir(parents=True, mode=0o755)
    mini.run()
    for name in ("raw", "conformed", "rejets", "located", "aggregated", "cles"):
        assert (mini.out / name).stat().st_mode & 0o777 == 0o700, name
    for path in [
        *(mini.out / "conformed").rglob("*.parquet"),
        *(mini.out / "rejets").rglob("*.parquet"),
        *(mini.out / "cles").iterdir(),
    ]:
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert not (mini.out / "raw/.arrivee").exists()
    left = [p for p in (mini.out / "raw").rglob("*.csv") if p.name == "locataires.csv"]
    assert left == [], "an archive that was opened is closed"
