"""`qpv-data registre` and `qpv-data acces`: the register of processing (RGPD, article 30), and the access log."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Forme(StrEnum):
    """How the register is written."""

    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(registre)
    app.command()(acces)


def registre(
    clauses: Annotated[Path | None, typer.Option(help="Dossier des clauses. Défaut : referentiels/clauses.")] = None,
    responsable: Annotated[
        str | None, typer.Option(help="Qui est responsable du traitement. Défaut : l'orchestrateur de chaque clause.")
    ] = None,
    forme: Annotated[Forme, typer.Option(help="Écriture du registre.")] = Forme.MARKDOWN,
    sortie: Annotated[
        Path | None, typer.Option("--sortie", "-o", help="Fichier à écrire. Défaut : la sortie standard.")
    ] = None,
) -> None:
    """Écrire le registre des traitements (RGPD, article 30) : une fiche par clause de données personnelles."""
    from qpv_data.clause.check import checked_clauses
    from qpv_data.refusals import errors_told
    from qpv_data.retention.register import records
    from qpv_data.retention.register_pages import counted, html_page, json_text, markdown_page
    from qpv_data.surroundings import default_clauses, now

    with errors_told():
        today = now().date()
        loaded = checked_clauses((clauses or default_clauses()).resolve(), today)
        found = records(loaded, responsable, today)
        write = {Forme.MARKDOWN: markdown_page, Forme.HTML: html_page, Forme.JSON: json_text}[forme]
        text = write(found, today)
        if sortie is None:
            typer.echo(text, nl=False)
        else:
            sortie.write_text(text, "utf-8")
            typer.echo(f"{counted(found)} : {sortie}", err=True)


def acces(
    out: Annotated[Path, typer.Option("--out", help="Dossier de l'exécution.")],
    jeu: Annotated[str | None, typer.Option(help="Un jeu seulement.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Lire le journal des accès : qui, quoi, quand, pour quelle finalité. Code 4 si une ligne manque ou a changé."""
    from qpv_data.access import of_feed, read_log
    from qpv_data.refusals import RUN_FAILED

    log = read_log(out.resolve() / "acces")
    lines = list(of_feed(log, jeu))
    if as_json:
        typer.echo(json.dumps({"lignes": lines, "rompues": list(log.rompues)}, ensure_ascii=False, indent=1))
    else:
        for line in lines:
            purposes = line["finalite"] or ", ".join(line.get("finalites", ())) or "—"
            result = ", ".join(line.get("sorties", ())) or ", ".join(line.get("formes", ()))
            who = f"{line['quand']}  {line['acteur']}  {line['action']}"
            typer.echo(f"{who}  {line.get('livraison') or line['jeu']}  {purposes} ({line['diffusion']})  {result}")
        for number in log.rompues:
            typer.echo(f"ligne {number} : elle ne suit pas celle qui la précède", err=True)
    if log.rompues:
        raise typer.Exit(RUN_FAILED)
