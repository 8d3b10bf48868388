"""What the engineer on call reads in Prefect of a publication: feeds, differences, links to the partners' reports.

They stay in Prefect's own database, on the operator's machine: counts of rows are in them, values are not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import pyarrow.parquet as pq
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact

from flows.etapes import artifact
from qpv_data.operations.recording import Recorder
from qpv_data.operations.screen import duration
from qpv_data.operations.summary import FINE
from qpv_data.pipeline import RunReport
from qpv_data.receive import Reception
from qpv_data.releases.compare import counted
from qpv_data.runs import Configuration

_SHOWN = 200


def show(cfg: Configuration, report: RunReport, recorder: Recorder) -> None:
    """Make every artifact of a publication. One that cannot be made is a warning: the release is out."""
    artifact(lambda: create_table_artifact(feeds(report, recorder), "jeux", "Jeux de la publication"))
    artifact(lambda: create_markdown_artifact(differences(report), "changements", "Ce qui change depuis la précédente"))
    links = {_name(r): link for r in report.receptions if (link := report_link(cfg, r))}
    artifact(lambda: create_markdown_artifact(reports(links), "rapports", "Les rapports aux partenaires"))
    for reception in report.receptions:
        name = _name(reception)
        if reception.statut not in FINE and name in links:
            key, text = f"rapport-{_key(name)}", f"Rapport au partenaire : {name}"
            artifact(partial(create_link_artifact, links[name], text, key, text))


def feeds(report: RunReport, recorder: Recorder) -> list[dict[str, Any]]:
    """A row a feed: its deliveries, states, rows in, rejected, of unknown place, seconds."""
    places = {p.jeu: p for p in report.places}
    rows = []
    for jeu in sorted({r.jeu for r in report.receptions}, key=lambda j: (j not in places, j)):
        own, placed = [r for r in report.receptions if r.jeu == jeu], places.get(jeu)
        states = sorted({r.statut for r in own} | ({"refuse"} if placed and placed.erreur else set()))
        problems = sorted({r.probleme for r in own if r.probleme})
        rows.append(
            {
                "jeu": jeu,
                "état": ", ".join(states),
                "problème": ", ".join(problems),
                "livraisons": f"{sum(r.usable for r in own)}/{len(own)}",
                "reçues": sum(r.recues for r in own),
                "rejetées": sum(sum(r.rejetees.values()) for r in own),
                "lieu inconnu": sum(sum(p.motifs.values()) for p in placed.localisations) if placed else None,
                "durée": duration(recorder.seconds_of(jeu)),
            }
        )
    return rows


def differences(report: RunReport) -> str:
    """What the release changes, by indicator, kind and cause, in Markdown; counts of rows, no value."""
    made = report.release
    if not made.nouvelle:
        return f"La publication {made.id} disait déjà tout cela : rien ne change."
    found = pq.read_table(made.complet / "changements.parquet", columns=["indicateur", "nature", "cause"])
    if not found.num_rows:
        return f"{made.id} : aucune différence, ou aucune publication avant elle."
    rows = counted(found)
    lines = [f"{made.id} : {found.num_rows} lignes changent.", "", "| indicateur | nature | cause | lignes |"]
    lines += ["|---|---|---|---:|", *(_line(row) for row in rows[:_SHOWN])]
    if len(rows) > _SHOWN:
        lines.append(f"\n… et {len(rows) - _SHOWN} autres : qpv-data diff.")
    return "\n".join(lines)


def reports(links: Mapping[str, str]) -> str:
    """The partners' reports, in Markdown."""
    return "\n".join(f"- [{name}]({link})" for name, link in links.items()) or "Aucun."


def report_link(cfg: Configuration, reception: Reception) -> str | None:
    """Where the partner's report on a delivery is; None when there is none."""
    ident = reception.venue or reception.livraison
    path = cfg.folder("rapports") / reception.jeu / f"{ident}.html"
    return path.as_uri() if ident and path.is_file() else None


def _line(row: Mapping[str, Any]) -> str:
    return f"| {row['indicateur']} | {row['nature']} | {row['cause']} | {row['lignes']} |"


def _name(reception: Reception) -> str:
    return f"{reception.jeu} {reception.periode or ''}".strip()


def _key(name: str) -> str:
    """Prefect's keys hold lower-case letters, digits and dashes alone."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
