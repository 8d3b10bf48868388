"""All the clauses of one zoning, gathered: contours, lists and compositions that speak of the same zones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from qpv_data.clause.model import Vigueur
from qpv_data.problems import FeedError, Problem
from qpv_data.zonages.members import composed_members, declared_members
from qpv_data.zonages.model import CodeIllisible, Degeneree, Member, Reparation, Zone
from qpv_data.zonages.perimeters import Perimeters, build_perimeters, expected_territories
from qpv_data.zonages.records import Records, refuse_repeated
from qpv_data.zonages.territories import department_of_zone_code, load_territories, territory_of_department


class Label(NamedTuple):
    """What a list or a composition knows of a zone."""

    nom: str | None
    population: int | None
    millesime: str


@dataclass(frozen=True)
class Gathered:
    """One zoning. `labels` is empty when no list speaks of it; `members` are those that the clauses declare."""

    id: str
    famille: str
    records: tuple[Records, ...]
    zones: tuple[Zone, ...]
    labels: dict[str, Label]
    members: tuple[Member, ...]
    reparations: tuple[Reparation, ...]
    degenerees: tuple[Degeneree, ...]
    illisibles: tuple[CodeIllisible, ...]

    @property
    def has_contours(self) -> bool:
        """Whether perimeters, and not only codes, feed it."""
        return any(z.statut != "sans_contour" for z in self.zones)

    @property
    def is_composed(self) -> bool:
        """Whether its zones are sets of communes and nothing else."""
        return not self.has_contours and any(r.clause.zonage.objet == "composition" for r in self.records)

    @property
    def vigueur(self) -> set[tuple[str, Vigueur]]:
        """(vintage, when and where in force) over its clauses."""
        return {(r.clause.zonage.millesime, v) for r in self.records for v in r.clause.zonage.en_vigueur}


def gather(records: Sequence[Records]) -> Gathered:
    """Join the clauses of one zoning, sorted by id. Zones are those with contours; without any, those of the
    compositions; without any, those of the lists. Names and populations of lists complete them, and prevail.

    Raises FeedError: a code in two clauses of the same kind, families that differ, a territory that no clause
    puts in force, or that does not exist; and what `build_perimeters` raises.
    """
    first = records[0].clause.zonage
    for part in records:
        if part.clause.zonage.famille != first.famille:
            message = f"le zonage {first.id} est de famille {first.famille} ailleurs"
            raise FeedError(part.clause.id, Problem.VALEUR_INVALIDE, message, "donner la même `zonage.famille`")
    perimeters = [r for r in records if r.clause.zonage.objet == "perimetres"]
    lists = [r for r in records if r.clause.zonage.objet == "liste"]
    compositions = [r for r in records if r.clause.zonage.objet == "composition"]
    for same_kind in (perimeters, lists):
        _refuse_shared(same_kind)
    built = [build_perimeters(part) for part in perimeters]
    labels, composed = _labels(lists), _labels(compositions)
    members, unreadable = _members(records)
    zones = _zones(first.id, first.famille, built, labels, composed, members)
    gathered = Gathered(
        id=first.id,
        famille=first.famille,
        records=tuple(records),
        zones=zones,
        labels=labels,
        members=tuple(members),
        reparations=tuple(sorted(x for b in built for x in b.reparations)),
        degenerees=tuple(sorted(x for b in built for x in b.degenerees)),
        illisibles=tuple(sorted(unreadable)),
    )
    _assert_in_force(gathered)
    return gathered


def _refuse_shared(parts: Sequence[Records]) -> None:
    seen: Counter[str] = Counter()
    for part in parts:
        seen.update(part.codes)
        refuse_repeated(part.clause, list(seen.elements()))


def _labels(parts: Iterable[Records]) -> dict[str, Label]:
    """First name and population that are not null, in the order of the clauses then of the file."""
    found: dict[str, Label] = {}
    for part in parts:
        for code, nom, population in zip(part.codes, part.noms, part.populations, strict=True):
            old = found.get(code, Label(None, None, part.clause.zonage.millesime))
            found[code] = Label(
                nom if old.nom is None else old.nom,
                population if old.population is None else old.population,
                old.millesime,
            )
    return found


def _members(records: Iterable[Records]) -> tuple[list[Member], list[CodeIllisible]]:
    members: list[Member] = []
    unreadable: list[CodeIllisible] = []
    for part in records:
        declared, wrong = declared_members(part)
        members += declared
        unreadable += wrong
        if part.clause.zonage.objet == "composition":
            members += composed_members(part)
    return members, unreadable


def _zones(
    zonage: str,
    famille: str,
    built: Sequence[Perimeters],
    labels: dict[str, Label],
    composed: dict[str, Label],
    members: Sequence[Member],
) -> tuple[Zone, ...]:
    contours = [_labelled(_labelled(z, composed), labels) for b in built for z in b.zones]
    if contours:
        return tuple(sorted(contours, key=lambda z: z.code))
    communes: dict[str, list[str]] = {}
    for member in members:
        communes.setdefault(member.code_zone, []).append(member.code_commune)
    source = composed or labels
    bare = (
        Zone(
            zonage=zonage,
            famille=famille,
            code=code,
            nom=label.nom,
            millesime=label.millesime,
            statut="sans_contour",
            territoire=_territory_of_code(famille, code, communes.get(code, ())),
            population=label.population,
        )
        for code, label in sorted(source.items())
    )
    return tuple(_labelled(zone, labels) for zone in bare)


def _labelled(zone: Zone, labels: dict[str, Label]) -> Zone:
    label = labels.get(zone.code)
    if label is None:
        return zone
    population = zone.population if label.population is None else label.population
    return replace(zone, nom=label.nom or zone.nom, population=population)


def _territory_of_code(famille: str, code: str, communes: Collection[str]) -> str | None:
    """Territory of a zone without contour: its code's, else the one that most of its communes are in (the first
    in order of ids on a tie). None when unknown, or when only contours could tell (Polynésie)."""
    expected = expected_territories(famille, code)
    if expected:
        return expected[0].id if len(expected) == 1 else None
    departments = (department_of_zone_code(commune) for commune in communes)
    found = (territory_of_department(department) for department in departments if department)
    votes = Counter(territory.id for territory in found if territory is not None)
    return min(votes, key=lambda name: (-votes[name], name)) if votes else None


def _assert_in_force(gathered: Gathered) -> None:
    known = {t.id for t in load_territories()}
    declared = {v.territoire for _, v in gathered.vigueur}
    jeu = gathered.records[0].clause.id
    if strangers := sorted(declared - known):
        message = f"territoires inconnus dans `en_vigueur` : {', '.join(strangers)}"
        raise FeedError(jeu, Problem.REFERENCE_INCONNUE, message, f"territoires connus : {', '.join(sorted(known))}")
    drawn = {z.territoire for z in gathered.zones if z.statut != "sans_contour" and z.territoire}
    if silent := sorted(drawn - declared):
        message = f"des zones de {gathered.id} sont dans : {', '.join(silent)}, que `en_vigueur` ne dit pas"
        raise FeedError(jeu, Problem.PERIMETRES_INVALIDES, message, "compléter `zonage.en_vigueur`")
