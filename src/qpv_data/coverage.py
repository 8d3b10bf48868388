"""Which zones a feed can speak of: a zero outside its territory, or over half a zone, would be a lie."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.clause.model import ClauseJeu, Couverture, LocalisationCode
from qpv_data.zonages.quarters import Quarters
from qpv_data.zonages.territories import department_of_zone_code

TERRITOIRE, NON_LOCALISE = "territoire", "non_localise"
NORMALE, SANS_OBJET, NON_LIVREE = "normale", "sans_objet", "non_livree"
_SUMS, _TOUCH = frozenset({"epci", "contrat", "unite_urbaine"}), frozenset({"qpv", "iris", "commune"})
CIBLES = pa.schema([("zonage", pa.string()), ("code_zone", pa.string()), ("statut", pa.string())])


@dataclass(frozen=True)
class ZoneTable:
    """The zones of a run, as tables: what `compose_zonages` wrote, read once. `iris`: the zonings made of IRIS."""

    zones: tuple[Mapping[str, str | None], ...]
    membres: Mapping[tuple[str, str], frozenset[str]]
    communes: frozenset[str]
    perimetres: frozenset[str]
    compositions: frozenset[str]
    iris: frozenset[str]

    @property
    def contours_de_communes(self) -> bool:
        """Whether points can be placed in communes."""
        return "commune" in self.perimetres


def read_zone_table(directory: Path) -> ZoneTable:
    """Read `zones.parquet` and `zones_communes.parquet`."""
    columns = ["zonage", "famille", "code_zone", "statut"]
    zones = tuple(pq.read_table(directory / "zones.parquet", columns=columns).to_pylist())
    families = {str(z["zonage"]): z["famille"] for z in zones}
    drawn = frozenset(z["zonage"] for z in zones if z["statut"] == "normale" or z["famille"] == "qpv")
    members: dict[tuple[str, str], set[str]] = {}
    composed: set[str] = set()
    for row in pq.read_table(directory / "zones_communes.parquet").to_pylist():
        members.setdefault((row["zonage"], row["code_zone"]), set()).add(row["code_commune"])
        # A quarter only touches its communes, whoever lists them: it is never their sum.
        if families[row["zonage"]] in _SUMS or row["origine"] == "composition":
            composed.add(row["zonage"])
    return ZoneTable(
        zones=zones,
        membres={key: frozenset(codes) for key, codes in members.items()},
        communes=frozenset(z["code_zone"] for z in zones if z["zonage"] == "commune"),
        perimetres=drawn,
        compositions=frozenset(n for n in composed if n not in drawn and families[n] not in _TOUCH),
        iris=frozenset(n for n, family in families.items() if family == "iris"),
    )


def target_zones(clause: ClauseJeu, table: ZoneTable, quarters: Quarters | None = None) -> pa.Table:
    """Every zone of the run with what the feed may say of it.

    `normale`: it covers the whole zone; `sans_objet`: it does not speak of it; `non_livree`: it covers a part of
    it, or the zone has lost its contour. Sorted by zoning and code; `territoire` and `non_localise` included.
    `quarters`: what communes say of the quarters that the clause names; without it, nothing.
    """
    rows = sorted(_targets(clause, table, quarters))
    return pa.Table.from_pylist([dict(zip(CIBLES.names, row, strict=True)) for row in rows], schema=CIBLES)


def _targets(clause: ClauseJeu, table: ZoneTable, quarters: Quarters | None) -> Iterator[tuple[str, str, str]]:
    for zone in table.zones:
        zoning, code = str(zone["zonage"]), str(zone["code_zone"])
        if quarters is not None and quarters.zonage == zoning:
            yield zoning, code, _told(clause.couverture, quarters, code, table)
        else:
            yield zoning, code, _status(clause, table, zone)
    by_code = isinstance(clause.localisation, LocalisationCode)
    on_communes = by_code and _zoning(clause) == "commune"
    whole = _communes_answerable(clause, table) and bool(table.communes)
    partial = {_covered(clause.couverture, c) for c in table.communes} != {True}
    status = SANS_OBJET if by_code and not on_communes else NON_LIVREE if partial or not whole else NORMALE
    yield TERRITOIRE, TERRITOIRE, status
    unlocated = SANS_OBJET if by_code else NORMALE if whole else NON_LIVREE
    yield NON_LOCALISE, TERRITOIRE, unlocated
    for commune in table.communes:
        covered = _covered(clause.couverture, commune)
        yield NON_LOCALISE, commune, unlocated if covered else SANS_OBJET


def _zoning(clause: ClauseJeu) -> str | None:
    return clause.localisation.zonage if isinstance(clause.localisation, LocalisationCode) else None


def _communes_answerable(clause: ClauseJeu, table: ZoneTable) -> bool:
    """Whether the commune of a record can be known: a contour, a declared column, or a commune's own code."""
    place = clause.localisation
    if isinstance(place, LocalisationCode):
        return place.zonage == "commune"
    return table.contours_de_communes or place.commune is not None


def _status(clause: ClauseJeu, table: ZoneTable, zone: Mapping[str, str | None]) -> str:
    zoning, code = str(zone["zonage"]), str(zone["code_zone"])
    through_communes = zoning == "commune" or zoning in table.compositions
    own = _zoning(clause)
    if own is not None and zoning != own and not (own == "commune" and through_communes):
        return SANS_OBJET
    covered = _coverage(clause.couverture, zoning, code, table)
    if covered is False:
        return SANS_OBJET
    if covered is None or (zone["statut"] == "degeneree" and own is None):
        return NON_LIVREE
    if zone["statut"] == "sans_contour" and own is None and not through_communes:
        return NON_LIVREE
    if own is None and through_communes and not _communes_answerable(clause, table):
        return NON_LIVREE
    members = table.membres.get((zoning, code), frozenset())
    if zoning in table.compositions and own != zoning and not (members and members <= table.communes):
        return NON_LIVREE
    return NORMALE


def _told(coverage: Couverture, quarters: Quarters, code: str, table: ZoneTable) -> str:
    """A quarter of which a commune is shared, not covered or not known has but a part of its rows.

    Nothing is said of a quarter only when all its communes are known, or when the feed does not cover it.
    """
    touching = quarters.communes.get(code, frozenset())
    told = {commune for commune in quarters.told(code) if _covered(coverage, commune)}
    if not told:
        known = code in quarters.connus or _coverage(coverage, quarters.zonage, code, table) is False
        return SANS_OBJET if known else NON_LIVREE
    return NORMALE if told == touching and code in quarters.connus else NON_LIVREE


def _coverage(coverage: Couverture, zoning: str, code: str, table: ZoneTable) -> bool | None:
    """True: the whole zone; False: none of it; None: a part, or it cannot be known."""
    if coverage.france:
        return True
    members = {code} if zoning == "commune" else table.membres.get((zoning, code))
    if not members and zoning in table.iris:
        members = {code[:5]}  # an IRIS is of the commune that its code begins with, drawn or not
    if members:
        answers = {_covered(coverage, commune) for commune in members}
        return answers.pop() if len(answers) == 1 else None
    department = department_of_zone_code(code)
    if department is None:
        return None
    if coverage.departements:
        return department in coverage.departements
    return None if department in {department_of_zone_code(c) for c in coverage.communes} else False


def _covered(coverage: Couverture, commune: str) -> bool:
    return coverage.france or commune in coverage.communes or department_of_zone_code(commune) in coverage.departements
