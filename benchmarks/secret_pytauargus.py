"""The same dense tables protected by qpv-data and by pytauargus (τ-ARGUS with open solvers), then attacked alike.

    python -m venv /tmp/pta && /tmp/pta/bin/pip install pytauargus==0.6.0
    .venv/bin/python benchmarks/secret_pytauargus.py --python /tmp/pta/bin/python [--tables 40x15 15x10x4] [--k 5]

pytauargus stays in an interpreter of its own: nothing of qpv-data depends on it. It is given one row a unit, the rule
FREQ(k, 30 %), and its two methods of suppression, optimal and modular.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from secret import attack, shown_values
from secret_tableau import dense

from qpv_data.secret.cells import Table
from qpv_data.secret.primary import crossed_finest
from qpv_data.secret.protection import protect_table
from qpv_data.secret.rules import Rule

THEIRS = """
import json, sys, time
from pytauargus import protect
asked = json.load(open(sys.argv[1]))
start = time.perf_counter()
result = protect(asked["rows"], asked["axes"], response="valeur", safety_rules=f"FREQ({asked['k']},30)",
                 suppress=asked["method"], totcode="total")
seconds = time.perf_counter() - start
frame = result.tables[0].dataframe()
rows = frame if isinstance(frame, list) else frame.to_dict("records")
cells = [[*(str(r[a]) for a in asked["axes"]), str(r["status"])] for r in rows]
json.dump({"seconds": seconds, "cells": cells}, open(sys.argv[2], "w"))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", required=True, help="an interpreter that has pytauargus")
    parser.add_argument("--tables", nargs="+", default=["12x6", "40x15", "8x6x4", "15x10x4"])
    parser.add_argument("--k", type=int, nargs="+", default=[5])
    parser.add_argument("--limite", type=int, default=300, help="seconds that each method is given")
    asked = parser.parse_args()
    for sizes in asked.tables:
        table = dense(1, tuple(int(size) for size in sizes.split("x")))
        for k in asked.k:
            start = time.perf_counter()
            protection = protect_table(table, Rule(k=k))
            told(f"{sizes} k = {k} qpv-data", table, shown_values(protection), k, time.perf_counter() - start)
            for method in ("OPT(1)", "MOD(1)"):
                theirs(f"{sizes} k = {k} pytauargus {method}", table, k, method, asked.python, asked.limite)


def theirs(name: str, table: Table, k: int, method: str, python: str, limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder, "question.json"), Path(folder, "answer.json")
        question.write_text(json.dumps(_units(table) | {"k": k, "method": method}))
        command = [python, "-c", THEIRS, str(question), str(answer)]
        try:
            subprocess.run(command, check=True, timeout=limit, capture_output=True, cwd=folder)
        except subprocess.TimeoutExpired:
            print(f"{name}: not finished in {limit} s", flush=True)
            return
        except subprocess.CalledProcessError as error:
            print(f"{name}: failed: {error.stderr.decode().strip().splitlines()[-1:]}", flush=True)
            return
        found = json.loads(answer.read_text())
    told(name, table, _shown(table, found["cells"]), k, found["seconds"])


def _units(table: Table) -> dict[str, object]:
    """One row a unit, by axis."""
    finest = crossed_finest(table)
    cells = np.repeat(finest, table.measures.value[finest])
    ranks = np.unravel_index(cells, table.shape)
    rows = {axis.name: [axis.codes[int(r)] for r in rank] for axis, rank in zip(table.axes, ranks, strict=True)}
    return {"rows": rows | {"valeur": [1] * len(cells)}, "axes": [axis.name for axis in table.axes]}


def _shown(table: Table, cells: list[list[str]]) -> np.ndarray:
    """The values that their statuses show, -1 elsewhere. A cell without a row is empty, and shown."""
    shown = table.measures.value.copy().reshape(table.shape)
    ranks = [{code: n for n, code in enumerate(axis.codes)} for axis in table.axes]
    for *codes, status in cells:
        if status not in ("S", "E", "-", "Z"):
            place = tuple(rank.get(code, rank["total"]) for rank, code in zip(ranks, codes, strict=True))
            shown[place] = -1
    return shown.ravel()


def told(name: str, table: Table, shown: np.ndarray, k: int, seconds: float) -> None:
    value = table.measures.value
    sensitive = (value > 0) & (value < k)
    hidden = shown < 0
    missed = int((sensitive & ~hidden).sum())
    zeros = int((hidden & (value == 0)).sum())
    print(f"{name}: {seconds:.1f} s, {len(table)} cells, primary {int(sensitive.sum())},")
    print(f"  secondary {int((hidden & ~sensitive).sum())} ({zeros} zeros), sensitive and shown {missed};", end="")
    for zeros_shown in (True, False):
        if zeros_shown and zeros:
            continue  # a reader who takes a hidden cell for positive would be wrong
        found = attack(table, shown, sensitive, k, zeros_shown)
        knows = "hidden means 1 at least" if zeros_shown else "hidden may be 0"
        print(f" ({knows}) {found['exact']} recovered, {found['under_k']} provably under {k};", end="")
    print(flush=True)


if __name__ == "__main__":
    main()
