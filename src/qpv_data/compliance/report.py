"""The report that a delivery's producer gets: what was received, what was refused, why, on which lines, how to mend it.

rapports/<jeu>/<livraison>.json and .html, their owner's alone: a report is for the partner whose delivery it is. A
rejected row of a feed with personal data shows its line, its column and its reason, and no value.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qpv_data.clause.model import Clause, Colonne
from qpv_data.compliance.journal import Attempt, Placement, read_journal
from qpv_data.compliance.page import report_page
from qpv_data.compliance.remedies import expected, remedy, sent_again
from qpv_data.compliance.states import Line, line_of
from qpv_data.conforming_output import REJECTS, refused_path
from qpv_data.conforming_text import kept_columns
from qpv_data.documentation.motifs import meaning
from qpv_data.problems import MotifInconnu, Rejet
from qpv_data.replacing import replacing
from qpv_data.runs import UNIQUE

LINES, EXAMPLES, LONGEST = 1_000, 3, 80


def write_report(clause: Clause, periode: str | None, *, journal: Path, rejets: Path, located: Path, rapports: Path,
                 maintenant: datetime) -> Path | None:  # fmt: skip
    """Write the report on the last delivery that came for `periode`; None when nothing came.

    `rejets`, `located`: the folders of its rejected rows and of its located records. Gives the path of the JSON,
    beside which the page is. The same journal and rows give the same bytes.
    """
    told = read_journal(journal, clause.id)
    tries = [a for a in told.of(periode) if a.livraison is not None]
    if not tries:
        return None
    rows = rejets / f"{periode or UNIQUE}.parquet"
    rows = rows if tries[-1].acceptee else refused_path(rows)
    placed = _places(told.localisations, tries[-1].livraison, located / f"{periode or UNIQUE}.parquet")
    content = report(clause, tries[-1], line_of(clause, told, tries[-1], maintenant), placed, rows)
    target = rapports / clause.id / f"{tries[-1].livraison}.json"
    with replacing(target) as draft:
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")
    with replacing(target.with_suffix(".html")) as draft:
        draft.write_text(report_page(content), "utf-8")
    return target


def report(
    clause: Clause, last: Attempt, line: Line | None, placed: Mapping[str, Any] | None, rejets: Path
) -> dict[str, Any]:
    """The content of a report, as JSON values. Keys are French, for whoever reads them with a program."""
    state = asdict(line) if line is not None else {}
    kept = ("periode", "etat", "retard_jours", "derive")
    rejected = _rejected(clause, rejets) if rejets.is_file() else []
    return {
        "jeu": clause.id,
        "titre": clause.titre,
        "producteur": clause.producteur.nom,
        "clause_version": last.clause_version,
        "livraison": last.livraison,
        "disponible_le": last.disponible_le,
        "echeance": line.echeance.isoformat() if line and line.echeance else None,
        **{k: state.get(k) for k in kept},
        "acceptee": last.acceptee,
        "probleme": last.probleme,
        "message": last.message,
        "correction": last.remede if last.acceptee else sent_again(last.probleme, last.remede, bool(rejected)),
        "lignes": _counts(last, rejets),
        "localisation": placed,
        "rejets": rejected,
        "colonnes": [_column(clause, c, last.renseignes) for c in kept_columns(clause)],
        "donnees_personnelles": clause.donnees_personnelles.presentes,
    }


def _counts(last: Attempt, rejets: Path) -> dict[str, int | None]:
    """Rows received, kept and rejected; null for a delivery that was refused before its rows were read."""
    if last.acceptee:
        return {"recues": last.recues, "conformes": last.conformes, "rejetees": sum(last.rejetees.values())}
    if not rejets.is_file():
        return {"recues": None, "conformes": 0, "rejetees": None}
    kept = pq.read_metadata(rejets)
    return {"recues": int(kept.metadata[b"recues"]), "conformes": 0, "rejetees": kept.num_rows}


def _column(clause: Clause, column: Colonne, filled: Mapping[str, float]) -> dict[str, Any]:
    return {
        "colonne": column.nom,
        "entete": column.source[0],
        "attendu": expected(clause, column),
        "obligatoire": column.obligatoire or column.nom in clause.cle.colonnes,
        "renseignee": filled.get(column.nom),
    }


def _places(places: Sequence[Placement], livraison: str | None, located: Path) -> dict[str, Any] | None:
    """How many records have a known place, and the first lines of those that have none, by reason."""
    found = [p for p in places if p.livraison == livraison]
    if not found or not located.is_file():
        return None
    try:
        reasons = pq.read_table(located, columns=["localisation_motif"])["localisation_motif"]
    except pa.ArrowInvalid:  # damaged since: it is located again after this, and this report written after that
        return None
    if reasons.null_count == len(reasons):
        return {"lus": found[-1].lus, "situes": found[-1].lus, "inconnus": []}
    counts = Counter(reasons.drop_null().to_pylist())
    at = pq.read_table(located, columns=["_ligne"])["_ligne"]
    lines = {m: at.filter(pc.equal(reasons, m)).sort().slice(0, LINES).to_pylist() for m in counts}
    rows = [(m, n, lines[m]) for m, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))]
    unknown = [
        {"motif": m, "explication": meaning(MotifInconnu(m)), "nombre": n, "lignes": li, "lignes_omises": n - len(li)}
        for m, n, li in rows
    ]
    return {"lus": found[-1].lus, "situes": found[-1].lus - sum(n for _, n, _ in rows), "inconnus": unknown}


def _rejected(clause: Clause, rejets: Path) -> list[dict[str, Any]]:
    """The same of each reason and column; `exemples` is null where the values are not kept."""
    columns = {c.nom: c for c in clause.colonnes}
    return [
        {
            "motif": row.motif,
            "explication": meaning(Rejet(row.motif)),
            "colonne": row.colonne,
            "entete": columns[row.colonne].source[0] if row.colonne in columns else None,
            "nombre": row.nombre,
            "lignes": row.lignes,
            "lignes_omises": row.nombre - len(row.lignes),
            "exemples": row.exemples or None,
            "correction": remedy(clause, row.motif, columns.get(row.colonne or "")),
        }
        for row in _by_fault(rejets)
    ]


@dataclass
class _Rejected:
    """The rejected rows of one reason and column: how many, their first lines, some of their values; in order."""

    motif: str
    colonne: str | None
    nombre: int = 0
    lignes: list[int] = field(default_factory=list)
    exemples: list[str] = field(default_factory=list)

    def add(self, rows: pa.Table) -> None:
        """Take some more in."""
        self.nombre += rows.num_rows
        self.lignes = sorted([*self.lignes, *rows["_ligne"].sort().slice(0, LINES).to_pylist()])[:LINES]
        said = pc.utf8_slice_codeunits(rows["valeur"].drop_null(), 0, LONGEST).unique()
        self.exemples = sorted({*self.exemples, *said.sort().slice(0, EXAMPLES).to_pylist()})[:EXAMPLES]


def _by_fault(rejets: Path) -> list[_Rejected]:
    """Rejected rows by reason and column, the most numerous first. Arrow reads them a batch at a time: there are as
    many reports as deliveries, and opening an engine for each costs more than all that it would do."""
    found: dict[tuple[str, str | None], _Rejected] = {}
    for batch in pq.ParquetFile(rejets).iter_batches(columns=REJECTS.names):
        rows = pa.Table.from_batches([batch])
        for key in rows.group_by(["motif", "colonne"]).aggregate([]).to_pylist():
            motif, colonne = key["motif"], key["colonne"]
            same = pc.is_null(rows["colonne"]) if colonne is None else pc.equal(rows["colonne"], colonne)
            kept = rows.filter(pc.and_(pc.equal(rows["motif"], motif), same))
            found.setdefault((motif, colonne), _Rejected(motif, colonne)).add(kept)
    return sorted(found.values(), key=lambda r: (-r.nombre, r.motif, r.colonne or ""))
