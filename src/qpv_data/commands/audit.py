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
        list[Path] | None, typer.Argument(help="Enregistrements localisés (Parquet), un fichier par période.")
    ] = None,
    zonages: Annotated[
        str | None, typer.Option(help="Colonnes des zonages, séparées par des virgules : qpv2015,qpv2024.")
    ] = None,
    k: Annotated[
        int | None, typer.Option("--k", min=2, help="Nombre d'unités sous lequel un groupe est trop petit.")
    ] = None,
    unite: Annotated[str | None, typer.Option(help="Colonne de l'unité. Défaut : compter les enregistrements.")] = None,
    publication: Annotated[
        list[Path] | None, typer.Option(help="Publication dont auditer les montants. Peut être répétée, dans l'ordre.")
    ] = None,
    verite: Annotated[Path | None, typer.Option(help="Dossier aggregated, avec --publication.")] = None,
    montrer: Annotated[int, typer.Option(min=0, help="Nombre de groupes ou de montants montrés.")] = 20,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Chercher ce que des différences de zones isolent, ou les montants cernés de près (interne). Code 1 si trouvé."""
    names = [z.strip() for z in (zonages or "").split(",") if z.strip()]
    _check_usage(localises or [], names, k, publication or [], verite)
    from qpv_data.attaque.amounts import Near, audit_amounts
    from qpv_data.attaque.ground import Risk
    from qpv_data.attaque.ground import audit as search
    from qpv_data.attaque.refusal import RefusedInputError
    from qpv_data.cli import errors_told
    from qpv_data.problems import FeedError, Problem

    found: list[Risk] | list[Near]
    with errors_told():
        try:
            if verite is not None:
                found = audit_amounts(publication or [], verite)
                said = f"{len(found)} montant{'s' if len(found) > 1 else ''} de trop près."
            else:
                found = search(localises or [], names, unite, k or 0)
                said = f"{len(found)} groupe{'s' if len(found) > 1 else ''} de moins de {k} unités."
        except RefusedInputError as e:
            raise FeedError(e.source, Problem(e.problem), e.message, e.remedy) from None
    if as_json:
        typer.echo(json.dumps([r.row() for r in found], ensure_ascii=False, indent=1))
    elif not quiet:
        for one in found[:montrer]:
            typer.echo(one.line())
        typer.echo(said)
    if found:
        raise typer.Exit(_FOUND)


def _check_usage(
    localises: list[Path], names: list[str], k: int | None, publication: list[Path], verite: Path | None
) -> None:
    if bool(publication) != (verite is not None):
        raise typer.BadParameter("--publication et --verite vont ensemble", param_hint="--verite")
    if bool(localises) == bool(publication):
        raise typer.BadParameter("donner des enregistrements localisés, ou --publication et --verite")
    if localises and len(names) < 2:
        raise typer.BadParameter("donner au moins deux zonages", param_hint="--zonages")
    if localises and k is None:
        raise typer.BadParameter("dire sous combien d'unités un groupe est trop petit", param_hint="--k")
