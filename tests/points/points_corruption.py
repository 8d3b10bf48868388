"""Damage files of points at random and ask about them: `python points_corruption.py FOLDER TIMES`.

Exits 1, naming the damage, when an answer is anything but a balance or a refusal of one line. A crash of the process is
seen by whoever runs it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
from points_made import XY, X, Y, locate, square, written


def sources(folder: Path) -> dict[str, bytes]:
    """One file of each format, whole."""
    rng = np.random.default_rng(0)
    columns = {"x": X + rng.random(300) * 2000, "y": Y + rng.random(300) * 2000, "v": rng.normal(size=300)}
    table = pa.table({**columns, "g": rng.choice(["a", "bé", None], 300)})
    written(folder / "p.parquet", table=table, _row_group_size=100)
    with pa.ipc.new_file(str(folder / "p.arrow"), table.schema) as sink:
        sink.write_table(table)
    pc.write_csv(table, folder / "p.csv")
    return {path.name: path.read_bytes() for path in sorted(folder.glob("p.*"))}


def damaged(whole: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes changed, a stretch replaced by one of another length, or the end cut off."""
    found, at = bytearray(whole), int(rng.integers(len(whole)))
    match rng.integers(3):
        case 0:
            for place in rng.integers(len(found), size=3):
                found[place] = rng.integers(256)
        case 1:
            found[at : at + int(rng.integers(1, 40))] = rng.bytes(int(rng.integers(1, 40)))
        case _:
            del found[at:]
    return bytes(found)


def main(folder: Path, times: int) -> int:
    geopandas.GeoDataFrame({"code": ["A"]}, geometry=[square(X, Y)], crs=2154).to_parquet(folder / "z.parquet")
    whole, rng, faults = sources(folder), np.random.default_rng(1), 0
    asks = [["-o", folder / "o.parquet"], ["-o", folder / "o.csv"], ["--compte", "--par", "g", "--somme", "v"]]
    for n in range(times):
        name = list(whole)[n % len(whole)]
        path = folder / f"abime{Path(name).suffix}"
        path.unlink(missing_ok=True)  # never in place: the file may be mapped
        path.write_bytes(damaged(whole[name], rng))
        print(f"{name}, dommage {n}", flush=True)
        said = locate(path, *XY, "--zones", folder / "z.parquet", "--code", "code", *asks[n // 3 % 3])
        if said.code not in (0, 4) or (said.code == 4 and said.err.count("\n") != 1):
            faults += 1
            print(said)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
