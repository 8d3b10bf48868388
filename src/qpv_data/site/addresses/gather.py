"""From extracts to the addresses of the site's communes, each located: every row read is counted once.

Positions go through a database on disk: memory depends neither on the extracts nor on the communes, but on the greatest
commune alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from qpv_data.addresses.ban import POSITIONS, SANS_NUMERO
from qpv_data.addresses.reading import is_commune, parent_commune
from qpv_data.engine import engine
from qpv_data.problems import Problem
from qpv_data.resources import sql_dir
from qpv_data.site.addresses.extract import BLOCK, batches
from qpv_data.site.addresses.generations import Placing
from qpv_data.site.writing import SiteError

IMPRECISE, PARTAGEE = 1, 2
"""Why an address is to be checked besides its distance to a limit: its position is that of a parcel or of a stretch of
street, or is not told; or its positions are not all in the same quarters."""
SANS = -1
"""The number of a place that has none."""
_PRECISE = POSITIONS.index("parcelle")
_BATCH = 20_000
_TABLE = """CREATE TABLE retenues (id VARCHAR, n BIGINT, suffixe VARCHAR, voie VARCHAR, code_postal VARCHAR,
 code_insee VARCHAR, commune VARCHAR, nom_commune VARCHAR, ancienne VARCHAR, nom_ancienne VARCHAR, lon DOUBLE,
 lat DOUBLE, rang INTEGER, reponse INTEGER, endroit INTEGER)"""

Answer = tuple[int, ...]
"""Two numbers a generation (see `Placing`), then IMPRECISE and PARTAGEE, added."""


@dataclass(frozen=True)
class Counts:
    """`lues = adresses + doubles + Σ rejetees + hors`. `doubles`: further positions of an address already there;
    `hors`: rows of communes that no quarter of the site touches."""

    lues: int
    adresses: int
    doubles: int
    rejetees: Mapping[str, int]
    hors: int


@dataclass(frozen=True)
class Address:
    """One address. `numero` is SANS for a place without number; `ancienne` names the commune before it was merged."""

    voie: str
    code_postal: str
    ancienne: str
    numero: int
    suffixe: str
    reponse: Answer


@dataclass(frozen=True)
class Commune:
    """The addresses of one commune, by street, number and suffix. `mere`: the site's commune that it is, or is of."""

    code: str
    mere: str
    nom: str
    adresses: tuple[Address, ...]


class Gathered:
    """Extracts read and located, the addresses waiting in a database."""

    def __init__(self, con: duckdb.DuckDBPyConnection, placing: Placing, communes: Collection[str]) -> None:
        self._con, self._placing, self._of = con, placing, frozenset(communes)
        self._known: dict[Answer, int] = {}
        self._places: dict[Answer, int] = {}
        self._looked = (sql_dir() / "site" / "adresses_lues.sql").read_text("utf-8")
        self.lues = self.hors = self.bonnes = 0
        self.rejetees: Counter[str] = Counter()
        con.execute(_TABLE)

    def read(self, path: Path, block: int = BLOCK) -> None:
        """Add an extract. Raises SiteError when nothing of it can be used, or less than what is rejected."""
        before, good = self.rejetees.copy(), self.bonnes
        for table, ragged in batches(path, block=block):
            self.lues += len(table) + ragged
            if ragged:
                self.rejetees["nombre_de_champs"] += ragged
            self._take(table)
        good, rejected = self.bonnes - good, self.rejetees - before
        if rejected.total() > good:
            told = ", ".join(f"{reason} {n}" for reason, n in sorted(rejected.items()))
            message = f"{path.name} : {rejected.total()} lignes rejetées pour {good} retenues ({told})"
            raise SiteError(Problem.TROP_DE_REJETS, message, "prendre adresses-<département>.csv.gz, sans le modifier")
        if not good:
            message = f"{path.name} : aucune adresse dans les communes du site"
            raise SiteError(Problem.TROP_PEU_DE_LIGNES, message, "donner l'extrait du département, ou ôter ce fichier")

    def counts(self) -> Counts:
        """Held to its equality."""
        row = self._con.execute(
            "SELECT count(*) FROM (SELECT DISTINCT code_insee, voie, code_postal, ancienne, n, suffixe FROM retenues)"
        ).fetchone()
        assert row is not None
        kept = int(row[0])
        found = Counts(self.lues, kept, self.bonnes - kept, dict(sorted(self.rejetees.items())), self.hors)
        assert found.lues == found.adresses + found.doubles + sum(found.rejetees.values()) + found.hors
        return found

    def communes(self) -> Iterator[Commune]:
        """One at a time, by code."""
        answers = {n: answer for answer, n in self._known.items()}
        rows = self._rows()
        for code, group in groupby(rows, key=lambda r: r[0]):
            own = list(group)
            name = min((r[2] for r in own if r[2]), default="")
            yield Commune(code, own[0][1], name, tuple(_address(r, answers) for r in own))

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        asked = self._con.execute((sql_dir() / "site" / "adresses.sql").read_text("utf-8"))
        while rows := asked.fetchmany(_BATCH):
            yield from rows

    def _take(self, table: pa.Table) -> None:
        mine, unreadable = self._mine(table)
        self.rejetees.update({"commune_illisible": unreadable} if unreadable else {})
        self.hors += len(table) - len(mine) - unreadable
        if not len(mine):
            return
        self._con.register("lot", mine)
        seen = self._con.execute(self._looked, {"positions": list(POSITIONS)}).to_arrow_table()
        self._con.unregister("lot")
        wrong = seen.filter(pc.is_valid(seen["motif"]))
        self.rejetees.update(wrong["motif"].to_pylist())
        self._place(seen.filter(pc.is_null(seen["motif"])).drop_columns(["motif"]))

    def _mine(self, table: pa.Table) -> tuple[pa.Table, int]:
        """The rows of the site's communes, with `commune`, which of these it is; and how many have no readable code."""
        codes = table["code_insee"].combine_chunks().dictionary_encode()
        before = table["code_insee_ancienne_commune"].combine_chunks().dictionary_encode()
        sound = np.array([is_commune(c) for c in codes.dictionary.to_pylist()], dtype=bool)
        own = np.array([self._site(c) for c in codes.dictionary.to_pylist()], dtype=object)
        old = np.array([self._site(c) for c in before.dictionary.to_pylist()], dtype=object)
        if not len(table):
            return table.append_column("commune", pa.array([], pa.string())), 0
        at = codes.indices.to_numpy()
        found = own[at]
        found = np.where(found == None, old[before.indices.to_numpy()], found)  # noqa: E711  element by element
        kept = sound[at] & (found != None)  # noqa: E711
        mine = table.filter(pa.array(kept)).append_column("commune", pa.array(found[kept], pa.string()))
        return mine, int((~sound[at]).sum())

    def _site(self, code: str) -> str | None:
        """The commune of the site that a code is that of, or is an arrondissement of."""
        return next((c for c in (code, parent_commune(code)) if c in self._of), None)

    def _place(self, good: pa.Table) -> None:
        lon, lat = (good[name].to_numpy() for name in ("lon", "lat"))
        answers, nowhere = self._placing.answers(lon, lat)
        astray = self._placing.astray(good["commune"].to_numpy(zero_copy_only=False).astype(object), lon, lat)
        self.rejetees.update({"hors_territoire": int(nowhere.sum())} if nowhere.any() else {})
        astray &= ~nowhere
        self.rejetees.update({"loin_de_la_commune": int(astray.sum())} if astray.any() else {})
        kept = ~(nowhere | astray)
        retenues = good.filter(pa.array(kept))
        retenues = retenues.append_column("reponse", _numbered(answers[kept], self._known))
        retenues = retenues.append_column("endroit", _numbered(answers[kept, ::2], self._places))
        self.bonnes += len(retenues)
        self._con.register("lot", retenues)
        self._con.execute("INSERT INTO retenues BY NAME SELECT * FROM lot")
        self._con.unregister("lot")


@contextmanager
def gathered(
    extracts: Sequence[Path], placing: Placing, communes: Collection[str], work: Path, block: int = BLOCK
) -> Iterator[Gathered]:
    """Read the extracts; the addresses are there as long as the context is. Raises SiteError as `Gathered.read`."""
    with engine(work) as con:
        found = Gathered(con, placing, communes)
        for path in extracts:
            found.read(path, block)
        yield found


def _numbered(answers: np.ndarray[Any, Any], known: dict[Answer, int]) -> pa.Array:
    """The number of each answer, those not met before being numbered."""
    if not len(answers):
        return pa.array([], pa.int32())
    distinct, at = np.unique(answers, axis=0, return_inverse=True)
    numbers = [known.setdefault(tuple(row), len(known)) for row in distinct.tolist()]
    return pa.array(np.array(numbers, dtype=np.int32)[at.reshape(-1)])


def _address(row: tuple[Any, ...], answers: Mapping[int, Answer]) -> Address:
    _, _, _, voie, postcode, former, former_name, number, suffix, answer, rank, shared = row
    sans = number == SANS_NUMERO
    imprecise = rank > _PRECISE or sans  # `rang` counts from 1
    flags = IMPRECISE * imprecise + PARTAGEE * bool(shared)
    return Address(voie, postcode, former_name or former, SANS if sans else number, suffix, (*answers[answer], flags))
