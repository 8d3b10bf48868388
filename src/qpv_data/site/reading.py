"""Read what the pages need from the database of one audience: nothing else of a release is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb

from qpv_data.cores import cores
from qpv_data.database import write_database
from qpv_data.engine import MEMORY, sql_path
from qpv_data.exports.folder import AudienceFolder
from qpv_data.periods import parse_period
from qpv_data.releases.layout import CERTIFICATE
from qpv_data.resources import sql_dir
from qpv_data.site import carrying, comparing
from qpv_data.site.french import thin
from qpv_data.site.homonyms import told_apart
from qpv_data.site.maps import Outline, outline
from qpv_data.site.model import HIDDEN, Indicator, Series, Value, Zone
from qpv_data.site.taken import by_indicator, by_period, take

Row = dict[str, Any]
BASE = "qpv.duckdb"
BLOCK = 64
"""Quarters whose values are read at once: memory does not depend on how many there are."""


@dataclass(frozen=True)
class Release:
    """One audience's release, open. `quartiers`: those in force at the end of its period, by code."""

    con: duckdb.DuckDBPyConnection | None
    """None while it goes from a process to another."""
    base: Path
    publication: Row
    zones: Mapping[tuple[str, str], Zone]
    quartiers: tuple[Zone, ...]
    indicateurs: Mapping[str, Indicator]
    dernieres: Mapping[str, str]
    """Indicator → the last period at which a quarter has a value."""
    comparaisons: Path
    """Where the comparisons of quarters were written, for as long as the release is open."""
    portees: Path
    """The same, of the values carried from the generation before."""
    comparateurs: Mapping[comparing.Place, tuple[str, str]]
    """The words for what each quarter is compared with, and by what shares."""

    def rows(self, sql: str, *parameters: object) -> list[Row]:
        """Rows of a query as dictionaries."""
        found = self.open.execute(sql, list(parameters))
        names = [d[0] for d in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    @property
    def open(self) -> duckdb.DuckDBPyConnection:
        """The connection; whoever has none may not ask."""
        if self.con is None:
            raise RuntimeError("the database is read by the process that opened it")
        return self.con

    def named(self, sql: str) -> list[Row]:
        """Rows of sql/site/<sql>.sql."""
        return self.rows(self.sql(sql))

    def sql(self, name: str) -> str:
        """The text of sql/site/<name>.sql."""
        return (sql_dir() / "site" / f"{name}.sql").read_text("utf-8")


@contextmanager
def opened(folder: AudienceFolder, work: Path, territory: str | None = None) -> Iterator[Release]:
    """The release of a folder; `territory`: code of an EPCI or of a contrat de ville, whose quarters alone are kept.

    The database is built under `work` when the folder has none. Raises ReleaseError for a territory without quarters.
    """
    base = folder.dossier / BASE
    if not base.is_file():
        base = write_database(folder.dossier, work / BASE)
    with connected(base, cores(), work / "tri") as con:
        last = dict(con.execute("SELECT indicateur, periode FROM dernieres_periodes").fetchall())
        taken = (
            take(con, "comparaisons", work, list(by_period(last))),
            take(con, "portees", work, list(by_indicator(list(last)))),
        )
        yield read(con, base, taken, territory)


def connected(base: Path, threads: int, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """The database, to read only; temporary tables are in memory. `spill`: where what has no room there goes."""
    con = duckdb.connect(config={"memory_limit": MEMORY, "threads": threads})
    con.execute("SET enable_progress_bar = false")
    if spill is not None:
        con.execute(f"SET temp_directory = {sql_path(spill)}")
    con.execute(f"ATTACH {sql_path(base)} AS base (READ_ONLY)")
    con.execute("USE base")
    return con


def read(con: duckdb.DuckDBPyConnection, base: Path, taken: tuple[Path, Path], territory: str | None = None) -> Release:
    """What every page needs, in memory: zones, indicators and the last period of each."""
    empty = Release(con, base, {}, {}, (), {}, {}, *taken, {})
    publication = empty.rows("SELECT * FROM publications")[-1]
    zones = {
        (z["zonage"], z["code_zone"]): Zone(
            z["zonage"], z["famille"], z["code_zone"], thin(z["nom"] or z["code_zone"]), z["population"],
            z["superficie_m2"], z["territoire"],
        )
        for z in empty.named("zones")
    }  # fmt: skip
    last = {r["indicateur"]: r["periode"] for r in empty.rows("SELECT * FROM dernieres_periodes")}
    stale = {part.split()[0] for part in (publication["jeux_perimes"] or "").split(",") if part.strip()}
    indicators = {r["indicateur"]: _indicator(r, stale) for r in empty.named("indicateurs")}
    quarters = tuple(z for z in _in_force(empty, publication, zones) if _inside(empty, z, territory))
    return Release(
        con, base, publication, zones, told_apart(con, zones, quarters), indicators, last, *taken, comparing.names(con)
    )


def _in_force(release: Release, publication: Row, zones: Mapping[tuple[str, str], Zone]) -> list[Zone]:
    """Quarters in force at the end of the release's period, territory by territory: the newest generation wins."""
    day = parse_period(publication["periode"]).fin
    chosen: dict[str, str] = {}
    for row in release.rows(
        "SELECT * FROM en_vigueur WHERE de <= ? AND coalesce(a, ?) >= ? ORDER BY de", day, day, day
    ):
        if any(z.famille == "qpv" and z.zonage == row["zonage"] for z in zones.values()):
            chosen[row["territoire"]] = row["zonage"]
    told = {row["territoire"] for row in release.rows("SELECT DISTINCT territoire FROM en_vigueur")}
    newest = max((z.zonage for z in zones.values() if z.famille == "qpv"), default="")
    quarters = [z for z in zones.values() if z.famille == "qpv"]
    # where it is not said what is in force, the newest generation is
    found = [z for z in quarters if z.zonage == (chosen.get(z.territoire or "") if z.territoire in told else newest)]
    if not found:
        found = [z for z in quarters if z.zonage == newest]
    return sorted(found, key=lambda z: z.code)


def _inside(release: Release, zone: Zone, territory: str | None) -> bool:
    if territory is None:
        return True
    sql = (
        "SELECT 1 FROM zones_epci WHERE zonage = ? AND code_zone = ? AND code_epci = ?"
        " UNION ALL SELECT 1 FROM zones_contrats WHERE zonage = ? AND code_zone = ? AND code_contrat = ?"
    )
    return bool(release.rows(sql, *(zone.zonage, zone.code, territory) * 2))


def _indicator(row: Row, stale: set[str]) -> Indicator:
    return Indicator(
        id=row["indicateur"], titre=thin(row["titre"]), definition=thin(row["definition"]), theme=row["theme"],
        unite=row["unite"], nature=row["nature"], nature_temporelle=row["nature_temporelle"],
        decimales=int(row["decimales"]), frequence=row["frequence"], reserve=row["reserve"], jeu=row["jeu"],
        producteur=row["producteur"], licence=row["licence"], url=row["url"], denominateur=row["titre_denominateur"],
        additif=bool(row["additif"]), perime=row["jeu"] in stale, recue_le=row["recue_le"],
    )  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """What is read of one quarter: its series by indicator, and what each is compared with."""

    zone: Zone
    series: Mapping[str, Series]
    compares: comparing.Beside


def sheets(release: Release, quarters: tuple[Zone, ...]) -> Iterator[Sheet]:
    """Each quarter, in the order of `quarters` (sorted by code), read a block at a time."""
    sql = release.sql("fiches")
    breaks: dict[str, dict[str, str]] = {}
    for row in release.rows("SELECT indicateur, periode, motif FROM ruptures"):
        breaks.setdefault(row["indicateur"], {})[row["periode"]] = row["motif"]
    labels = {(r["indicateur"], r["modalite"]): thin(r["libelle"]) for r in release.rows("SELECT * FROM modalites")}
    for start in range(0, len(quarters), BLOCK):
        block = quarters[start : start + BLOCK]
        rows = release.rows(sql, [z.zonage for z in block], [z.code for z in block])
        by_zone = {k: list(g) for k, g in groupby(rows, key=lambda r: (r["zonage"], r["code_zone"]))}
        places = [(z.zonage, z.code) for z in block]
        before = carrying.read(release.open, release.portees, places)
        beside = comparing.read(release.open, release.comparaisons, places, release.comparateurs)
        for zone, place in zip(block, places, strict=True):
            own = _series(release, by_zone.get(place, []), breaks, labels)
            for name, values in before.get(place, {}).items():
                known = own.get(name) or Series(release.indicateurs[name], (), (), breaks.get(name, {}))
                own[name] = carrying.joined(known, values)
            whole = {name: carrying.marked(series) for name, series in own.items()}
            yield Sheet(zone, whole, beside.get(place, {}))


def _series(
    release: Release, rows: list[Row], breaks: Mapping[str, Mapping[str, str]], labels: Mapping[tuple[str, str], str]
) -> dict[str, Series]:
    found: dict[str, Series] = {}
    for name, group in groupby(rows, key=lambda r: r["indicateur"]):
        total: list[Value] = []
        parts: dict[str, Value] = {}
        last = release.dernieres.get(name)
        for r in group:
            if r["modalite"] == "ensemble":
                total.append(value_of(r))
            elif r["periode"] == last:
                parts[r["modalite"]] = value_of(r)
        told = tuple(zip(_labels(labels, name, list(parts)), parts.values(), strict=True))
        found[name] = Series(release.indicateurs[name], tuple(total), told, breaks.get(name, {}))
    return found


def _labels(labels: Mapping[tuple[str, str], str], indicator: str, codes: list[str]) -> list[str]:
    """What each modality is called: its label, with its code when another has the same, or its code."""
    told = [labels.get((indicator, code)) or code for code in codes]
    return [f"{words} ({code})" if told.count(words) > 1 else words for words, code in zip(told, codes, strict=True)]


def value_of(r: Row) -> Value:
    """A row of `valeurs` (with the bounds of its uncertainty) as a value."""
    state = r["statut_diffusion"] if r["statut_diffusion"] != "diffusee" else r["statut_observation"]
    if r["valeur"] is None and state in ("normale", "provisoire", "estimee", "imputee", "rupture"):
        state = "absente"
    debut: date = r["periode_debut"]
    if state in HIDDEN:  # whatever stands beside it
        return Value(r["periode"], debut, None, state)
    return Value(r["periode"], debut, r["valeur"], state, basse=r["borne_basse"], haute=r["borne_haute"])


def certificate(folder: AudienceFolder) -> Row | None:
    """What the certificate of an audience's folder says; None when there is none."""
    path = folder.dossier / CERTIFICATE
    if not path.is_file():
        return None
    content: Row = json.loads(path.read_text("utf-8"))
    return content


def outlines(release: Release, wanted: list[Zone]) -> dict[str, Outline]:
    """Code → perimeter in degrees (lon, lat), of the zones that have a contour."""
    by_zoning: dict[str, list[str]] = {}
    for zone in wanted:
        by_zoning.setdefault(zone.zonage, []).append(zone.code)
    found: dict[str, Outline] = {}
    for zoning, codes in by_zoning.items():
        sql = "SELECT code_zone, geojson FROM zones_geojson WHERE zonage = ? AND list_contains(?, code_zone)"
        for row in release.rows(sql, zoning, codes):
            shape = json.loads(row["geojson"])
            if shape["type"] in ("Polygon", "MultiPolygon"):  # three quarters of 2024 are points, until they are drawn
                whole = shape["coordinates"]
                if drawn := [p for p in (whole if shape["type"] == "MultiPolygon" else [whole]) if p]:
                    found[row["code_zone"]] = outline(drawn)
    return found
