"""An index kept on disk answers as the one it was made from; a file that is anything else is made again, never trusted."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import shapely

from qpv_data.grid import store
from qpv_data.grid.index import Grid
from qpv_data.grid.store import Stored, digest_of, save_index
from qpv_data.grid.zone_index import ZoneIndex, index_zones

HERE = Path(__file__).parent
DIGEST = "5a" * 32


def some_index(seed: int = 1, apart: float = 1e8) -> ZoneIndex:
    """Overlapping stars with awkward corners, in two territories far enough to have a layer each."""
    rng = np.random.default_rng(seed)
    centres = np.concatenate([rng.uniform(0, 3000, (8, 2)), apart + rng.uniform(0, 3000, (8, 2))])
    angle = np.linspace(0, 2 * np.pi, 24)[:-1]
    stars = []
    for cx, cy in centres:
        radius = rng.uniform(200, 700, len(angle))
        stars.append(shapely.Polygon(np.column_stack([cx + radius * np.cos(angle), cy + radius * np.sin(angle)])))
    return index_zones([f"Z{n:02d}" for n in range(len(stars))], np.array(stars, dtype=object))


def some_points(apart: float = 1e8) -> tuple[Any, Any]:
    rng = np.random.default_rng(9)
    xy = np.concatenate([rng.uniform(-800, 3800, (3000, 2)), apart + rng.uniform(-800, 3800, (3000, 2))])
    return xy[:, 0].copy(), xy[:, 1].copy()


def answers(index: ZoneIndex) -> list[list[int]]:
    x, y = some_points()
    return [a.tolist() for ask in (index.first, index.every) for a in ask(x, y, index.judge())]


def same(one: ZoneIndex, other: ZoneIndex) -> bool:
    """Every array, number and code the same, and of the same type."""
    assert one.codes == other.codes
    assert list(one.wkb()) == list(other.wkb())
    assert len(one.layers) == len(other.layers)
    for a, b in zip(one.layers, other.layers, strict=True):
        pairs = [(a.zones, b.zones)] + [(getattr(a.grid, f.name), getattr(b.grid, f.name)) for f in fields(Grid)]
        for left, right in pairs:
            if isinstance(left, np.ndarray):
                assert left.dtype == right.dtype
                assert left.shape == right.shape
                assert (left == right).all()
            else:
                assert left == right
    return True


def cached(digest: str, make: Callable[[], ZoneIndex], directory: Path) -> ZoneIndex:
    """The index kept under `digest`, with a word beside it that must come back as well."""
    stored = store.cached(digest, lambda: Stored(make(), {"mot": "gardé"}), directory)
    assert stored.said == {"mot": "gardé"}
    return stored.index


def load_index(path: Path) -> ZoneIndex:
    return store.load_index(path).index


class Making:
    """A `make` that counts how many times it was called."""

    def __init__(self, index: ZoneIndex | None = None) -> None:
        self.index, self.times = index or some_index(), 0

    def __call__(self) -> ZoneIndex:
        self.times += 1
        return self.index


def kept_file(folder: Path) -> Path:
    (found,) = folder.glob("grille-*.arrow")
    return found


@pytest.mark.parametrize(
    "make",
    [
        some_index,
        lambda: some_index(apart=10.0),
        lambda: index_zones(["seule"], np.array([shapely.box(0, 0, 1, 1)])),
        lambda: index_zones([], np.array([], dtype=object)),
        lambda: index_zones(["é ü", "漢"], shapely.box([0, -179.9], [0, -89.9], [1, 179.9], [1, 89.9])),
    ],
    ids=["deux territoires", "un seul", "une zone", "aucune", "codes et degrés"],
)
def test_what_is_read_back_is_what_was_kept_in_every_array(tmp_path: Path, make: Callable[[], ZoneIndex]) -> None:
    index = make()
    save_index(index, tmp_path / "a.arrow")
    assert same(index, load_index(tmp_path / "a.arrow"))


def test_a_kept_index_is_read_and_not_made_again(tmp_path: Path) -> None:
    making = Making()
    first, second = cached(DIGEST, making, tmp_path), cached(DIGEST, making, tmp_path)
    assert making.times == 1
    assert same(first, making.index)
    assert same(second, making.index)
    assert answers(second) == answers(making.index)
    assert [f.suffix for f in tmp_path.iterdir()] == [".arrow"]  # nothing temporary is left


def test_arrays_read_back_cannot_be_written(tmp_path: Path) -> None:
    index = cached(DIGEST, some_index, tmp_path)
    with pytest.raises(ValueError, match="read-only"):
        index.layers[0].grid.fine[0] = 7


def _made_again(folder: Path, spoil: Callable[[Path], None]) -> None:
    """After `spoil`, the index is made again, the answer is right and so is the file."""
    making = Making()
    cached(DIGEST, making, folder)
    spoil(kept_file(folder))
    index = cached(DIGEST, making, folder)
    assert making.times == 2
    assert answers(index) == answers(making.index)
    assert same(load_index(kept_file(folder)), making.index)


@pytest.mark.parametrize("kept", [0.0, 0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_made_again(tmp_path: Path, kept: float) -> None:
    def cut(path: Path) -> None:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(len(whole) * kept)])

    _made_again(tmp_path, cut)


FOREIGN: dict[str, Callable[[], bytes]] = {
    "texte": lambda: b"code;nom\n1;2\n" * 500,
    "zeros": lambda: bytes(100_000),
    "arrow sans entete": lambda: arrow({"a": [1, 2]}, None),
    "arrow d'un autre": lambda: arrow({"a": [1, 2]}, {"pandas": "{}"}),
    "entete qui n'est pas du json": lambda: arrow({"a": [1]}, {"qpv": "{version"}),
    "entete sans version": lambda: arrow({"a": [1]}, {"qpv": "{}"}),
    "entete d'un autre type": lambda: arrow({"a": [1]}, {"qpv": "[1, 2]"}),
    "autre version": lambda: arrow({"a": [1]}, {"qpv": json.dumps({"version": -1, "frames": []})}),
    "sans colonnes": lambda: arrow({"a": [1]}, {"qpv": json.dumps({"version": store.VERSION, "frames": []})}),
    "colonnes d'un autre type": lambda: arrow(
        {"codes": [1], "wkb": [2]}, {"qpv": json.dumps({"version": store.VERSION, "frames": []})}
    ),
    "aucune ligne": lambda: arrow({"codes": []}, {"qpv": json.dumps({"version": store.VERSION, "frames": []})}),
    "cadre d'un autre type": lambda: arrow(
        {"codes": [["a"]], "wkb": [[b"a"]]}, {"qpv": json.dumps({"version": store.VERSION, "frames": [{"zones": 1}]})}
    ),
}


def arrow(columns: dict[str, list[Any]], metadata: dict[str, str] | None) -> bytes:
    table = pa.table(columns).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_file_under_its_name_is_made_again(tmp_path: Path, what: str) -> None:
    _made_again(tmp_path, lambda path: path.write_bytes(FOREIGN[what]()) and None)


def test_the_index_of_other_perimeters_under_its_name_is_not_believed(tmp_path: Path) -> None:
    """Valid in all things, but of other contents: a copy, a rename, a folder restored wrongly."""
    other = tmp_path / "autre"
    cached("b" * 64, lambda: some_index(seed=2), other)
    _made_again(tmp_path / "a", lambda path: path.write_bytes(kept_file(other).read_bytes()) and None)


def _rewritten(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The same file, valid Arrow, with some arrays changed."""
    written = path.read_bytes()
    payload, trailer = written[:-8], written[-8:]
    table = pa.ipc.open_file(pa.BufferReader(payload)).read_all()
    columns = {n: table[n].chunk(0).values.to_numpy(zero_copy_only=False).copy() for n in table.column_names}
    change(columns)
    arrays = [pa.LargeListArray.from_arrays(pa.array([0, len(v)], pa.int64()), pa.array(v, table[n].type.value_type)) for n, v in columns.items()]  # fmt: skip
    changed = pa.table(arrays, names=table.column_names).replace_schema_metadata(table.schema.metadata)
    path.unlink()  # never in place: the file may be mapped
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, changed.schema) as writer:
        writer.write_table(changed)
    with path.open("ab") as file:
        file.write(trailer)


def _set(name: str, value: float) -> Callable[[dict[str, Any]], None]:
    def change(columns: dict[str, Any]) -> None:
        columns[name][:] = value

    return change


@pytest.mark.parametrize(
    ("name", "value"),
    [("0.fine", 2**30), ("0.fine", -5), ("0.entry_start", 2**30), ("0.entry_zone", 10_000), ("0.ax", 0.0), ("0.zones", 9_999), ("0.coarse", 0)],
)  # fmt: skip
def test_a_valid_file_with_arrays_that_are_not_its_own_is_made_again(tmp_path: Path, name: str, value: float) -> None:
    _made_again(tmp_path, lambda path: _rewritten(path, _set(name, value)))


def test_a_file_with_any_byte_changed_answers_the_same_or_is_made_again(tmp_path: Path) -> None:
    """In a process of its own: what is mapped and not checked can bring the interpreter down."""
    command = [sys.executable, str(HERE / "grid_corruption.py"), str(tmp_path), "80"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=HERE)
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])


def test_a_folder_that_cannot_be_made_costs_no_answer(tmp_path: Path) -> None:
    (tmp_path / "fichier").write_text("")
    making = Making()
    assert same(cached(DIGEST, making, tmp_path / "fichier" / "cache"), making.index)


def test_a_folder_where_the_file_should_be_costs_no_answer(tmp_path: Path) -> None:
    making = Making()
    cached(DIGEST, making, tmp_path)
    path = kept_file(tmp_path)
    path.unlink()
    path.mkdir()
    assert same(cached(DIGEST, making, tmp_path), making.index)


def test_a_spoilt_file_in_a_folder_that_cannot_be_written_costs_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Superusers write everywhere: the refusal is put in the calls that a read-only folder makes fail."""
    making = Making()
    cached(DIGEST, making, tmp_path)
    kept_file(tmp_path).write_bytes(b"rien")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(30, "Read-only file system")

    for name in ("unlink", "mkdir", "replace", "touch", "rename"):
        monkeypatch.setattr(Path, name, refused)
    monkeypatch.setattr(pa, "OSFile", refused)
    assert same(cached(DIGEST, making, tmp_path), making.index)


def test_a_folder_that_cannot_be_read_costs_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    making = Making()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refused)
    monkeypatch.setattr(Path, "mkdir", refused)
    assert same(cached(DIGEST, making, tmp_path / "x"), making.index)


def test_the_digest_is_that_of_contents_and_not_of_names_or_dates(tmp_path: Path) -> None:
    one, two = tmp_path / "un.shp", tmp_path / "deux.geojson"
    one.write_bytes(b"perimetres")
    two.write_bytes(b"perimetres")
    os.utime(two, (1, 1))
    assert digest_of([one], code="c") == digest_of([two], code="c")
    two.write_bytes(b"perimetre2")
    os.utime(two, (1, 1))
    digests = [digest_of([one], code="c"), digest_of([two], code="c"), digest_of([one], code="d"),
               digest_of([one, two], code="c"), digest_of([two, one], code="c"), digest_of([one], code="c", epsg=2154),
               digest_of([], code="c"), digest_of([one, one], code="c")]  # fmt: skip
    assert len(set(digests)) == len(digests)


def _one_of_many(folder: str, barrier: Any, told: Any) -> None:
    barrier.wait()
    index = cached(DIGEST, some_index, Path(folder))
    told.put(answers(index))


def test_several_processes_that_build_the_same_index_at_once_all_have_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, told = context.Barrier(3), context.Queue()
    workers = [context.Process(target=_one_of_many, args=(str(tmp_path), barrier, told)) for _ in range(3)]
    for worker in workers:
        worker.start()
    found = [told.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join(60)
    assert [w.exitcode for w in workers] == [0] * 3
    assert found == [answers(some_index())] * 3
    assert [f.name for f in tmp_path.iterdir()] == [kept_file(tmp_path).name]


def test_several_threads_that_keep_the_same_index_at_once_all_have_it(tmp_path: Path) -> None:
    """In a process of its own: a file cut while it is mapped kills whoever reads it."""
    command = [sys.executable, "-X", "faulthandler", str(HERE / "grid_writers.py"), str(tmp_path), "40"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=HERE)
    assert done.returncode == 0, (done.returncode, done.stdout[-2000:], done.stderr[-2000:])


def test_two_writers_of_the_same_number_on_two_machines_do_not_write_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers all run as process 1, over one shared folder: the temporary file must still be each one's own."""
    seen: list[str] = []
    opened = pa.OSFile

    def noted(path: Any, *rest: Any, **more: Any) -> Any:
        seen.append(str(path))
        return opened(path, *rest, **more)

    monkeypatch.setattr(pa, "OSFile", noted)
    monkeypatch.setattr(os, "getpid", lambda: 1)
    index = some_index()
    for _ in range(2):
        save_index(index, tmp_path / "a.arrow")
    written = [name for name in seen if name.startswith(str(tmp_path))]
    assert len(set(written)) == len(written) == 2
