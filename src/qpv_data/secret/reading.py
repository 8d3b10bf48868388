"""Read the table to protect, cells or records, into every cell of its crossed hierarchies; or say every fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.problems import InvalidDeclarationError, Problem, Violation, listed
from qpv_data.secret.axes import Axis
from qpv_data.secret.cells import Ints, Table, disjoint_table, finest_shape, with_disjoint
from qpv_data.secret.declaration import Declared
from qpv_data.secret.records import records_table, with_units

MAX_DECIMALS = 6
_EXACT = float(1 << 53)
_Say = Callable[[Problem, str, str], None]


def read_cells(path: Path, declared: Declared) -> Table:
    """One row a finest cell; a finest cell without a row is a zero. The units of two rows are disjoint.

    Raises InvalidDeclarationError with every fault, naming codes and never a value.
    """
    rule = declared.rule
    counted = [f"n_unites{tail}" for tail in declared.tails]
    source, say, close = _opened(
        path, declared.axes, ["valeur", *counted, *(["part_max"] if rule.reads_contributors else [])]
    )
    if rule.reads_records:
        message = "la règle lit plusieurs contributeurs, qu'une case ne dit pas"
        say(Problem.VALEUR_INVALIDE, message, "donner les enregistrements (--enregistrements)")
    places = _places(source, declared.axes, say)
    value, decimals = _values(source["valeur"], _name(source, declared.axes), say)
    name = _name(source, declared.axes)
    units = [_counts(source[column], column, name, say) for column in counted]
    _same_cell_twice(places, declared.axes, say)
    for column, own in zip(counted, units, strict=True):
        what = "valeur sans unité" + (f" ({column})" if len(counted) > 1 else "")
        _each(say, (own == 0) & (value > 0), name, what, "compter les unités de chaque case")
    first = np.zeros(len(value), dtype=np.int64)
    if rule.reads_contributors:
        part = _floats(source["part_max"])
        bad = (value > 0) & ~((part > 0) & (part <= 1))
        _each(say, bad, name, "part_max absente ou hors de ]0, 1]", "donner la part du plus gros contributeur")
        first = np.ceil(np.where(bad | (value <= 0), 0, part) * value - 1e-9).astype(np.int64)
    close()
    finest = np.ravel_multi_index(tuple(places.T), finest_shape(declared.axes))
    size = int(np.prod(finest_shape(declared.axes)))

    def full(own: Ints) -> Ints:
        column = np.zeros(size, dtype=np.int64)
        column[finest] = own
        return column

    table = disjoint_table(declared.axes, full(value), full(units[0]), full(first), decimals)
    for own, (_, k) in zip(units[1:], declared.others, strict=True):
        table = with_disjoint(table, full(own), k)
    return table


def read_records(path: Path, declared: Declared) -> Table:
    """One row a record, at a finest cell. A unit that several records name counts once in every margin.

    Raises InvalidDeclarationError with every fault, naming codes and never a value.
    """
    rule = declared.rule
    named = [f"unite{tail}" for tail in declared.tails]
    wanted = ["valeur", *named, *(["contributeur"] if rule.reads_contributors else [])]
    source, say, close = _opened(path, declared.axes, wanted)
    places = _places(source, declared.axes, say)
    value, decimals = _values(source["valeur"], _name(source, declared.axes), say)
    for column in wanted[1:]:
        absent = source[column].null_count
        if absent:
            say(Problem.VALEUR_INVALIDE, f"enregistrements sans {column} : {absent}", f"remplir la colonne {column}")
    close()
    contributor = _text(source[wanted[-1]])  # where no rule reads it, any column will do
    largest = rule.nk.n if rule.nk is not None else 1
    first, *others = [
        records_table(declared.axes, places, value, _text(source[column]), contributor, decimals, largest)
        for column in named
    ]
    return with_units(first, [(other, k) for other, (_, k) in zip(others, declared.others, strict=True)])


def read_units(path: Path, declared: Declared) -> tuple[Ints, pa.Array]:
    """The place of each record (its rank among the finest codes of each axis) and its unit, `valeur` being no use.

    Raises InvalidDeclarationError with every fault, naming codes and never a value.
    """
    source, say, close = _opened(path, declared.axes, ["unite"])
    places = _places(source, declared.axes, say)
    if absent := source["unite"].null_count:
        say(Problem.VALEUR_INVALIDE, f"enregistrements sans unite : {absent}", "remplir la colonne unite")
    close()
    return places, _text(source["unite"])


def _opened(path: Path, axes: Iterable[Axis], wanted: list[str]) -> tuple[pa.Table, _Say, Callable[[], None]]:
    faults: list[Violation] = []

    def say(problem: Problem, message: str, remedy: str) -> None:
        faults.append(Violation(path.name, 1, problem, message, remedy))

    def close() -> None:
        if faults:
            raise InvalidDeclarationError(faults)

    try:
        found = pq.ParquetFile(path).schema_arrow.names
        columns = [*(a.name for a in axes), *wanted]
        missing = [c for c in columns if c not in found]
        if missing:
            message = f"colonnes absentes : {', '.join(missing)} ; colonnes : {', '.join(found)}"
            say(Problem.COLONNE_INCONNUE, message, "une colonne par axe, puis celles de docs/secret.md")
            close()
        return pq.read_table(path, columns=columns), say, close
    except (OSError, pa.ArrowException) as e:
        say(Problem.FORMAT_INATTENDU, f"fichier illisible ({type(e).__name__})", "donner un Parquet")
        close()
        raise


def _text(column: pa.ChunkedArray) -> pa.Array:
    return pc.cast(column, pa.string()).combine_chunks()


def _places(source: pa.Table, axes: tuple[Axis, ...], say: _Say) -> Ints:
    """Rows × axes: rank among the finest codes, -1 (and a fault said) where there is none."""
    ranks = []
    for axis in axes:
        if not pa.types.is_string(source[axis.name].type) and not pa.types.is_large_string(source[axis.name].type):
            kind = source[axis.name].type
            say(Problem.VALEUR_INVALIDE, f"colonne {axis.name} de type {kind}", "un code est un texte")
            ranks.append(np.zeros(source.num_rows, dtype=np.int64))
            continue
        finest = pa.array([axis.codes[n] for n in axis.finest], pa.string())
        codes = _text(source[axis.name])
        rank = pc.fill_null(pc.index_in(codes, value_set=finest, skip_nulls=True), -1).to_numpy(zero_copy_only=False)
        strangers = pc.unique(codes.filter(pa.array(rank < 0))).to_pylist()
        wide = sorted(c for c in strangers if c is not None and c in set(axis.codes))
        unknown = sorted((c for c in strangers if c not in set(axis.codes)), key=lambda c: (c is None, c or ""))
        if wide:
            message = f"axe {axis.name} : codes que la hiérarchie divise : {listed(wide)}"
            say(Problem.VALEUR_INVALIDE, message, "donner les codes les plus fins ; les totaux sont calculés")
        if unknown:
            message = f"axe {axis.name} : codes absents de la hiérarchie : {listed(unknown)}"
            say(Problem.REFERENCE_INCONNUE, message, "compléter la hiérarchie ou corriger les codes")
        ranks.append(rank.astype(np.int64))
    return np.column_stack(ranks)


def _name(source: pa.Table, axes: tuple[Axis, ...]) -> Callable[[int], str]:
    """The codes of a row."""
    return lambda row: " × ".join(str(source[a.name][row].as_py()) for a in axes)


def _each(say: _Say, bad: np.ndarray, name: Callable[[int], str], what: str, remedy: str) -> None:
    """One fault for all the rows that have it, with the codes of the first ones."""
    if rows := np.flatnonzero(bad).tolist():
        cells = sorted({name(row) for row in rows[:1000]})
        say(
            Problem.VALEUR_INVALIDE,
            f"{what} ({len(rows)} ligne{'s' if len(rows) > 1 else ''}) : {listed(cells)}",
            remedy,
        )


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    """NaN where there is no number."""
    try:
        return np.asarray(pc.fill_null(pc.cast(column, pa.float64()), float("nan")).to_numpy(), dtype=np.float64)
    except pa.ArrowException:
        return np.full(len(column), np.nan)


def _values(column: pa.ChunkedArray, name: Callable[[int], str], say: _Say) -> tuple[Ints, int]:
    """Values in units of the last decimal, and how many decimals there are. Zeros where a fault is said."""
    raw = _floats(column)
    _each(say, ~np.isfinite(raw), name, "valeur absente ou illisible", "donner un nombre, 0 pour rien")
    _each(say, raw < 0, name, "valeur négative", "un tableau à protéger additionne des valeurs de 0 ou plus")
    good = np.where(np.isfinite(raw) & (raw >= 0), raw, 0.0)
    for decimals in range(MAX_DECIMALS + 1):
        scaled = good * 10.0**decimals
        if scaled.sum() >= _EXACT:
            break
        if (np.abs(scaled - np.rint(scaled)) <= 1e-9 * np.maximum(scaled, 1)).all():
            return np.rint(scaled).astype(np.int64), decimals
    message = f"plus de {MAX_DECIMALS} décimales, ou des sommes de plus de 15 chiffres"
    say(Problem.VALEUR_INVALIDE, message, "arrondir les valeurs avant de les additionner")
    return np.zeros(len(good), dtype=np.int64), 0


def _counts(column: pa.ChunkedArray, called: str, name: Callable[[int], str], say: _Say) -> Ints:
    raw = _floats(column)
    bad = ~(np.isfinite(raw) & (raw >= 0) & (raw == np.floor(raw)) & (raw < _EXACT))
    _each(say, bad, name, f"{called} absent, négatif ou non entier", "compter les unités distinctes de la case")
    return np.where(bad, 1, raw).astype(np.int64)


def _same_cell_twice(places: Ints, axes: tuple[Axis, ...], say: _Say) -> None:
    known = places[(places >= 0).all(axis=1)]
    cells, times = np.unique(known, axis=0, return_counts=True)
    twice = [" × ".join(a.codes[a.finest[r]] for a, r in zip(axes, row, strict=True)) for row in cells[times > 1]]
    if twice:
        message = f"cases écrites plusieurs fois : {listed(twice)}"
        say(Problem.DOUBLON, message, "une ligne par case, ou --enregistrements")
