"""What a billion events a quarter needs: `mesurer` gives rows a second of processor, `simuler` the hours of a cluster.

    python benchmarks/grande_echelle.py mesurer --lignes 1000000 --vers data/bench/echelle.json      # minutes
    python benchmarks/grande_echelle.py simuler --mesures data/bench/echelle.json                   # seconds

Taps are events of persons (a card, a place, a kind of fare); sensors are not. Each stage runs alone in a fresh
process, on one core (QPV_DATA_COEURS=1): seconds are of processor, since a shared machine's clock says little.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests"), str(Path(__file__).resolve().parent)]
import grande_echelle_simulation as simulation  # noqa: E402
import shapely  # noqa: E402
from factory import (  # noqa: E402
    COMMUNES,
    X0,
    Y0,
    Mini,
    clause_of,
    geojson,
    indicator,
    number_column,
    points_clause,
    text_column,
)
from promises import PERSONAL  # noqa: E402

STAGES = ("conformer", "localiser", "agreger")
SIDE, QUARTER = 40, "2024-T1"  # the territory: 40 × 40 communes of 1 km, a quarter in every fourth one


def territory(root: Path) -> Mini:
    """1,600 communes and 400 quarters, and one delivery of each feed."""
    mini = Mini(root)
    mini.referentials()
    squares = {(i, j): shapely.box(X0 + 1000 * i, Y0 + 1000 * j, X0 + 1000 * i + 1000, Y0 + 1000 * j + 1000)
               for i in range(SIDE) for j in range(SIDE)}  # fmt: skip
    named = {f"{60000 + n:05}": shape for n, shape in enumerate(squares.values())}
    mini.deliver("commune.geojson", geojson({**named, **{c: s for c, s in COMMUNES.items() if c not in named}}))
    fourth = [(n, shape) for n, shape in enumerate(squares.values()) if n % 4 == 0]
    quarters = {f"QN{60000 + n:05}A": shape.centroid.buffer(220, quad_segs=16) for n, shape in fourth}
    mini.deliver("qpv2024.geojson", geojson(quarters))
    return mini


def declared(jeu: str) -> dict[str, Any]:
    """The clause of a feed."""
    common = [text_column("id", obligatoire=True), number_column("x"), number_column("y")]
    said: dict[str, Any] = {"periode": {"origine": "livraison", "frequence": "T", "debut": QUARTER, "fin": QUARTER},
                            "localisation": {"mode": "point", "x": "x", "y": "y", "crs": "EPSG:2154"},
                            "couverture": {"departements": ["60", "61", "99"]}}  # fmt: skip
    if jeu == "capteurs":
        own = [number_column("valeur")]
        indicators = [indicator("capteurs_n"), indicator("capteurs_valeur", "moyenne", numerateur="valeur")]
        return points_clause(jeu, **said, colonnes=[*common, *own], indicateurs=indicators)
    own = [text_column("carte", identifiant_direct="pseudonymiser", normalisation=["espaces"]), text_column("titre")]
    split = {"axe": "titre", "expression": "titre", "valeurs": {"plein": "plein", "jeune": "jeune", "social": "social"}}
    secret = {"regime": "seuil", "famille": "donnees_ouvertes", "unite_famille": "enregistrement", "unite": "personne",
              "seuil": 11, "colonne_unite": "carte"}  # fmt: skip
    indicators = [indicator("validations_n", modalites=split), indicator("validations_cartes", distinct="carte")]
    return points_clause(jeu, **said, colonnes=[*common, *own], indicateurs=indicators, secret=secret,
                         donnees_personnelles=PERSONAL, diffusion="partenaires")  # fmt: skip


def lines(jeu: str, rows: int) -> Iterator[str]:
    """Events around the territory: a stop or a sensor is a place, and has many."""
    drawn = random.Random(7)
    places = [(X0 + drawn.uniform(0, 1000 * SIDE), Y0 + drawn.uniform(0, 1000 * SIDE)) for _ in range(5000)]
    yield "id;x;y;" + ("valeur" if jeu == "capteurs" else "carte;titre") + "\n"
    for n in range(rows):
        x, y = drawn.choice(places)
        more = f"{drawn.gauss(20, 5):.2f}" if jeu == "capteurs" else (
            f"C{drawn.randrange(rows // 20 + 1):09};{drawn.choice(('plein', 'jeune', 'social'))}"
        )  # fmt: skip
        yield f"e{n:010};{x:.2f};{y:.2f};{more}\n"


def one(root: Path, jeu: str, stage: str) -> dict[str, float]:
    """Run one stage in this process, over what the stage before it wrote."""
    from qpv_data.jobs import Job
    from qpv_data.placing_jobs import aggregating_jobs, locating_job
    from qpv_data.records_kept import conform_job

    clause, work = clause_of(declared(jeu)), root / "travail"
    raw, located = root / f"{jeu}.csv", root / jeu / f"{QUARTER}.parquet"
    records = root / f"{jeu}-conformes" / f"{QUARTER}.parquet"
    zonings, cells = root / "out" / "zonages", root / f"{jeu}-cellules"
    job: Job
    if stage == "conformer":
        given = {"clause": clause, "periode": QUARTER, "cles": root / "cles"}
        writes = {"conformed": records, "rejets": root / f"{jeu}-rejets.parquet"}
        job = Job(stage, jeu, "", conform_job, given, {"fichier": raw}, writes, travail=work)
    elif stage == "localiser":
        job = locating_job(clause, records, zonings, located, work)
    else:
        (job,) = aggregating_jobs(clause, [QUARTER], {QUARTER: located}, zonings, cells, {}, work)
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    answer = job.here()
    after = resource.getrusage(resource.RUSAGE_SELF)
    if isinstance(answer, tuple) and isinstance(answer[0], Exception):
        raise answer[0]
    return {
        "processeur": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "horloge": time.perf_counter() - start,
        "pointe_mo": _peak(),
        "octets_lus": _size(job.reads.values()),
        "octets_ecrits": _size(job.writes.values()),
    }


def _peak() -> float:
    """MB, of this process alone: what getrusage says counts its parent's before it became this one."""
    status = Path("/proc/self/status").read_text("utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def _size(paths: Any) -> int:
    total = 0
    for path in paths:
        found = path.values() if isinstance(path, dict) else path.rglob("*") if path.is_dir() else [path]
        total += sum(p.stat().st_size for p in found if p.is_file() and "zonages" not in p.parts)
    return total


def measure(rows: int) -> dict[str, dict[str, dict[str, float]]]:
    """Rows per second of processor, and bytes a row, of each stage and feed."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        mini = territory(root)
        for jeu in ("capteurs", "validations"):
            with (root / f"{jeu}.csv").open("w", encoding="utf-8") as file:
                file.writelines(lines(jeu, rows))
        _compose(mini)
        for jeu in ("capteurs", "validations"):
            found[jeu] = {stage: _asked(root, jeu, stage, rows) for stage in STAGES}
    return found


def _compose(mini: Mini) -> None:
    """The zonings, as a run composes them."""
    from qpv_data import pipeline
    from qpv_data.receive import receive
    from qpv_data.runs import exclusive

    mini.declare(points_clause("vide"))
    clauses, period, cfg = pipeline.prepare(mini.configuration())
    with pipeline.transport(cfg) as reach, exclusive(cfg):
        wanted = [(c, e) for c, e in pipeline.deliveries(clauses, period) if c in clauses.zonages]
        pipeline.refer(cfg, clauses, [receive(cfg, c, e, reach, clauses.versions(c.id)) for c, e in wanted])


def _asked(root: Path, jeu: str, stage: str, rows: int) -> dict[str, float]:
    command = [sys.executable, __file__, "etape", str(root), jeu, stage]
    env = {**os.environ, "QPV_DATA_COEURS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    said: dict[str, float] = json.loads(done.stdout)
    told = {
        "lignes_s": rows / said["processeur"],
        "pointe_mo": said["pointe_mo"],
        "octets_lus_ligne": said["octets_lus"] / rows,
        "octets_ecrits_ligne": said["octets_ecrits"] / rows,
    }
    print(
        jeu, stage, {k: round(v, 1) for k, v in told.items()}, f"{said['processeur']:.1f} s de processeur", flush=True
    )
    return told


def main() -> None:
    """The command."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = asked.add_subparsers(dest="verbe", required=True)
    measuring = verbs.add_parser("mesurer")
    measuring.add_argument("--lignes", type=int, default=1_000_000)
    measuring.add_argument("--vers", type=Path, default=Path("data/bench/echelle.json"))
    simulating = verbs.add_parser("simuler")
    simulating.add_argument("--mesures", type=Path, default=Path("data/bench/echelle.json"))
    simulating.add_argument("--evenements", type=float, default=1e9)
    stage = verbs.add_parser("etape")
    stage.add_argument("root", type=Path)
    stage.add_argument("jeu")
    stage.add_argument("stage")
    given = asked.parse_args()
    if given.verbe == "etape":
        print(json.dumps(one(given.root, given.jeu, given.stage)))
    elif given.verbe == "mesurer":
        found = measure(given.lignes)
        given.vers.parent.mkdir(parents=True, exist_ok=True)
        given.vers.write_text(json.dumps(found, indent=1), "utf-8")
    else:
        print(simulation.table(json.loads(given.mesures.read_text("utf-8")), given.evenements))


if __name__ == "__main__":
    main()
