"""From a published table to the system that its readers can write down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy import sparse

from qpv_data.attaque.refusal import RefusedInputError
from qpv_data.attaque.system import INFINITE, Ints, System
from qpv_data.attaque.table import HIDDEN, PUBLISHED, Axis, Rule, decimals_of


@dataclass(frozen=True)
class Cells:
    """Published cells, as positions in the crossed axes: `value` is NaN where hidden. `units`: public, or empty."""

    index: Ints
    value: NDArray[np.float64]
    hidden: NDArray[np.bool_]
    units: NDArray[np.float64]


def read_rows(path: Path) -> pa.Table:
    """A Parquet or CSV file; codes stay text."""
    if not path.is_file():
        raise RefusedInputError(path.name, "source_absente", "fichier introuvable", "vérifier le chemin")
    try:
        if path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig") as f:
                names = f.readline().strip().split(",")
            types = {n: pa.float64() if n in ("valeur", "n_unites") else pa.string() for n in names}
            options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True)
            return pa_csv.read_csv(path, convert_options=options)
        with pq.ParquetFile(path) as file:
            return file.read()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as e:
        message = str(e).splitlines()[0][:200]
        raise RefusedInputError(path.name, "format_inattendu", message, "donner un Parquet, ou un CSV") from None


def place(rows: pa.Table, axes: Sequence[Axis], source: str, known: bool = False) -> Cells:
    """Put rows in the crossed axes. `known`: rows need no status, all are values."""
    needed = [a.name for a in axes] + ["valeur"] + ([] if known else ["statut_diffusion"])
    if missing := [c for c in needed if c not in rows.column_names]:
        raise RefusedInputError(source, "colonne_inconnue", f"il manque {', '.join(missing)}", "une colonne par axe")
    index = np.zeros(rows.num_rows, np.int64)
    for axis in axes:
        column = rows[axis.name].combine_chunks().cast(pa.string())
        at = pc.index_in(column, value_set=pa.array(axis.codes))
        if at.null_count:
            wrong = pc.filter(column, pc.is_null(at))[0].as_py()
            message = f"code {wrong} absent de l'axe {axis.name}"
            raise RefusedInputError(source, "reference_inconnue", message, "compléter la hiérarchie")
        index = index * len(axis.codes) + at.to_numpy(zero_copy_only=False)
    if len(np.unique(index)) != len(index):
        raise RefusedInputError(source, "doublon", "plusieurs lignes pour une cellule", "une ligne par cellule")
    value = rows["valeur"].cast(pa.float64()).to_numpy().astype(np.float64)
    hidden = np.zeros(len(index), bool)
    if not known:
        hidden = _statuses(rows, source)
    if bool((np.isnan(value) & ~hidden).any()):
        raise RefusedInputError(source, "valeur_invalide", "cellule diffusée sans valeur", "donner sa valeur")
    if bool((~np.isnan(value) & hidden).any()):
        raise RefusedInputError(source, "valeur_invalide", "cellule secrète avec sa valeur", "vider la valeur")
    units = rows["n_unites"].cast(pa.float64()).to_numpy() if "n_unites" in rows.column_names else np.empty(0)
    return Cells(index, value, hidden, units)


def _statuses(rows: pa.Table, source: str) -> NDArray[np.bool_]:
    status = rows["statut_diffusion"].cast(pa.string())
    if other := sorted({str(s) for s in pc.unique(status).to_pylist()} - {HIDDEN, PUBLISHED}):
        raise RefusedInputError(source, "valeur_invalide", f"statut {other[0]}", f"{PUBLISHED} ou {HIDDEN}")
    return np.asarray(pc.equal(status, HIDDEN).to_numpy(), bool)


def table_system(cells: Cells, axes: Sequence[Axis], rule: Rule, source: str) -> System:
    """The system of a table: hidden cells, and those that no row publishes but that the hierarchies define."""
    public = cells.value[~cells.hidden]
    if rule.count and len(public) and (public.min() < 0 or np.abs(public - np.rint(public)).max() > 0):
        message = "valeurs négatives ou fractionnaires pour des nombres d'unités"
        raise RefusedInputError(source, "valeur_invalide", message, "déclarer regle: {nature: somme}, ou corriger")
    scale = 1 if rule.count else 10 ** (decimals_of(public) + bool(rule.rounding))
    size = int(np.prod([len(a.codes) for a in axes]))
    floor = 0 if rule.count or not len(public) or public.min() >= 0 else -INFINITE
    low, high = np.full(size, floor, np.int64), np.full(size, INFINITE, np.int64)
    at = cells.index[~cells.hidden]
    low[at] = np.ceil(np.round((public - rule.rounding / 2) * scale, 6)).astype(np.int64)
    high[at] = np.floor(np.round((public + rule.rounding / 2) * scale, 6)).astype(np.int64)
    if rule.count:
        low[at] = np.maximum(low[at], 0)
    hidden = np.zeros(size, bool)
    hidden[cells.index[cells.hidden]] = True
    if rule.count and rule.zeros_published:
        low[hidden] = 1
    derivable = ~hidden
    derivable[at] = False
    return System(
        equations=_equations(axes),
        low=low,
        high=high,
        hidden=hidden,
        derivable=derivable,
        integer=np.full(size, rule.count),
        threshold=np.full(size, rule.k * scale if rule.count else 0, np.int64),
        scale=scale,
        name=_names(axes),
    )


def _equations(axes: Sequence[Axis]) -> sparse.csr_matrix:
    """parent − Σ children = 0, for every node of every hierarchy and every combination of the other axes."""
    sizes = [len(a.codes) for a in axes]
    every = np.arange(int(np.prod(sizes)), dtype=np.int64).reshape(sizes)
    rows, cols, data = [], [], []
    count = 0
    for dimension, axis in enumerate(axes):
        first = np.take(every, 0, axis=dimension).ravel()
        stride = int(np.prod(sizes[dimension + 1 :]))
        for parent, children in axis.nodes:
            members = [parent, *children]
            numbers = count + np.arange(len(first))
            count += len(first)
            rows.append(np.tile(numbers, len(members)))
            cols.append(np.concatenate([first + m * stride for m in members]))
            weight = len(children) if axis.mean else 1
            data.append(np.repeat(np.array([weight] + [-1] * len(children), np.int64), len(first)))
    if not rows:
        return sparse.csr_matrix((0, every.size), dtype=np.int64)
    entries = (np.concatenate(data), (np.concatenate(rows), np.concatenate(cols)))
    return sparse.csr_matrix(entries, shape=(count, every.size), dtype=np.int64)


class _names:  # noqa: N801  a function with its data, which a process can receive
    """The name of a cell: its codes, axis by axis."""

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._axes = list(axes)

    def __call__(self, cell: int) -> str:
        codes: list[str] = []
        for axis in reversed(self._axes):
            cell, at = divmod(cell, len(axis.codes))
            codes.append(f"{axis.name}={axis.codes[at]}")
        return ", ".join(reversed(codes))
