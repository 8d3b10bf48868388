"""The register of processing as Markdown, as a page that prints, and as JSON: the same records, in the same order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from functools import cache
from pathlib import Path

from jinja2 import Template

from qpv_data.retention.register import Record, dated
from qpv_data.templates import template

TITLE = "Registre des activités de traitement"
LABELS = {
    "responsable": "Responsable du traitement",
    "producteur": "Producteur des données",
    "dpo": "Délégué à la protection des données",
    "finalites": "Finalités",
    "base_legale": "Base légale",
    "personnes": "Catégories de personnes",
    "donnees": "Catégories de données",
    "categories_particulieres": "Données sensibles",
    "destinataires": "Destinataires",
    "transferts": "Transferts hors de l'Espace économique européen",
    "conservation": "Délais d'effacement",
    "securite": "Mesures de sécurité",
    "analyse_impact": "Analyse d'impact",
}


def rows(record: Record) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(label, its lines) of a record."""
    for name, label in LABELS.items():
        value = getattr(record, name)
        yield label, value if isinstance(value, tuple) else (value,)


def json_text(found: Sequence[Record], today: date) -> str:
    """The register for a program."""
    told = {"registre": "RGPD, article 30", "etabli_le": today.isoformat(), "traitements": [asdict(r) for r in found]}
    return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def markdown_page(found: Sequence[Record], today: date) -> str:
    """The register as Markdown; what a clause says never makes a mark of it."""
    parts = [f"# {TITLE}", f"RGPD, article 30. Établi le {dated(today)} d'après les clauses : {counted(found)}."]
    for record in found:
        parts.append(f"## {_plain(record.titre)}")
        parts.append(f"Jeu `{record.jeu}`, clause {_plain(record.clause_version)} ({record.statut}).")
        table = ["| | |", "|---|---|"]
        table += [f"| {label} | {' <br> '.join(_plain(li) for li in lines)} |" for label, lines in rows(record)]
        parts.append("\n".join(table))
        if record.manques:
            parts.append(f"**Reste à dire : {', '.join(record.manques)}.**")
    return "\n\n".join(parts) + "\n"


def html_page(found: Sequence[Record], today: date) -> str:
    """The register as one page, without script, nothing fetched; every text is escaped."""
    told = [(r, list(rows(r))) for r in found]
    return _template().render(titre=TITLE, jour=dated(today), compte=counted(found), traitements=told)


def counted(found: Sequence[Record]) -> str:
    """How many processings, in words."""
    return f"{len(found)} traitement{'s' if len(found) > 1 else ''}"


def _plain(text: str) -> str:
    """Text in a cell of Markdown: no cell, no tag, no emphasis of its own."""
    return re.sub(r"([\\|<>*_\[\]#])", r"\\\1", " ".join(text.split()))


@cache
def _template() -> Template:
    return template(Path(__file__).parent / "registre.html.j2")
