"""A feed of national size, as `publish` protects it: one quarter of a count by 20 categories over every zone.

    python benchmarks/secret_jeu.py [--graine 5] [--k 5] [--communes 900 --qpv 1609]

France, departments, communes and quarters are published; what is left of communes and the pieces of quarters that
straddle two are atoms. Prints times, peak memory and the share of rows that are hidden.
"""

from __future__ import annotations

import argparse
import resource
import time
from pathlib import Path

import numpy as np
from secret_tableau import COMMUNES, QPV, national

from qpv_data.secret.cells import Table
from qpv_data.secret.linked.ground import Ground, ground_of
from qpv_data.secret.linked.judged import Indicator, Raw
from qpv_data.secret.linked.measures import measures_of
from qpv_data.secret.linked.protection import protect_period
from qpv_data.secret.rules import Rule


def on_ground(table: Table, modalities: list[str]) -> tuple[Ground, np.ndarray]:
    """The zones of a table made of atoms, each named by the zones that hold it, and its values: modalities × nodes."""
    zone, category = table.axes
    finest = [zone.codes[n] for n in zone.finest]
    holders = zone.holds.tocsc()
    published = {n for n in range(len(zone)) if zone.published[n]}
    texts = []
    for column in range(len(finest)):
        nodes = holders.indices[holders.indptr[column] : holders.indptr[column + 1]]
        own = sorted((zone.codes[n][0], zone.codes[n]) for n in nodes if n in published)
        texts.append("\x1e".join(f"{zoning}\x1f{code}" for zoning, code in own) + f"\x1etous\x1f{finest[column]}")
    zones = [(zone.codes[n][0], zone.codes[n]) for n in sorted(published)]
    ground = ground_of(zones, texts, {})
    value = table.measures.value.reshape(table.shape)
    rank = {code: n for n, code in enumerate(zone.codes)}
    place = [rank[code] for _, code in ground.zones] + [rank[text.rsplit("\x1f", 1)[1]] for text in ground.atoms]
    return ground, value[place][:, [category.codes.index(n) for n in modalities]].T.astype(float)


def feed(seed: int, k: int, communes: int, qpv: int) -> tuple[Ground, Indicator, Raw]:
    """A count by category, with the figures of the table of `national`."""
    table = national(seed, communes, qpv)
    names = ["ensemble", *sorted(c for c in table.axes[1].codes if c.startswith("m"))]
    ground, counts = on_ground(table, names)
    exists = np.zeros_like(counts)
    exists[:, : len(ground.zones)] = 1
    nothing = np.zeros_like(counts)
    columns = {
        "existe": exists, "cachee": exists * ((counts > 0) & (counts < k)), "groupe": nothing, "gelee": nothing,
        "numerateur": counts, "denominateur": np.full_like(counts, np.nan), "u_total": counts,
        "u_numerateur": counts, "part_dominante": np.full_like(counts, np.nan),
    }  # fmt: skip
    indicator = Indicator("n", "compte", Rule(k=k), False, False, Path(), Path())
    return ground, indicator, Raw(tuple(names), columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("graine", 5), ("k", 5), ("communes", COMMUNES), ("qpv", QPV)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    ground, indicator, raw = feed(asked.graine, asked.k, asked.communes, asked.qpv)
    start, busy = time.perf_counter(), time.process_time()
    period = measures_of("2024-T1", [(indicator, raw, np.ones(len(ground.atoms), np.bool_))], ground)
    before = sum(int(r.hidden.sum()) for r in period.rows)
    protect_period("national", period, ground)
    rows, hidden = (sum(int(getattr(r, name).sum()) for r in period.rows) for name in ("exists", "hidden"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    seconds = f"{time.perf_counter() - start:.0f} s ({time.process_time() - busy:.0f} s de processeur)"
    print(
        f"{rows} lignes, {len(ground)} nœuds : {before / rows:.1%} cachées pour elles-mêmes,"
        f" {hidden / rows:.1%} en tout ; {seconds}, {peak:.1f} Gio"
    )


if __name__ == "__main__":
    main()
