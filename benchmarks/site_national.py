"""The site of a national release: 1,609 sheets, then the same site after a few values changed.

    python benchmarks/site_national.py [--out data/bench/site] [--indicateurs 40 --trimestres 8]

The release is that of publication_nationale.py, protected figures drawn at random. Times are seconds of the clock and
of processor, children included; memory is that of all its processes at once (PSS), at most.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import time
from pathlib import Path
from threading import Event, Thread

import duckdb
from publication_nationale import COMMUNES, QPV, publish_all, write_cells, write_clauses, write_zonings

from qpv_data.exports.folder import audience_folder
from qpv_data.site.build import Built, Options, build

CHANGED = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("data/bench/site"))
    parser.add_argument("--indicateurs", type=int, default=40)
    parser.add_argument("--trimestres", type=int, default=8)
    asked = parser.parse_args()
    release = asked.out / "lac" / "releases" / "2024-T4-r1" / "ouvert"
    if not release.is_dir():
        write_cells(asked.out, 1, asked.indicateurs, asked.trimestres, QPV, COMMUNES)
        write_zonings(asked.out, 1, QPV, COMMUNES)
        write_clauses(asked.out, asked.indicateurs, asked.trimestres)
        publish_all(asked.out, asked.indicateurs, asked.trimestres)
    site = asked.out / "site"
    shutil.rmtree(site, ignore_errors=True)
    timed("anew", release, site)
    timed("again, nothing changed", release, site)
    other = asked.out / "change"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(release, other)
    change(other / "qpv.duckdb")
    timed(f"again, {CHANGED} values changed", other, site)
    sheets = [p.stat().st_size for p in (site / "quartiers").glob("*.html")]
    print(f"{len(sheets)} sheets, the heaviest {max(sheets) / 1000:.0f} kB; territory {weight(site) / 1e6:.2f} MB")


def timed(what: str, release: Path, site: Path) -> Built:
    start, before = time.perf_counter(), processor()
    with Watched() as watched:
        built = build(audience_folder(release), site, Options(telechargements=False))
    spent = f"{time.perf_counter() - start:.0f} s ({processor() - before:.0f} s of processor"
    print(f"{what}: {spent}, load {os.getloadavg()[0]:.1f}), {built.ecrites} files written, {built.gardees} kept,"
          f" {watched.most / 2**20:.0f} MiB together", flush=True)  # fmt: skip
    return built


class Watched(Thread):
    """Looks at the memory of this process and of its children, four times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self._over = 0, Event()

    def __enter__(self) -> Watched:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(0.25):
            self.most = max(self.most, sum(map(share, Path("/proc").glob("[0-9]*"))))


def share(process: Path) -> int:
    """Bytes of a process of this group, what it shares with others being divided among them; 0 for another's."""
    try:
        if os.getpgid(int(process.name)) != os.getpgrp():
            return 0
        told = (process / "smaps_rollup").read_text("ascii")
    except OSError:  # it ended meanwhile
        return 0
    return 1024 * next((int(line.split()[1]) for line in told.splitlines() if line.startswith("Pss:")), 0)


def processor() -> float:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def change(base: Path) -> None:
    """Another value for some quarters' last period."""
    with duckdb.connect(str(base)) as con:
        con.execute(
            "UPDATE valeurs SET valeur = valeur + 1 WHERE (indicateur, code_zone, periode) IN ("
            " SELECT (v.indicateur, v.code_zone, v.periode) FROM valeurs v"
            " JOIN dernieres_periodes USING (indicateur, periode)"
            f" WHERE v.zonage = 'qpv2024' AND v.valeur IS NOT NULL ORDER BY hash(v.code_zone) LIMIT {CHANGED})"
        )


def weight(site: Path) -> int:
    """Of the first page and what it loads."""
    text = (site / "index.html").read_text("utf-8")
    files = [p for p in site.rglob("*") if p.is_file() and f'"{p.relative_to(site).as_posix()}"' in text]
    return sum(p.stat().st_size for p in [site / "index.html", *files] if "quartiers/" not in p.as_posix())


if __name__ == "__main__":
    main()
