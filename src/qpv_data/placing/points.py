"""Points are in the zone that covers them; an absent place is of unknown place, and why."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from qpv_data.clause.model import ClauseJeu
from qpv_data.places import Places, points_of
from qpv_data.placing.near import NearColumns
from qpv_data.placing.states import DEDANS, DEHORS, INCONNU, Columns
from qpv_data.problems import MotifInconnu
from qpv_data.uncertainty.columns import UncertaintyColumns
from qpv_data.zonages.index import PointIndex
from qpv_data.zonages.loading import Zones


class PointAnswer:
    """Answers for points; indexes are made once a run."""

    def __init__(self, clause: ClauseJeu, zones: Zones) -> None:
        self._clause, self._zones = clause, zones
        self._uncertainty = UncertaintyColumns(clause, zones)
        self._near = NearColumns(clause, zones)
        self._indexes = {name: PointIndex(zones, name) for name in zones.perimetres()}

    def __call__(self, table: pa.Table) -> Columns:
        places = points_of(self._clause, table)
        columns: Columns = {}
        in_qpv = np.zeros(table.num_rows, dtype=bool)
        asked = np.zeros(table.num_rows, dtype=bool)
        motives = places.motifs.copy()
        for name, index in self._indexes.items():
            if name == "commune":
                continue
            codes, state, why = index.locate(places)
            columns[name] = pa.array(codes, pa.string(), from_pandas=True)
            columns[f"{name}_localisation"] = pa.array(state, pa.string())
            if self._zones.famille(name) == "qpv":
                in_qpv |= state == DEDANS
                asked |= state != INCONNU
                motives = np.where((motives == None) & (why != None), why, motives)  # noqa: E711
        columns |= self._uncertainty(table, places)
        columns |= self._near(places)
        columns |= self._communes(table, places)
        unknown = ~asked
        motives = np.where(unknown & (motives == None), MotifInconnu.REFERENTIEL_VIDE.value, motives)  # noqa: E711
        state = np.where(unknown, INCONNU, np.where(in_qpv, DEDANS, DEHORS))
        columns["localisation"] = pa.array(state, pa.string())
        motives[~unknown] = None
        columns["localisation_motif"] = pa.array(motives, pa.string(), from_pandas=True)
        return columns

    def _communes(self, table: pa.Table, places: Places) -> Columns:
        """The declared commune when the row has one, else the contour that covers the point."""
        if "commune" in self._indexes:
            codes, state, _ = self._indexes["commune"].locate(places)
        else:
            codes = np.full(table.num_rows, None, dtype=object)
            state = np.full(table.num_rows, INCONNU, dtype=object)
        declared_name = getattr(self._clause.localisation, "commune", None)
        if declared_name is not None:
            known = self._zones.codes("commune")
            declared = np.array(table.column(declared_name).to_pylist(), dtype=object)
            written = np.array([d is not None for d in declared], dtype=bool)
            in_run = np.array([d in known for d in declared], dtype=bool)
            # A code of another territory says that the row is not of this one, unless the point is in it.
            elsewhere = written & ~in_run & (state == INCONNU)
            codes = np.where(in_run, declared, codes)
            state = np.where(in_run, DEDANS, np.where(elsewhere, DEHORS, state))
        return {
            "commune": pa.array(codes, pa.string(), from_pandas=True),
            "commune_localisation": pa.array(state, pa.string()),
        }
