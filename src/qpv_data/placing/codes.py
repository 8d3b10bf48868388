"""Rows that carry a code are where it says, once its generation is asserted; a commune's, in a quarter, only where
the clause says how and the ground agrees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from qpv_data.clause.model import ClauseJeu, LocalisationCode
from qpv_data.placing.states import DEDANS, INCONNU, Columns
from qpv_data.problems import FeedError, MotifInconnu, Problem
from qpv_data.zonages.loading import Zones
from qpv_data.zonages.quarters import Answer, quarters_of


class CodeAnswer:
    """Answers for rows that carry a code. Codes of another generation of quarters, or none that is known, say that
    the delivery is not of the vintage that its clause declares: it is refused, and nothing is called unknown."""

    def __init__(self, clause: ClauseJeu, zones: Zones) -> None:
        place = clause.localisation
        assert isinstance(place, LocalisationCode)
        self._clause, self._place = clause, place
        self._known = zones.codes(place.zonage)
        same = (z for z in zones.familles if zones.famille(z) == zones.familles.get(place.zonage) == "qpv")
        self._others = {z: zones.codes(z) - self._known for z in same if z != place.zonage}
        self._quarters = quarters_of(place.quartiers, zones) if place.quartiers else None
        self._met: Counter[str] = Counter()
        self._strange: Counter[str] = Counter()

    def __call__(self, table: pa.Table) -> Columns:
        place, known = self._place, self._known
        codes = table.column(place.colonne).to_pylist()
        self._met["connus"] += sum(c in known for c in codes)
        self._met["ecrits"] += sum(c is not None for c in codes)
        for zoning, others in self._others.items():
            self._strange[zoning] += sum(c in others for c in codes)
        own = record = [self._own(c) for c in codes]
        columns = _columns(place.zonage, own)
        if self._quarters is not None:
            told = self._quarters.reponses
            record = [told[a.code] if a.code is not None else a for a in own]
            columns |= _columns(self._quarters.zonage, record)
        columns["localisation"] = pa.array([a.etat for a in record], pa.string())
        columns["localisation_motif"] = pa.array([a.motif for a in record], pa.string())
        if place.zonage != "commune":
            columns["commune"] = pa.nulls(table.num_rows, pa.string())
            columns["commune_localisation"] = pa.array([INCONNU] * table.num_rows, pa.string())
        return columns

    def _own(self, code: str | None) -> Answer:
        if code in self._known:
            return Answer(code, DEDANS, None)
        if not self._known:
            return Answer(None, INCONNU, MotifInconnu.REFERENTIEL_VIDE.value)
        why = MotifInconnu.CODE_ABSENT if code is None else MotifInconnu.CODE_INCONNU
        return Answer(None, INCONNU, why.value)

    def verify(self) -> None:
        """Raise FeedError: millesime_inattendu."""
        zoning = self._place.zonage
        remedy = "vérifier la génération des codes livrés, ou `localisation.zonage`"
        if strange := {z: n for z, n in sorted(self._strange.items()) if n}:
            said = ", ".join(f"{n} codes sont de {z}" for z, n in strange.items())
            raise FeedError(self._clause.id, Problem.MILLESIME_INATTENDU, f"{said}, et non de {zoning}", remedy)
        if self._known and self._met["ecrits"] and not self._met["connus"]:
            message = f"aucun des {self._met['ecrits']} codes livrés n'est du zonage {zoning}"
            raise FeedError(self._clause.id, Problem.MILLESIME_INATTENDU, message, remedy)


def _columns(zoning: str, answers: Sequence[Answer]) -> Columns:
    return {
        zoning: pa.array([a.code for a in answers], pa.string()),
        f"{zoning}_localisation": pa.array([a.etat for a in answers], pa.string()),
    }
