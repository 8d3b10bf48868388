"""Jobs that travel: what a worker is told, what it may write, and what is refused when it comes back."""

from __future__ import annotations

import pickle
from pathlib import Path

import fsspec
import pytest
from lacs import Pool

from qpv_data.grappe.crew import Cluster
from qpv_data.grappe.exchange import Exchange
from qpv_data.grappe.parcels import Parcel, UnreachableError, parcel, work
from qpv_data.grappe.shared import Shared
from qpv_data.jobs import Job
from qpv_data.problems import Problem
from qpv_data.runs import RunError


def echo(said: str, lu: Path, ecrit: Path, travail: Path) -> str:
    ecrit.write_bytes(lu.read_bytes() + said.encode())
    return said


def job(tmp_path: Path) -> Job:
    (tmp_path / "lu.txt").write_bytes(b"un ")
    paths = {"lu": tmp_path / "lu.txt"}, {"ecrit": tmp_path / "lac" / "ecrit.parquet"}
    return Job("essai", "jeu", "", echo, {"said": "deux"}, *paths)


def test_a_worker_writes_nothing_in_the_lake_and_what_it_answers_is_put_there_whole(tmp_path: Path) -> None:
    asked, way = job(tmp_path), Exchange("memory://un")
    given = pickle.loads(pickle.dumps(parcel(asked, way)))
    assert str(tmp_path) not in repr(given.job), "a worker is not told where the lake is"
    done = work(given, tmp_path / "ouvrier")
    assert not (tmp_path / "lac").exists()
    (written,) = done.written
    way.take(written.lieu, tmp_path / "lac" / written.nom)
    assert (tmp_path / "lac" / "ecrit.parquet").read_bytes() == b"un deux"
    assert [p.name for p in (tmp_path / "lac").iterdir()] == ["ecrit.parquet"]


def test_the_same_bytes_are_sent_once(tmp_path: Path) -> None:
    asked, way = job(tmp_path), Exchange("memory://deux")
    for _ in range(3):
        done = work(parcel(asked, way), tmp_path / "ouvrier")
    fs, root = fsspec.core.url_to_fs(way.url)
    assert len(fs.ls(root)) == 2
    (written,) = done.written
    (tmp_path / "lu.txt").write_bytes(b"un deux")
    parcel(asked, way)
    assert len(fs.ls(root)) == 2, "what a worker wrote is already there"
    with fs.open(f"{root}/{written.lieu}", "wb") as sink:
        sink.write(b"autre")
    with pytest.raises(UnreachableError):
        way.take(written.lieu, tmp_path / "lac" / "ecrit.parquet")
    assert not (tmp_path / "lac" / "ecrit.parquet").exists()


def test_a_worker_with_other_code_or_another_folder_refuses_the_work(tmp_path: Path) -> None:
    asked = job(tmp_path)
    given = parcel(asked, Shared(tmp_path / "travail"))
    other = Parcel(given.job, given.way, given.sent, "autre")
    elsewhere = Parcel(given.job, Shared(tmp_path / "ailleurs"), given.sent, given.logiciel)
    for one, said in ((other, "logiciel"), (elsewhere, "ne voit pas")):
        done = work(one, tmp_path / "ouvrier")
        assert done.unfit is not None
        assert said in done.unfit[0]
        pool = Pool(tmp_path / "ouvrier")
        pool.done[0] = done
        with pytest.raises(RunError) as refused:
            Cluster(pool, Shared(tmp_path / "travail"))._settled(asked, done)
        assert refused.value.probleme is Problem.GRAPPE_INDISPONIBLE


def test_a_file_that_arrives_changed_is_not_kept(tmp_path: Path) -> None:
    asked, way = job(tmp_path), Shared(tmp_path / "travail")
    done = work(parcel(asked, way), tmp_path / "ouvrier")
    Path(done.written[0].lieu).write_bytes(b"un de")
    with pytest.raises(RunError, match="altéré"):
        Cluster(Pool(tmp_path), way)._settled(asked, done)
    assert not (tmp_path / "lac" / "ecrit.parquet").exists()
