"""Attack a draft release with all that came before it, and write the certificate that goes with it.

The certificate says what was done and found, in plain words, and nothing that a hidden value has touched: what it
counts, anyone who reads the release can count.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from qpv_data import __version__
from qpv_data.attaque.findings import Kind, Report
from qpv_data.attaque.refusal import RefusedInputError
from qpv_data.attaque.releases import attack_ledgers, attack_releases
from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Diffusion
from qpv_data.clause.secrecy import dominance_of, other_units, rule_of
from qpv_data.engine import session, sql_path
from qpv_data.judging import threshold
from qpv_data.problems import Problem, QpvDataError, listed
from qpv_data.releases.layout import CERTIFICATE, widest_first
from qpv_data.replacing import replacing
from qpv_data.runs import RunError
from qpv_data.secret.rules import load_families

ZEROS = "publies"
LIMITES = (
    "La garantie vaut contre un lecteur qui a cette publication, toutes celles qui la précèdent ici, les périmètres et "
    "les règles. Ce que d'autres publient sur les mêmes personnes, et qui n'a pas été pris en compte, n'y est pas.",
    "Elle borne ce qui est possible, pas ce qui est probable : un lecteur peut juger une petite valeur plus "
    "vraisemblable qu'une grande.",
    "Le lecteur considéré ne se sert pas de la façon dont les cases à cacher ont été choisies.",
    "Un zéro est publié, sauf d'une part : dire que personne n'est dans un groupe est dire quelque chose de chacun. "
    "Toutes les unités d'une zone dans une seule modalité d'un compte se publient donc, avec leurs zéros, sauf si la "
    "clause dit `groupe_homogene: secret`.",
)


class RevisionError(QpvDataError):
    """A draft whose corrections of earlier figures give people away: (feed, period) of each, which can wait."""

    def __init__(self, revisions: frozenset[tuple[str, str]], refusal: RunError) -> None:
        self.revisions, self.refusal = revisions, refusal
        super().__init__(str(refusal))


def attack_drafts(
    draft: Path, named: Sequence[Diffusion], earlier: Sequence[Path], audit: Path, clauses: ClauseSet
) -> dict[Diffusion, tuple[Report, list[str]]]:
    """Attack a draft release as each of its audiences would, with all that it holds of the `earlier` ones, oldest
    first; the narrowest has everything. Returns each report, with the names of the releases that were read with it.

    Raises RunError when the draft gives something away that the ledger alone did not: cells are named, and everything
    found is written in `audit`, its owner's alone. What the ledger gives away without it is in the report. Raises
    RevisionError instead when differences with earlier releases are all that it gives away.
    """
    held = {d: _held(earlier, d, narrow=d is named[-1]) for d in named}
    try:
        reports = attack_ledgers([[*held[d], draft / d.value] for d in named])
        for diffusion, report in zip(named, reports, strict=True):
            if report.findings:
                before = attack_releases(held[diffusion]) if held[diffusion] else Report()
                _refuse_new(report, before, audit, clauses)
    except RefusedInputError as e:
        raise RunError(Problem(e.problem), f"publication à attaquer : {e.message}", e.remedy) from e
    names = {d: [p.name if p in earlier else p.parent.name for p in held[d]] for d in named}
    return {d: (report, names[d]) for d, report in zip(named, reports, strict=True)}


def _held(earlier: Sequence[Path], diffusion: Diffusion, *, narrow: bool) -> list[Path]:
    """What an audience holds of earlier releases: of each, the narrowest part that is for it."""
    if narrow:
        return list(earlier)
    found = []
    for root in earlier:
        parts = [d for d in widest_first(diffusion) if (root / d.value).is_dir()]
        if parts or (root / "valeurs").is_dir():
            found.append(root / parts[-1].value if parts else root)
    return found


def _refuse_new(report: Report, before: Report, audit: Path, clauses: ClauseSet) -> None:
    known = {f.cell for f in before.findings}
    new = [f for f in report.findings if f.cell not in known]
    if not new:
        return
    _write_private(audit, report.document())
    kinds = sorted({f.kind.value for f in new})
    message = f"{len(new)} constats ({', '.join(kinds)}) : {listed(f.cell for f in new[:10])}"
    remedy = f"rien n'est publié ; tout est dans {audit.name}, à ne pas diffuser"
    refusal = RunError(Problem.DIVULGATION, message, remedy)
    revised = {_where(f.cell, clauses) for f in new if f.kind is Kind.REVISION}
    if kinds == [Kind.REVISION.value] and None not in revised:
        raise RevisionError(frozenset(where for where in revised if where is not None), refusal)
    raise refusal


def _where(cell: str, clauses: ClauseSet) -> tuple[str, str] | None:
    """The feed and the period that the name of a cell tells."""
    home = {i.id: clause.id for clause, i in clauses.indicateurs()}
    words = cell.replace(",", " ").split()
    feeds = [home[word] for word in words if word in home]
    periods = [word for word in words if re.fullmatch(r"\d{4}(-[TSM]?\d{1,2})?", word)]
    return (feeds[0], periods[-1]) if feeds and periods else None


def _write_private(target: Path, content: Mapping[str, Any]) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with replacing(target) as draft:
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


def certificate(
    folder: Path, publication: str, rules: Sequence[Mapping[str, Any]], protection: str, report: Report,
    earlier: Sequence[str],
) -> bytes:  # fmt: skip
    """The certificate of what an audience is told, as JSON: the same draft, ledger and rules give the same bytes."""
    content = {
        "publication": publication,
        "logiciel": f"qpv-data {__version__}",
        "protection": protection,
        "regles": list(rules),
        "politique_des_zeros": ZEROS,
        "cellules": _statuses(folder),
        "attaque": {
            "methodes": report.attacks,
            "avec_les_publications": list(earlier),
            "cellules_publiees": report.published,
            "cellules_secretes": report.hidden,
            "cellules_derivables": report.derivable,
            "equations": report.equations,
            # Found by subtraction in what was already published: this release adds nothing to it.
            "constats_anterieurs": len(report.findings),
            "constats": 0,
            "reserves": report.notes,
        },
        "limites": list(LIMITES),
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def attack_said(release: Path) -> str:
    """One sentence on what the certificate of a release says."""
    path = release / CERTIFICATE
    if not path.is_file():
        return "Sans certificat : publiée avant que les publications ne soient attaquées."
    attacked = json.loads(path.read_text("utf-8"))["attaque"]
    count = len(attacked["avec_les_publications"])
    ledger = f", avec {count} publication{'s' if count > 1 else ''} d'avant" if count else ""
    inherited = attacked["constats_anterieurs"]
    left = f" ({inherited} dans ce qui était déjà publié)" if inherited else ""
    return f"Attaquée{ledger} : aucun constat{left}."


def rules_of(clauses: ClauseSet) -> list[dict[str, Any]]:
    """One row a feed: what its cells are held to."""
    rows = []
    for clause in sorted(clauses.jeux, key=lambda c: c.id):
        secret = clause.secret
        family = load_families().get(secret.famille) if secret.famille else None
        thresholds = {k for i in clause.indicateurs if (k := threshold(secret, i)) is not None}
        rows.append(
            {
                "jeu": clause.id,
                "regime": secret.regime,
                "famille": secret.famille,
                "source": family.source if family else None,
                "confiance": family.confiance if family else None,
                "unite": secret.unite,
                "autres_unites": [
                    {"unite": other.unite, "seuil": rule.k}
                    for other in other_units(secret)
                    if (rule := rule_of(other)) is not None
                ],
                "seuils": sorted(thresholds),
                "dominance": dominance_of(secret),
                "justification": secret.justification,
            }
        )
    return rows


def _statuses(folder: Path) -> dict[str, Any]:
    """Rows of `valeurs` that have something to say, by status, and the share that is hidden."""
    files = sql_path(folder / "valeurs" / "**" / "*.parquet")
    query = (
        "SELECT statut_diffusion, count(*) FROM read_parquet("
        f"{files}, hive_partitioning = true) WHERE statut_observation = 'normale' GROUP BY ALL ORDER BY ALL"
    )
    with session() as con:
        counted = {status: int(n) for status, n in con.execute(query).fetchall()}
    total = sum(counted.values())
    return {**counted, "part_secrete": round(counted.get("secret", 0) / total, 3) if total else None}
