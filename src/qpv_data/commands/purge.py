"""`qpv-data purge` and `qpv-data preuves`: destroy what is due, and check the proofs of it."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qpv_data.commands.reglages import Clauses, configuration_of

if TYPE_CHECKING:
    from qpv_data.retention.items import Hindrance, Item
    from qpv_data.retention.plan import Plan
    from qpv_data.retention.purge import PurgeReport

Out = Annotated[Path, typer.Option("--out", help="Dossier de l'exécution.")]
AsJson = Annotated[bool, typer.Option("--json", help="Répondre en JSON.")]

group = typer.Typer(no_args_is_help=True, help="Vérifier les preuves de destruction.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add the command and the group."""
    app.command()(purge)
    app.add_typer(group, name="preuves")


def purge(
    out: Out,
    clauses: Clauses = None,
    configuration: Annotated[
        Path | None, typer.Option(help="Fichier YAML : où sont les sauvegardes et les résultats de Prefect.")
    ] = None,
    confirmer: Annotated[bool, typer.Option("--confirmer", help="Détruire ; sans quoi rien n'est détruit.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Montrer ce qui est arrivé au terme de sa clause ; avec --confirmer, le détruire et en écrire la preuve signée.

    Code de sortie 4 quand quelque chose qui doit être détruit n'a pas pu l'être.
    """
    from qpv_data.clause.check import checked_clauses
    from qpv_data.refusals import RUN_FAILED, errors_told
    from qpv_data.retention.proof import signing_key
    from qpv_data.retention.purge import look
    from qpv_data.retention.purge import purge as destroy
    from qpv_data.retention.settings import read_settings

    with errors_told():
        cfg = configuration_of(out, clauses)
        loaded = checked_clauses(cfg.clauses, cfg.maintenant.date())
        settings = read_settings(configuration, cfg.sortie)
        if not confirmer:
            _show_plan(look(cfg, loaded, settings, os.environ), quiet, as_json)
            return
        report = destroy(cfg, loaded, settings, signing_key(os.environ), os.environ)
        _show_report(report, quiet, as_json)
        if not report.entiere:
            raise typer.Exit(RUN_FAILED)


@group.command()
def verifier(
    out: Out,
    cle: Annotated[str, typer.Option("--cle", help="Clé publique, 64 chiffres hexadécimaux : `preuves cle` la dit.")],
    tete: Annotated[
        str | None, typer.Option(help="Empreinte attendue de la dernière preuve, quand elle est gardée ailleurs.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Vérifier la suite des preuves : leurs numéros, leur enchaînement, leurs signatures. Code 4 si une faute."""
    from qpv_data.refusals import RUN_FAILED, errors_told
    from qpv_data.retention.proof import public_key, verify

    with errors_told():
        chain = verify(out.resolve() / "preuves", public_key(cle), tete)
        if as_json:
            typer.echo(json.dumps(asdict(chain), ensure_ascii=False, indent=1))
        else:
            for fault in chain.fautes:
                typer.echo(f"{fault.preuve or 'preuves'} : {fault.raison}", err=True)
            faults, proofs = len(chain.fautes), chain.preuves
            kept = f"{faults} faute{'s' * (faults > 1)}" if faults else "aucune faute"
            head = f"Empreinte de la dernière : {chain.tete or '—'}"
            typer.echo(f"{proofs} preuve{'s' * (proofs > 1)}, {kept}. {head}")
        if chain.fautes:
            raise typer.Exit(RUN_FAILED)


@group.command()
def cle() -> None:
    """Dire la clé publique de la clé de signature que donne QPV_DATA_CLE_DE_SIGNATURE."""
    from qpv_data.refusals import errors_told
    from qpv_data.retention.proof import public_text, signing_key

    with errors_told():
        typer.echo(public_text(signing_key(os.environ)))


def _show_plan(made: Plan, quiet: bool, as_json: bool) -> None:
    if as_json:
        told = {
            "a_detruire": [item.told() for item in made.items],
            "empeches": [asdict(h) for h in made.empeches],
            "retenues": list(made.retenues),
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    if quiet:
        return
    for line in _counted(made.items):
        typer.echo(f"  {line}")
    for ident in made.retenues:
        typer.echo(f"  = {ident} : son fichier est aussi celui d'une livraison qui n'est pas due ; gardé")
    _show_hindrances(made.empeches)
    size = sum(item.taille for item in made.items)
    end = "Rien n'est détruit : ajouter --confirmer." if made.items else "Rien n'est dû."
    typer.echo(f"{len(made.items)} fichiers dus, {size:_} octets. {end}".replace("_", "\u202f"))


def _show_report(report: PurgeReport, quiet: bool, as_json: bool) -> None:
    from qpv_data.retention.items import Etat

    if as_json:
        told = {
            "preuve": report.preuve.name if report.preuve else None,
            "empreinte_de_la_preuve": report.tete,
            "resultats": [
                {**o.item.told(), "etat": o.etat.value, "le": o.le, "raison": o.raison} for o in report.resultats
            ],
            "empeches": [asdict(h) for h in report.empeches],
            "retenues": list(report.retenues),
        }
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    for outcome in report.resultats:
        if outcome.etat is Etat.ECHEC:
            item = outcome.item
            typer.echo(
                f"  ! {item.livraison or item.jeu} {item.forme.value} ({item.lieu}) : {outcome.raison}", err=True
            )
    _show_hindrances(report.empeches)
    if quiet:
        return
    for line in _counted(o.item for o in report.resultats if o.etat is Etat.DETRUIT):
        typer.echo(f"  {line}")
    counts = Counter(o.etat for o in report.resultats)
    typer.echo(
        f"{counts[Etat.DETRUIT]} détruits, {counts[Etat.DEJA_ABSENT]} déjà absents, {counts[Etat.ECHEC]} en échec."
    )
    if report.preuve is not None:
        typer.echo(f"Preuve : {report.preuve}\nSon empreinte, à garder ailleurs : {report.tete}")


def _counted(items: Iterable[Item]) -> list[str]:
    """One line a feed, clause version, delivery and place: how many files, of which forms, since when they are due."""
    groups: dict[tuple[str, str, str, str], list[Item]] = {}
    for item in items:
        groups.setdefault((item.jeu, item.clause_version, item.livraison or "", item.lieu), []).append(item)
    lines = []
    for (jeu, version, livraison, place), own in sorted(groups.items()):
        forms = ", ".join(sorted({i.forme.value for i in own}))
        since = min(i.echeance for i in own)
        name = livraison or jeu or "résultats"
        lines.append(f"{name} ({place}, clause {version}) : {len(own)} fichiers ({forms}), dus le {since}")
    return lines


def _show_hindrances(hindrances: Iterable[Hindrance]) -> None:
    for h in hindrances:
        typer.echo(f"  ! {h.jeu or 'copies'} ({h.lieu}) : {h.raison}", err=True)
