"""Zones, points and files for the tests of `qpv-data locate`, and the command itself as a user calls it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely
import typer
from numpy.typing import NDArray
from typer.testing import CliRunner

from qpv_data.commands.locate import register

Floats = NDArray[np.float64]
X, Y = 650_000.0, 6_860_000.0
"""South-west corner of zone A, in EPSG:2154; zone B's is 500 m further along both axes."""
APP = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
"""The application with this command alone: building all of them again for each call costs more than the answer."""
XY = ("--x", "x", "--y", "y", "--crs", "EPSG:2154")


register(APP)


@APP.callback()
def _root() -> None:
    """A group, so that the command has its name."""


class Said(NamedTuple):
    """What the command answered."""

    code: int
    out: str
    err: str


def locate(*arguments: object) -> Said:
    """`qpv-data locate`. Any exception that is not an exit goes through: a user would see a traceback."""
    done = CliRunner().invoke(APP, ["locate", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return Said(done.exit_code, done.stdout, done.stderr)


def balance(*arguments: object) -> Any:
    """The balance that `--json` says, of a command that succeeds."""
    done = locate(*arguments, "--json")
    assert done.code == 0, done.err
    return json.loads(done.err if done.err.startswith(("{", "[")) else done.out)


def refused(*arguments: object, code: int = 4) -> str:
    """The only line that a refusal says."""
    done = locate(*arguments)
    assert (done.code, done.out) == (code, ""), done
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1, done.err
    return done.err.strip()


def square(x: float, y: float, side: float = 1000.0) -> Any:
    return shapely.box(x, y, x + side, y + side)


def written(path: Path, **how: Any) -> pa.Table:
    """A table written at `path`, Parquet; `how` holds its columns, or `table` itself, and what the writer takes."""
    table = how.pop("table", None)
    columns = {n: how.pop(n) for n in list(how) if not n.startswith("_")} if table is None else {}
    made = pa.table(columns) if table is None else table
    pq.write_table(made, path, **{n.removeprefix("_"): v for n, v in how.items()})
    return made


def read(path: Path) -> list[dict[str, Any]]:
    return pq.read_table(path).to_pylist()


def codes_in(path: Path) -> list[str | None]:
    return pq.read_table(path)["code"].to_pylist()


def drawn(seed: int, x: float, y: float, size: float, count: int = 5) -> NDArray[Any]:
    """Valid stars around a place, some with a hole, that overlap here and there; radii about `size`."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        angle = np.sort(rng.uniform(0, 2 * np.pi, 9)) + np.linspace(0, 1e-3, 9)
        radius = size * rng.uniform(0.4, 1.0, 9)
        cx, cy = x + size * rng.uniform(-2, 2), y + size * rng.uniform(-2, 2)
        ring = np.column_stack([cx + radius * np.cos(angle), cy + radius * np.sin(angle)])
        star = shapely.make_valid(shapely.Polygon(ring), method="structure")
        if rng.random() < 0.4:
            star = shapely.difference(star, shapely.transform(star, lambda p, c=(cx, cy): c + (p - c) * 0.4))
        found.append(star)
    array = np.empty(count, dtype=object)
    array[:] = found
    assert shapely.is_valid(array).all()
    return array


def edge_points(zones: NDArray[Any], seed: int, offsets: Sequence[float], count: int = 40) -> tuple[Floats, Floats]:
    """Vertices, and points of edges moved to either side by `offsets`, in the zones' unit."""
    rng = np.random.default_rng(seed)
    xy, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(zones)), return_index=True)
    edge = rng.choice(np.flatnonzero(ring[1:] == ring[:-1]), count)
    a, b = xy[edge], xy[edge + 1]
    along = (b - a) / np.maximum(np.hypot(*(b - a).T), 1e-300)[:, None]
    on = a + rng.random((count, 1)) * (b - a)
    beside = [on + d * np.column_stack([-along[:, 1], along[:, 0]]) for d in offsets]
    x, y = np.concatenate([a, (a + b) / 2, *beside]).T
    return x.copy(), y.copy()


def holding(zones: NDArray[Any], x: Floats, y: Floats, regle: str = "couvre") -> list[list[int]]:
    """Numbers of the zones that hold each point, by shapely alone."""
    ask = shapely.covers if regle == "couvre" else shapely.contains
    there = np.isfinite(x) & np.isfinite(y)
    points = shapely.points(np.where(there, x, 0.0), np.where(there, y, 0.0))
    held = np.array([ask(zone, points) for zone in zones]) & there
    return [np.flatnonzero(held[:, n]).tolist() for n in range(len(x))]
