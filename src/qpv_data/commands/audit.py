"""`qpv-data audit`: what differences of published zones would give away, with the truth in hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

_FOUND = 1


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(audit)


def audit(
    localises: Annotated[
        list[Path], typer.Argument(help="Enregistrements localisés (Parquet), un fichier par période.")
    ],
    zonages: Annotated[str, typer.Option(help="Colonnes des zonages, séparées par des virgules : qpv2015,qpv2024.")],
    k: Annotated[int, typer.Option("--k", min=2, help="Nombre d'unités sous lequel un groupe est trop petit.")],
    unite: Annotated[str | None, typer.Option(help="Colonne de l'unité. Défaut : compter les enregistrements.")] = None,
    montrer: Annotated[int, typer.Option(min=0, help="Nombre de groupes montrés.")] = 20,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Chercher les groupes de moins de k unités que des différences de zones isolent (interne). Code 1 si trouvé."""
    names = [z.strip() for z in zonages.split(",") if z.strip()]
    if len(names) < 2:
        raise typer.BadParameter("donner au moins deux zonages", param_hint="--zonages")
    from qpv_data.attaque.ground import audit as search
    from qpv_data.attaque.refusal import RefusedInputError
    from qpv_data.cli import errors_told
    from qpv_data.problems import FeedError, Problem

    with errors_told():
        try:
            risks = search(localises, names, unite, k)
        except RefusedInputError as e:
            raise FeedError(e.source, Problem(e.problem), e.message, e.remedy) from None
    if as_json:
        typer.echo(json.dumps([r.row() for r in risks], ensure_ascii=False, indent=1))
    elif not quiet:
        for risk in risks[:montrer]:
            typer.echo(risk.line())
        typer.echo(f"{len(risks)} groupe{'s' if len(risks) > 1 else ''} de moins de {k} unités.")
    if risks:
        raise typer.Exit(_FOUND)
