"""The unprotected twin of a release: what primary suppression alone would have let out, and what the attacker finds.

    python benchmarks/jumeau.py data/demo referentiels/demo/clauses

Writes nothing outside a temporary folder. What it prints counts findings and quotes none.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from qpv_data.attaque.releases import attack_releases
from qpv_data.clause.check import checked_clauses
from qpv_data.history import ledger
from qpv_data.protect import Protected, protect
from qpv_data.releases.layout import narrowest

_ROWS = """
SELECT v.* REPLACE (t.valeur AS valeur, t.numerateur AS numerateur, t.denominateur AS denominateur,
  t.statut_diffusion AS statut_diffusion)
FROM read_parquet('{file}', hive_partitioning = false) v
JOIN read_parquet({cells}, filename = true) t ON t.zonage = '{zoning}' AND t.periode = '{period}'
  AND t.code_zone = v.code_zone AND t.modalite = v.modalite AND parse_filename(t.filename, true) = v.indicateur
"""


def twin(lake: Path, clauses: Path, out: Path) -> Path:
    """Copy the last release of `lake` to `out`, with the values that primary rules alone would show.

    The lake is read only. Returns the twin's folder.
    """
    release = ledger(lake)[-1]
    declared = checked_clauses(clauses, datetime.now(UTC).date())
    made: Protected = protect(
        declared.indicateurs(), lake / "aggregated", lake / "zonages", out / "protege", out, complementary=False
    )
    copy = out / release.name
    shutil.copytree(narrowest(release), copy)
    cells = str([str(p) for p in made.cellules.values()])
    with duckdb.connect() as con:
        for file in sorted((copy / "valeurs").rglob("*.parquet")):
            zoning, period = file.parent.parent.name.removeprefix("zonage="), file.parent.name.removeprefix("periode=")
            query = _ROWS.format(file=file, cells=cells, zoning=zoning, period=period)
            rows = con.execute(query).to_arrow_table()
            (count,) = con.execute(f"SELECT count(*) FROM read_parquet('{file}')").fetchall()
            assert (rows.num_rows,) == count, f"{file} : lignes perdues"
            con.register("jumelles", rows)
            con.execute(f"COPY jumelles TO '{file}' (FORMAT parquet)")
    return copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lac", type=Path)
    parser.add_argument("clauses", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pair = {"publiée": narrowest(ledger(asked.lac)[-1]), "jumelle": twin(asked.lac, asked.clauses, Path(folder))}
        for name, release in pair.items():
            start = time.perf_counter()
            report = attack_releases([release], proofs=0)
            counts = ", ".join(f"{n} {kind}" for kind, n in report.counts().items() if n) or "aucun constat"
            seconds = time.perf_counter() - start
            print(
                f"{name:8} {report.published} cellules publiées, {report.hidden} secrètes : {counts} ({seconds:.1f} s)"
            )


if __name__ == "__main__":
    main()
