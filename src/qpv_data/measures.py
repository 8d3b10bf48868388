"""What each record brings to an indicator, as SQL over the view `enregistrements`: view `mesures`.

Columns: periode, modalite, numerateur, denominateur, cle_distincte, unite, effectif, contributeur, masque, and
the zonings' `z__*`. A masked record keeps its place and brings no figure: it is never a zero.
"""

from __future__ import annotations

from qpv_data.clause.expressions import columns_of, conjuncts, literal, quote
from qpv_data.clause.model import ClauseJeu, Indicateur
from qpv_data.clause.secrecy import dominance_of

_EXACT = "DECIMAL(38, 9)"


def measures_sql(clause: ClauseJeu, indicateur: Indicateur) -> str:
    """The SELECT of one indicator. Expressions have been checked: see clause/expressions.py."""
    mask = _mask(clause, indicateur)
    condition = f"({indicateur.filtre}\n)" if indicateur.filtre else "true"
    hidden = f"_masque IS NOT NULL AND {_unmasked(clause, indicateur)} IS DISTINCT FROM false"
    numerator, denominator = _numerator(indicateur), _denominator(indicateur)
    return f"""
WITH lus AS (
  SELECT *, {mask} AS _masque FROM enregistrements),
retenus AS (SELECT *, {numerator} AS _numerateur, {denominator} AS _denominateur
  FROM lus WHERE ({hidden}) OR coalesce({condition}, false))
SELECT COLUMNS(c -> c LIKE 'z\\_%' ESCAPE '\\'),
  _periode AS periode,
  {_modality(indicateur)} AS modalite,
  CASE WHEN _masque IS NULL {_paired(indicateur, "_denominateur")} THEN _numerateur END AS numerateur,
  CASE WHEN _masque IS NULL {_paired(indicateur, "_numerateur")} THEN _denominateur END AS denominateur,
  CASE WHEN _masque IS NULL THEN {_distinct(indicateur)} END AS cle_distincte,
  {_unit(clause)} AS unite,
  {_headcount(clause)} AS effectif,
  {_contributor(clause)} AS contributeur,
  _masque AS masque
FROM retenus"""


def _unmasked(clause: ClauseJeu, indicateur: Indicateur) -> str:
    """What the filter asks of columns that are never masked.

    A masked record that it leaves out hides nothing: whatever stands under the mask, the record is not counted. What
    it asks of a masked column settles nothing: `valeur IS NOT NULL` would take a mask for a value that is missing.
    """
    masked = {c.nom.lower() for c in clause.colonnes if c.a_statut}
    kept = [part for part in conjuncts(indicateur.filtre or "true") if not columns_of(part) & masked]
    return " AND ".join(f"({part}\n)" for part in kept) or "true"


def uses_denominator(indicateur: Indicateur) -> bool:
    """Whether the value is a ratio of two sums of this feed."""
    return indicateur.nature in ("moyenne", "part") or (indicateur.nature == "taux" and not indicateur.par)


def _paired(indicateur: Indicateur, other: str) -> str:
    """A record that lacks one side of a ratio is in neither."""
    return f"AND {other} IS NOT NULL" if uses_denominator(indicateur) else ""


def _numerator(indicateur: Indicateur) -> str:
    if indicateur.numerateur is None:
        return f"CAST(1 AS {_EXACT})"
    return _exact(indicateur.numerateur)


def _denominator(indicateur: Indicateur) -> str:
    if indicateur.nature == "etendue":
        return _exact(indicateur.denominateur or indicateur.numerateur or "")
    if not uses_denominator(indicateur):
        return f"CAST(NULL AS {_EXACT})"
    return _exact(indicateur.denominateur or "1")


def _exact(expression: str) -> str:
    return f"CAST(({expression}\n) AS {_EXACT})"


def _modality(indicateur: Indicateur) -> str:
    if indicateur.modalites is None:
        return "CAST(NULL AS VARCHAR)"
    listed = ", ".join(literal(code) for code in indicateur.modalites.valeurs)
    value = f"CAST(({indicateur.modalites.expression}\n) AS VARCHAR)"
    return f"CASE WHEN {value} IN ({listed}) THEN {value} ELSE 'non_renseigne' END"


def _distinct(indicateur: Indicateur) -> str:
    return f"CAST(({indicateur.distinct}\n) AS VARCHAR)" if indicateur.distinct else "NULL"


def _mask(clause: ClauseJeu, indicateur: Indicateur) -> str:
    parts = (indicateur.numerateur, indicateur.denominateur, indicateur.filtre, indicateur.distinct)
    modality = indicateur.modalites.expression if indicateur.modalites else None
    used = frozenset[str]().union(*(columns_of(p) for p in (*parts, modality) if p))
    masked = [c.nom for c in clause.colonnes if c.a_statut and c.nom in used]
    statuses = ", ".join(quote(f"{name}__statut") for name in masked)
    return f"coalesce({statuses})" if masked else "CAST(NULL AS VARCHAR)"


def _unit(clause: ClauseJeu) -> str:
    if clause.secret.colonne_unite:
        # Records without a unit's name may all be of one: together they count for one, never for none.
        return f"coalesce(CAST({quote(clause.secret.colonne_unite)} AS VARCHAR), '')"
    return "CAST(_ligne AS VARCHAR)" if clause.secret.une_unite_par_ligne else "CAST(NULL AS VARCHAR)"


def _headcount(clause: ClauseJeu) -> str:
    if not clause.secret.effectif:
        return "CAST(NULL AS BIGINT)"
    # Rounded down and never below none: a count of units that is too high would let a small cell out.
    return f"CAST(greatest(floor(coalesce({quote(clause.secret.effectif)}, 0)), 0) AS BIGINT)"


def _contributor(clause: ClauseJeu) -> str:
    if dominance_of(clause.secret) is None:
        return "CAST(NULL AS VARCHAR)"
    return f"CAST({quote(clause.secret.contributeur or clause.secret.colonne_unite or '')} AS VARCHAR)"
