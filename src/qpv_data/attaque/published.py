"""A release as anyone who receives it reads it: its values, its catalogue, the public make-up of its zones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import duckdb

from qpv_data.attaque.faces import Faces, read_faces
from qpv_data.attaque.refusal import RefusedInputError

AUDIENCES = ("interne", "partenaires", "ouvert")
"""Folders that a release may have, from the narrowest, which is told the most."""
Exact = int | Fraction  # whole numbers stay integers: they are most figures, and quicker

_ROWS = """
SELECT indicateur, modalite, zonage, code_zone, periode, valeur, numerateur, denominateur,
  statut_observation, statut_diffusion
FROM read_parquet($files, hive_partitioning = true, hive_types_autocast = false)
WHERE list_contains($whole, indicateur) OR (list_contains($indicators, indicateur) AND list_contains($periods, periode))
ORDER BY ALL
"""
_DIGESTS = """
SELECT indicateur, periode, count(*), sum(h), bit_xor(h), max(coalesce(numerateur, valeur))
FROM (
  SELECT indicateur, periode, numerateur, valeur,
    hash(modalite, zonage, code_zone, valeur, numerateur, denominateur, statut_observation, statut_diffusion) AS h
  FROM read_parquet($files, hive_partitioning = true, hive_types_autocast = false)
)
GROUP BY ALL
"""
Digest = tuple[int, int, int, float | None]
"""What an indicator says at a period: rows, two sums of their hashes, and the largest figure."""


@dataclass(frozen=True)
class Row:
    """One row of `valeurs`. Numbers are as published, None when they are not."""

    indicator: str
    modality: str
    zoning: str
    zone: str
    period: str
    value: float | None
    numerator: float | None
    denominator: float | None
    observation: str
    diffusion: str


@dataclass(frozen=True)
class Link:
    """What a zone of one generation shares with one of another; None on a side without link. Shares of area."""

    old: tuple[str, str | None]
    new: tuple[str, str | None]
    rest_old: float
    rest_new: float
    overlap: float


@dataclass(frozen=True)
class Zoning:
    """`communes`: (zoning, zone) → its communes. `composed`: zonings made of whole communes. `quarters`: zonings of
    neighbourhoods. `family` of every zoning. `faces`: what contours cut out, when they are published."""

    communes: dict[tuple[str, str], list[str]]
    composed: frozenset[str]
    family: dict[str, str]
    links: tuple[Link, ...]
    faces: Faces | None = None


@dataclass(frozen=True)
class Release:
    """`catalogue`: indicator → its row. `axes`: (indicator, modality) → the breakdown, None for the whole.

    `largest`: the largest figure that each indicator publishes. `until`: the last release that repeats all that this
    one says of a period. `audience`, `of`: whom it is for, and its last period, when its manifest says.
    `zeros_published`: the policy that it states; a hidden count is then no zero, the sides of a share apart.
    """

    name: str
    rows: list[Row]
    catalogue: dict[str, dict[str, Any]]
    axes: dict[tuple[str, str], str | None]
    zoning: Zoning
    zeros_published: bool = True
    audience: str = ""
    of: str = ""
    largest: Mapping[str, float] = field(default_factory=dict)
    until: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def _figures(self) -> dict[tuple[str, str, str, str, str], float]:
        return {
            (r.indicator, r.modality, r.zoning, r.zone, r.period): number
            for r in self.rows
            if (number := r.value if r.numerator is None else r.numerator) is not None
        }

    @cached_property
    def _periods(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for r in self.rows:
            found.setdefault(r.indicator, set()).add(r.period)
        return found

    @cached_property
    def by_period(self) -> Mapping[str, Sequence[Row]]:
        """Rows of each period."""
        found: dict[str, list[Row]] = {}
        for r in self.rows:
            found.setdefault(r.period, []).append(r)
        return found

    def figure(self, indicator: str, beside: Row, period: str) -> float | None:
        """What an indicator says of the zone of another row: its numerator, or its value."""
        return self._figures.get((indicator, beside.modality, beside.zoning, beside.zone, period))

    def periods(self, indicator: str) -> set[str]:
        """The periods of an indicator."""
        return self._periods.get(indicator, set())


def read_release(folder: Path) -> Release:
    """Read all that the attack uses."""
    release = read_catalogue(folder)
    whole = _with_rows(release, folder, list(release.catalogue), [], [])
    return replace(whole, largest=largest_of(digests(folder)))


def with_rows(release: Release, folder: Path, jeu: str, periods: Sequence[str]) -> Release:
    """The release with the values of one feed at some periods, and of what it divides by: a ledger is attacked feed by
    feed."""
    own = [i for i, r in release.catalogue.items() if r["jeu"] == jeu]
    if not own or not periods:
        return replace(release, rows=[])
    beside = sorted({name for i in own for name in str(release.catalogue[i]["par"] or "").split(", ") if name})
    return _with_rows(release, folder, beside, own, periods)


def _with_rows(
    release: Release, folder: Path, whole: Sequence[str], indicators: Sequence[str], periods: Sequence[str]
) -> Release:
    asked = {"whole": list(whole), "indicators": list(indicators), "periods": list(periods)}
    return replace(release, rows=[Row(*r) for r in _asked(folder, _ROWS, asked)])


def digests(folder: Path) -> dict[tuple[str, str], Digest]:
    """What a release says, by indicator and period."""
    return {(i, p): (n, int(h), int(x), most) for i, p, n, h, x, most in _asked(folder, _DIGESTS, {})}


def largest_of(said: Mapping[tuple[str, str], Digest]) -> dict[str, float]:
    """The largest figure that each indicator publishes."""
    largest: dict[str, float] = {}
    for (indicator, _), (*_, most) in said.items():
        if most is not None:
            largest[indicator] = max(most, largest.get(indicator, most))
    return largest


def _asked(folder: Path, query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    files = [str(p) for p in sorted((folder / "valeurs").rglob("*.parquet"))]
    if not files:
        return []
    with database() as con:
        try:
            return con.execute(query, {"files": files, **parameters}).fetchall()
        except duckdb.Error as e:
            raise _unreadable(folder, e) from None


def read_catalogue(folder: Path, known_faces: dict[str, Faces | None] | None = None) -> Release:
    """The release without its values. `known_faces`: those of releases read before, which may be the same."""
    if not (folder / "indicateurs.parquet").is_file():
        message = "pas d'indicateurs.parquet : ce n'est pas une publication"
        raise RefusedInputError(folder.name, "source_absente", message, "donner un dossier releases/<publication>")
    zeros, audience, of = _stated(folder)
    with database() as con:
        try:
            catalogue = _settled({r["indicateur"]: r for r in _table(con, folder, "indicateurs")})
            axes = {(r["indicateur"], r["modalite"]): r["axe"] for r in _table(con, folder, "modalites")}
            zoning = replace(_zoning(con, folder), faces=read_faces(folder, {} if known_faces is None else known_faces))
            return Release(_name(folder), [], catalogue, axes, zoning, zeros, audience, of)
        except (duckdb.Error, KeyError) as e:
            raise _unreadable(folder, e) from None


def _name(folder: Path) -> str:
    """The release that a folder is: its own name, or that of the one that holds it for an audience."""
    return folder.resolve().parent.name if folder.name in AUDIENCES else folder.name


def _settled(catalogue: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """`distincts`: whether the numerator of a rate may be distinct units, which do not add up. The catalogue does not
    say it of a rate; another indicator of the feed that has the same numerator does."""
    sums = {(r["jeu"], r["numerateur"]) for r in catalogue.values() if r["nature"] in ("somme", "part", "moyenne")}
    for row in catalogue.values():
        rate = row["nature"] == "taux" and row["par"] is not None and row["numerateur"] is not None
        row["distincts"] = rate and (row["jeu"], row["numerateur"]) not in sums
    return catalogue


def database() -> duckdb.DuckDBPyConnection:
    """In memory, and nowhere else: no file is left where the attack runs. Nothing is made in it but what it answers."""
    return _instance().cursor()


@cache
def _instance() -> duckdb.DuckDBPyConnection:
    """Started once: that costs more than to read a release. A file that is written again is read again."""
    return duckdb.connect(config={"temp_directory": "", "enable_external_file_cache": "false", **_cores()})


def _cores() -> dict[str, int]:
    """What QPV_DATA_COEURS allows, if it says; the rest of the package refuses what is no number."""
    given = os.environ.get("QPV_DATA_COEURS", "").strip()
    return {"threads": int(given)} if given.isascii() and given.isdecimal() and int(given) else {}


def _stated(folder: Path) -> tuple[bool, str, str]:
    """The policy of zeros, `secret: {zeros: publies}` or `caches` of the manifest (published when it says nothing, or
    is not there yet), the audience, and the last period."""
    path = folder / "manifest.json"
    if not path.is_file():
        return True, "", ""
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as e:
        raise _unreadable(folder, e) from None
    manifest = manifest if isinstance(manifest, Mapping) else {}
    secret = manifest.get("secret")
    said = secret.get("zeros", "publies") if isinstance(secret, Mapping) else "publies"
    if said not in ("publies", "caches"):
        message = f"manifest.json, secret.zeros : {said}"
        raise RefusedInputError(folder.name, "valeur_invalide", message, "publies ou caches")
    return said == "publies", str(manifest.get("diffusion", "")), str(manifest.get("periode", ""))


def _unreadable(folder: Path, error: Exception) -> RefusedInputError:
    message = str(error).splitlines()[0][:200]
    return RefusedInputError(folder.name, "format_inattendu", message, "vérifier la publication")


def _table(con: duckdb.DuckDBPyConnection, folder: Path, name: str, columns: str = "*") -> list[dict[str, Any]]:
    path = folder / f"{name}.parquet"
    if not path.is_file():
        return []
    answer = con.execute(f"SELECT {columns} FROM read_parquet($path)", {"path": str(path)})
    names = [d[0] for d in answer.description or []]
    return [dict(zip(names, r, strict=True)) for r in answer.fetchall()]


def _zoning(con: duckdb.DuckDBPyConnection, folder: Path) -> Zoning:
    communes: dict[tuple[str, str], list[str]] = {}
    origins: dict[str, set[str]] = {}
    for r in _table(con, folder, "zones_communes"):
        communes.setdefault((r["zonage"], r["code_zone"]), []).append(r["code_commune"])
        origins.setdefault(r["zonage"], set()).add(r["origine"])
    zones = _table(con, folder, "zones", "zonage, famille, code_zone")
    composed = frozenset(z for z, found in origins.items() if found == {"composition"})
    return Zoning(communes, composed, {r["zonage"]: r["famille"] for r in zones}, tuple(_links(con, folder)))


def _links(con: duckdb.DuckDBPyConnection, folder: Path) -> Iterable[Link]:
    for r in _table(con, folder, "passages"):
        yield Link(
            (r["zonage_depart"], r["code_depart"]),
            (r["zonage_arrivee"], r["code_arrivee"]),
            r["reste_depart"] or 0.0,
            r["reste_arrivee"] or 0.0,
            max(r["double_depart"] or 0.0, r["double_arrivee"] or 0.0),
        )


def exact(number: float) -> Exact:
    """A published number as it is written, and not as floating point holds it."""
    return int(number) if number.is_integer() else Fraction(repr(number))
