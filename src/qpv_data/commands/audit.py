"""`qpv-data audit`: what differences of published zones would give away, with the truth in hand."""

from __future__ import annotations

import json
from dataclasses import replace
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
        list[int] | None,
        typer.Option("--k", min=2, help="Unités sous lesquelles un groupe est trop petit ; un nombre par --unite."),
    ] = None,
    unite: Annotated[
        list[str] | None,
        typer.Option(help="Colonne de l'unité. Défaut : compter les enregistrements. Peut être répétée."),
    ] = None,
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
    ks, units = k or [], unite or []
    _check_usage(localises or [], names, ks, units, publication or [], verite)
    from qpv_data.attaque.amounts import Near, audit_amounts
    from qpv_data.attaque.ground import Risk
    from qpv_data.attaque.ground import audit as search
    from qpv_data.attaque.refusal import RefusedInputError
    from qpv_data.problems import FeedError, Problem
    from qpv_data.refusals import errors_told

    found: list[Risk] | list[Near]
    with errors_told():
        try:
            if verite is not None:
                found = audit_amounts(publication or [], verite)
                said = f"{len(found)} montant{'s' if len(found) > 1 else ''} de trop près."
            else:
                each: list[str | None] = [*units] or [None]
                pairs = list(zip(each, ks if len(ks) > 1 else ks * len(each), strict=True))
                several = len(pairs) > 1
                found = [
                    replace(risk, unit=unit if several else None)
                    for unit, least in pairs
                    for risk in search(localises or [], names, unit, least)
                ]
                told = " ou ".join(f"{least} {unit}" for unit, least in pairs) if several else f"{pairs[0][1]} unités"
                said = f"{len(found)} groupe{'s' if len(found) > 1 else ''} de moins de {told}."
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
    localises: list[Path], names: list[str], ks: list[int], units: list[str], publication: list[Path],
    verite: Path | None,
) -> None:  # fmt: skip
    if bool(publication) != (verite is not None):
        raise typer.BadParameter("--publication et --verite vont ensemble", param_hint="--verite")
    if bool(localises) == bool(publication):
        raise typer.BadParameter("donner des enregistrements localisés, ou --publication et --verite")
    if localises and len(names) < 2:
        raise typer.BadParameter("donner au moins deux zonages", param_hint="--zonages")
    if localises and not ks:
        raise typer.BadParameter("dire sous combien d'unités un groupe est trop petit", param_hint="--k")
    if len(ks) > 1 and len(ks) != len(units):
        raise typer.BadParameter("un seul --k pour toutes les unités, ou un pour chacune", param_hint="--k")
