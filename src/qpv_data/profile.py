"""Table `profil_quartier`: a row a quarter, a column an indicator. A view cannot: its columns are its text's."""

from __future__ import annotations

import duckdb

from qpv_data.clause.expressions import literal, quote

_COLUMNS = """
SELECT p.indicateur, any_value(i.titre) AS titre, any_value(i.unite) AS unite, any_value(p.periode) AS periode
FROM profil p
JOIN indicateurs i ON i.indicateur = p.indicateur
GROUP BY p.indicateur
ORDER BY any_value(i.theme), p.indicateur
"""
_QUARTERS = """
SELECT z.zonage, z.code_zone, z.nom AS quartier,
  (SELECT string_agg(DISTINCT a.code_commune, ', ' ORDER BY a.code_commune) FROM zones_communes a
    WHERE a.zonage = z.zonage AND a.code_zone = z.code_zone) AS communes,
  (SELECT string_agg(DISTINCT a.code_contrat, ', ' ORDER BY a.code_contrat) FROM zones_contrats a
    WHERE a.zonage = z.zonage AND a.code_zone = z.code_zone) AS contrats
FROM zones z
WHERE z.famille = 'qpv'
"""
FIXED = ("zonage", "code_zone", "quartier", "communes", "contrats")
"""The columns that are not an indicator's."""


def write_profile(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Create the table from view `profil`; returns column of an indicator → its title, unit and period.

    Columns are in the order of themes, then of indicators. An indicator that bears the name of a fixed column is
    followed by `_valeur`.
    """
    found = con.execute(_COLUMNS).fetchall()
    named = {i: f"{i}_valeur" if i in FIXED else i for i, *_ in found}
    values = [f"max(p.valeur) FILTER (p.indicateur = {literal(i)}) AS {quote(column)}" for i, column in named.items()]
    con.execute(
        f"CREATE TABLE profil_quartier (zonage VARCHAR NOT NULL, code_zone VARCHAR NOT NULL, quartier VARCHAR,"
        f" communes VARCHAR, contrats VARCHAR{''.join(f', {quote(c)} DOUBLE' for c in named.values())},"
        " PRIMARY KEY (zonage, code_zone))"
    )
    con.execute(
        f"INSERT INTO profil_quartier SELECT {', '.join(['q.zonage', 'q.code_zone', 'any_value(q.quartier)'])},"
        f" any_value(q.communes), any_value(q.contrats){''.join(f', {v}' for v in values)}"
        f" FROM ({_QUARTERS}) q LEFT JOIN profil p ON p.zonage = q.zonage AND p.code_zone = q.code_zone"
        " GROUP BY q.zonage, q.code_zone ORDER BY q.zonage, q.code_zone"
    )
    return {named[i]: f"{title} ({unit}), {period}" for i, title, unit, period in found}
