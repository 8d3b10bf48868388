"""The positional error of each record, from what its clause declares. Nothing is exact by default."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from qpv_data.clause.model import ClauseJeu, LocalisationPoint, QualitePosition
from qpv_data.problems import MotifInconnu
from qpv_data.uncertainty.boundaries import Floats
from qpv_data.uncertainty.gaussian import sigma_of_radius


@dataclass(frozen=True)
class PositionErrors:
    """One a record. `sigma_m`: deviation of the error in metres, 0 when exact, NaN when the clause says nothing of it
    or the record has no place; `motifs`: why it has none (MotifInconnu's text) or None."""

    sigma_m: Floats
    motifs: NDArray[np.object_]


def quality_of(clause: ClauseJeu) -> QualitePosition | None:
    """How the clause grades positions, or None."""
    return clause.localisation.qualite if isinstance(clause.localisation, LocalisationPoint) else None


def position_errors(quality: QualitePosition, table: pa.Table) -> PositionErrors:
    """Errors of conformed records: the metres of `colonne_erreur_m` where there are some, else those of the class.

    A class of `inconnu`, or metres beyond `erreur_max_m`, are no place (QUALITE_INSUFFISANTE), whatever else is said.
    Where the clause declares errors, a record that has neither metres (finite, not negative) nor a declared class is
    of unknown place too (QUALITE_NON_DECLAREE): it is never silently exact.
    """
    classes = table.column(quality.colonne).cast(pa.string()).combine_chunks()
    refused = _is_in(classes, quality.inconnu)
    n = table.num_rows
    motives: NDArray[np.object_] = np.full(n, None, dtype=object)
    motives[refused] = MotifInconnu.QUALITE_INSUFFISANTE.value
    radius = np.full(n, np.nan)
    if not quality.mesuree or quality.confiance is None:
        return PositionErrors(radius, motives)
    for name, metres in quality.erreurs_m.items():
        radius[_is_in(classes, (name,))] = metres
    if quality.colonne_erreur_m is not None:
        column = table.column(quality.colonne_erreur_m).cast(pa.float64()).combine_chunks()
        said = column.to_numpy(zero_copy_only=False).astype(np.float64)
        radius = np.where(np.isnan(said) | (said < 0), radius, said)
        far = ~refused & (radius > (quality.erreur_max_m or np.inf))
        motives[far] = MotifInconnu.QUALITE_INSUFFISANTE.value
        radius[far] = np.nan
    unsaid = np.isnan(radius) & (motives == None)  # noqa: E711
    motives[unsaid] = MotifInconnu.QUALITE_NON_DECLAREE.value
    radius[refused] = np.nan
    return PositionErrors(sigma_of_radius(radius, quality.confiance), motives)


def largest_sigma_m(quality: QualitePosition | None) -> float:
    """The largest deviation that the clause lets in; 0 when it declares no error."""
    if quality is None or quality.confiance is None:
        return 0.0
    radius = max([*quality.erreurs_m.values(), quality.erreur_max_m or 0.0])
    return float(sigma_of_radius(radius, quality.confiance))


def _is_in(classes: pa.Array, names: tuple[str, ...]) -> NDArray[np.bool_]:
    found = pc.fill_null(pc.is_in(classes, value_set=pa.array(names, pa.string())), False)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=bool)
