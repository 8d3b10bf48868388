"""Merge the releases of several partnerships, for one audience: what two of them say of the same national feed is said
once, and what they say together is attacked.

Zones that each partnership has of its own (`territoire`, and its unlocated records) are told apart by its name.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from qpv_data import __version__
from qpv_data.attaque.releases import attack_ledgers
from qpv_data.certificate import certificate
from qpv_data.clause.expressions import literal
from qpv_data.clause.model import Diffusion
from qpv_data.digests import sha256
from qpv_data.engine import engine, sql_path
from qpv_data.exports.parquet import write_table
from qpv_data.exports.words import words
from qpv_data.problems import Problem, listed
from qpv_data.releases.base import build_database
from qpv_data.releases.compare import STORED
from qpv_data.releases.layout import CERTIFICATE, MANIFEST, said, values_sql
from qpv_data.releases.manifest import seal, write_manifest
from qpv_data.resources import sql_dir
from qpv_data.runs import RunError
from qpv_data.schemas import PUBLISHED
from qpv_data.software import software_digest

_OWN = ("territoire",)


@dataclass(frozen=True)
class Merged:
    """What a merge made. `reprises`: rows that several partnerships published alike."""

    dossier: Path
    lignes: int
    reprises: int


@dataclass(frozen=True)
class Source:
    """The folder of one audience of a partnership's release."""

    folder: Path
    diffuseur: str
    diffusion: str
    periode: str
    publication: str


def source_of(folder: Path) -> Source:
    """What the manifest of an audience's folder says."""
    told = said(folder)
    return Source(folder, told["diffuseur"], told["diffusion"], told["periode"], told["publication"])


def merge(folders: Sequence[Path], name: str, draft: Path, work: Path, day: str) -> Merged:
    """Write in `draft` the folder of the audience that `folders` are for.

    Raises RunError: audiences differ; a partnership is there twice; two of them say something else of one cell or of
    one definition; what they say together gives away what one of them hides.
    """
    sources = sorted((source_of(f) for f in folders), key=lambda s: s.diffuseur)
    _may_be_merged(sources)
    audience = Diffusion(sources[0].diffusion)
    target = draft / audience.value
    target.mkdir(parents=True)
    with engine(work) as con:
        rows, again = _values(con, sources, name, target)
        counts = {"valeurs": rows, **_tables(con, sources, name, target)}
    told = _told(sources, name, counts, day)
    write_manifest(target, told)
    build_database(target)
    (report,) = attack_ledgers([[target]])
    if report.findings:
        kinds = ", ".join(f"{n} {kind}" for kind, n in report.counts().items() if n)
        message = f"ensemble, ces publications laissent {kinds} : {listed(f.cell for f in report.findings[:10])}"
        remedy = "rien n'est fusionné ; qu'un des diffuseurs cache ces cases, ou ne pas fusionner"
        raise RunError(Problem.DIVULGATION, message, remedy)
    rules = _rules(sources)
    (target / CERTIFICATE).write_bytes(certificate(target, name, rules, "complementaire", report, []))
    seal(draft, {})
    return Merged(draft, rows, again)


def _may_be_merged(sources: Sequence[Source]) -> None:
    if len({s.diffusion for s in sources}) > 1:
        said_of = ", ".join(f"{s.diffuseur} {s.diffusion}" for s in sources)
        raise RunError(Problem.DIFFUSION_TROP_LARGE, f"audiences différentes : {said_of}", "donner --audience")
    twice = sorted({s.diffuseur for s in sources if sum(o.diffuseur == s.diffuseur for o in sources) > 1})
    if twice:
        message = f"plusieurs publications de {', '.join(twice)}"
        raise RunError(Problem.DOUBLON, message, "une publication par diffuseur")


def _values(con: duckdb.DuckDBPyConnection, sources: Sequence[Source], name: str, target: Path) -> tuple[int, int]:
    named = f"{literal(name)} AS publication"
    selects = [f"SELECT * REPLACE ({_own_code(s)} AS code_zone, {named}) FROM {values_sql(s.folder)}" for s in sources]
    con.execute(f"CREATE VIEW lignes AS {' UNION ALL BY NAME '.join(selects)}")
    con.execute(f"CREATE TABLE fusionnees AS {(sql_dir() / 'publier' / 'fusion.sql').read_text('utf-8')}")
    clashes = con.execute(
        "SELECT ligne.indicateur, zonage, ligne.code_zone, periode, ligne.modalite FROM fusionnees WHERE dites > 1"
    ).fetchall()
    if clashes:
        named = listed((" ".join(c) for c in clashes), 5)
        message = f"{len(clashes)} cases dont ces publications ne disent pas la même chose : {named}"
        raise RunError(Problem.PUBLICATIONS_CONTRADICTOIRES, message, "publier d'abord les mêmes livraisons")
    keys = con.execute("SELECT DISTINCT zonage, periode FROM fusionnees ORDER BY ALL").fetchall()
    for zoning, period in keys:
        part = con.execute(
            "SELECT unnest(ligne) FROM fusionnees WHERE zonage = ? AND periode = ?", [zoning, period]
        ).to_arrow_table()
        path = target / "valeurs" / f"zonage={zoning}" / f"periode={period}" / "valeurs.parquet"
        path.parent.mkdir(parents=True)
        order = [(n, "ascending") for n in ("code_zone", "indicateur", "modalite")]
        write_table(part.select(STORED.names).cast(STORED).sort_by(order), path, "valeurs", words())
    (told,) = con.execute("SELECT count(*), count(*) FILTER (fois > 1) FROM fusionnees").fetchall()
    return int(told[0]), int(told[1])


_ALONE = ("valeurs", "changements", "revisions", "calendrier")
"""Tables that are not those of the sources put together: values are chosen, and the rest tells of each one's own past
releases and next ones."""
_NAMED = ("incertitudes", "valeurs_livraisons")


def _tables(con: duckdb.DuckDBPyConnection, sources: Sequence[Source], name: str, target: Path) -> dict[str, int]:
    """Every other table: the rows of all, once each; empty where it is each partnership's own."""
    counts = {}
    for table, published in PUBLISHED.items():
        if table == "valeurs":
            continue
        reading = " UNION ALL ".join(_rows_of(con, source, table, name) for source in sources)
        none = " LIMIT 0" if table in _ALONE else ""
        con.execute(f"CREATE OR REPLACE TEMP TABLE reunie AS SELECT DISTINCT * FROM ({reading}){none}")
        if published.cle:
            _one_each(con, table, published.cle)
        schema = pq.read_schema(sources[0].folder / f"{table}.parquet")
        rows = con.execute("SELECT * FROM reunie ORDER BY ALL").to_arrow_table().cast(schema.remove_metadata())
        write_table(rows.replace_schema_metadata(schema.metadata), target / f"{table}.parquet", table, words())
        counts[table] = rows.num_rows
    return counts


def _rows_of(con: duckdb.DuckDBPyConnection, source: Source, table: str, name: str) -> str:
    """The rows of one source, under the name of the merged release where they bear one."""
    reading = f"read_parquet({sql_path(source.folder / f'{table}.parquet')})"
    described = con.execute(f"SELECT column_name FROM (DESCRIBE SELECT * FROM {reading})").fetchall()
    changed = [f"{literal(name)} AS publication"] if table in _NAMED else []
    changed += [f"{_own_code(source)} AS code_zone"] if ("code_zone",) in described else []
    return f"SELECT * REPLACE ({', '.join(changed)}) FROM {reading}" if changed else f"SELECT * FROM {reading}"


def _own_code(source: Source) -> str:
    """The code of a zone, in SQL: a zone that each partnership has of its own bears the name of its partnership."""
    own = ", ".join(literal(code) for code in _OWN)
    return f"CASE WHEN code_zone IN ({own}) THEN {literal(source.diffuseur)} ELSE code_zone END"


def _one_each(con: duckdb.DuckDBPyConnection, table: str, key: Sequence[str]) -> None:
    """Refuse definitions and zones of one name that say something else from one partnership to another."""
    listed_key = ", ".join(key)
    query = f"SELECT {listed_key} FROM reunie GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL"
    twice = con.execute(query).fetchall()
    if twice:
        named = listed((" ".join(map(str, row)) for row in twice), 5)
        message = f"{table} : {len(twice)} qui ne sont pas les mêmes d'un partenariat à l'autre : {named}"
        raise RunError(Problem.PUBLICATIONS_CONTRADICTOIRES, message, "publier avec les mêmes clauses et périmètres")


def _told(sources: Sequence[Source], name: str, counts: dict[str, int], day: str) -> dict[str, Any]:
    first = said(sources[0].folder)
    kept = ("diffusion", "finalite", "secret", "avertissement", "version_schema")
    return {
        "publication": name,
        "precedente": None,
        "diffuseur": ", ".join(s.diffuseur for s in sources),
        "periode": max(s.periode for s in sources),
        "publiee_le": day,
        "protection": "complementaire",
        **{k: first[k] for k in kept},
        "version_logiciel": __version__,
        "empreinte_logiciel": software_digest(),
        "sources": [
            {"diffuseur": s.diffuseur, "publication": s.publication, "manifeste_sha256": sha256(s.folder / MANIFEST)}
            for s in sources
        ],
        "jeux_absents": sorted({j for s in sources for j in said(s.folder)["jeux_absents"]}),
        "jeux_perimes": sorted({j for s in sources for j in said(s.folder)["jeux_perimes"]}),
        "lignes": counts,
    }


def _rules(sources: Sequence[Source]) -> list[dict[str, Any]]:
    """The rules that the certificates of the sources name, once each."""
    every = [json.loads((s.folder / CERTIFICATE).read_text("utf-8"))["regles"] for s in sources]
    found = {json.dumps(rule, sort_keys=True): rule for rules in every for rule in rules}
    return sorted(found.values(), key=lambda rule: (rule["jeu"], json.dumps(rule, sort_keys=True)))
