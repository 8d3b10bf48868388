"""Rows that carry a code are where it says, once its generation is asserted."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from qpv_data.clause.model import ClauseJeu, LocalisationCode
from qpv_data.placing.states import DEDANS, INCONNU, Columns
from qpv_data.problems import FeedError, MotifInconnu, Problem
from qpv_data.zonages.loading import Zones


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
        self._met: Counter[str] = Counter()
        self._strange: Counter[str] = Counter()

    def __call__(self, table: pa.Table) -> Columns:
        place, known = self._place, self._known
        codes = table.column(place.colonne).to_pylist()
        inside = [c if c in known else None for c in codes]
        self._met["connus"] += sum(c is not None for c in inside)
        self._met["ecrits"] += sum(c is not None for c in codes)
        for zoning, others in self._others.items():
            self._strange[zoning] += sum(c in others for c in codes)
        motive = [
            None
            if i is not None
            else MotifInconnu.REFERENTIEL_VIDE
            if not known
            else MotifInconnu.CODE_ABSENT
            if c is None
            else MotifInconnu.CODE_INCONNU
            for c, i in zip(codes, inside, strict=True)
        ]
        state = [DEDANS if c is not None else INCONNU for c in inside]
        columns = {
            place.zonage: pa.array(inside, pa.string()),
            f"{place.zonage}_localisation": pa.array(state, pa.string()),
            "localisation": pa.array(state, pa.string()),
            "localisation_motif": pa.array(motive, pa.string()),
        }
        if place.zonage != "commune":
            columns["commune"] = pa.nulls(table.num_rows, pa.string())
            columns["commune_localisation"] = pa.array([INCONNU] * table.num_rows, pa.string())
        return columns

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
