"""One zip a contrat de ville: its quarters and communes, for those who sign it and those who live there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from qpv_data.clause.expressions import literal
from qpv_data.engine import replacing
from qpv_data.exports.archive import copied, write_archive
from qpv_data.exports.csv import write_csv
from qpv_data.exports.folder import AudienceFolder, ReleaseError
from qpv_data.exports.geojson import write_geojson
from qpv_data.exports.lisezmoi import sections, write_text
from qpv_data.exports.readable import query, readable
from qpv_data.exports.xlsx import write_workbook
from qpv_data.problems import Problem, listed

FILES = (
    ("indicateurs.xlsx", "les valeurs en tableaux, une feuille par thème, une colonne par période"),
    ("valeurs.csv", "les mêmes, une ligne par valeur, avec numérateurs, dénominateurs et statuts"),
    ("indicateurs.csv", "les indicateurs : définition, unité, producteur, licence"),
    ("perimetres.geojson", "les contours des quartiers et des communes (longitude, latitude)"),
)


def contract_codes(folder: AudienceFolder) -> list[str]:
    """Codes of the contrats de ville of a release, sorted."""
    return sorted(set(folder.table("zones_contrats").column("code_contrat").to_pylist()))


def write_contracts(folder: AudienceFolder, target: Path, codes: Sequence[str] | None = None) -> Iterator[Path]:
    """Write `target/contrat-<code>.zip` of each contract of `codes`, or of all; yields each as it is whole.

    Raises ReleaseError for a code that the release does not have, before anything is written. Values are read once
    for all contracts and wait on disk: memory does not grow with the release.
    """
    known = contract_codes(folder)
    wanted = known if codes is None else sorted(set(codes))
    if unknown := [c for c in wanted if c not in known]:
        message = f"contrat inconnu de cette publication : {listed(unknown)}"
        raise ReleaseError(Problem.RESSOURCE_INTROUVABLE, message, f"donner l'un de {listed(known)}")
    target.mkdir(parents=True, exist_ok=True, mode=folder.rights())
    with readable(folder, target) as con:
        con.execute(f"CREATE TABLE contrats AS SELECT * FROM ({query('contrats')}) WHERE {_among(wanted)}")
        con.execute(f"CREATE TABLE retenues AS {query('retenues')}")
        con.execute("DROP VIEW choisies")
        for code in wanted:
            name = re.sub(r"[^A-Za-z0-9._-]", "_", code)
            with replacing(target / f"contrat-{name}.zip") as draft:
                _write_contract(con, folder, code, draft)
            yield target / f"contrat-{name}.zip"


def _write_contract(con: duckdb.DuckDBPyConnection, folder: AudienceFolder, code: str, draft: Path) -> None:
    con.execute(f"CREATE OR REPLACE TABLE choisies AS SELECT * FROM retenues WHERE {_among([code])}")
    rows = con.execute(f"SELECT zonage, code_zone FROM contrats WHERE {_among([code])}").fetchall()
    zones = {(str(zoning), str(zone)) for zoning, zone in rows}
    asked = "SELECT coalesce(any_value(nom), $code) FROM zones_lisibles WHERE zonage = 'contrat' AND code_zone = $code"
    (title,) = con.execute(asked, {"code": code}).fetchone() or (code,)
    parts = sections(folder, f"{title} ({code}) : indicateurs des quartiers et des communes", FILES)
    with TemporaryDirectory(dir=draft.parent) as aside:
        book = Path(aside) / "indicateurs.xlsx"
        write_workbook(con, parts, f"{folder.publication()['publiee_le']:%Y-%m-%d}", book)
        entries = [
            ("LISEZ-MOI.txt", lambda sink: write_text(parts, sink)),
            ("indicateurs.csv", lambda sink: write_csv(con, query("indicateurs"), sink)),
            ("indicateurs.xlsx", copied(book)),
            ("perimetres.geojson", lambda sink: write_geojson(folder, zones, sink)),
            ("valeurs.csv", lambda sink: write_csv(con, query("csv"), sink)),
        ]
        write_archive(draft, entries)


def _among(codes: Sequence[str]) -> str:
    return f"code_contrat IN ({', '.join(map(literal, codes))})" if codes else "false"
