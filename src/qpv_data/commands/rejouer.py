"""`qpv-data plan`, `backfill` and `rejouer`: what would be made again, the past asked for again, a release replayed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qpv_data.commands.moteur import Adresse, Echange, Engine, Moteur, crew_of, hold_engine
from qpv_data.commands.reglages import Clauses, Miroir, Periode, Pour, Pourquoi, configuration_of

if TYPE_CHECKING:
    from qpv_data.planning import Step

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Répondre en JSON.")]
Out = Annotated[Path, typer.Option("--out", help="Dossier de l'exécution.")]

_STATES = {
    "a_jour": "à jour", "a_refaire": "à refaire", "si_amont_change": "si l'amont change", "absente": "rien de reçu",
}  # fmt: skip


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(plan)
    app.command()(backfill)
    app.command()(rejouer)


def plan(
    out: Out,
    clauses: Clauses = None,
    periode: Periode = None,
    diffusion: Pour = None,
    finalite: Pourquoi = None,
    tout: Annotated[bool, typer.Option("--tout", help="Montrer aussi les étapes à jour.")] = False,
    as_dot: Annotated[bool, typer.Option("--dot", help="Le graphe entier, pour Graphviz.")] = False,
    as_json: AsJson = False,
) -> None:
    """Dire ce qu'une exécution referait, et pourquoi, sans rien demander ni écrire."""
    from qpv_data import planning
    from qpv_data.refusals import errors_told

    with errors_told():
        steps = planning.plan(configuration_of(out, clauses, None, periode, diffusion, finalite))
    if as_json:
        typer.echo(json.dumps([planning.plain(s) for s in steps], ensure_ascii=False, indent=1))
    elif as_dot:
        typer.echo(planning.dot(steps), nl=False)
    else:
        _show(steps, tout)


def _show(steps: list[Step], everything: bool) -> None:
    shown = [s for s in steps if everything or s.etat != "a_jour"]
    for step in shown:
        what = " ".join(part for part in (step.jeu, step.livraison) if part)
        why = f" : {', '.join(step.raisons)}" if step.raisons else ""
        typer.echo(f"{step.etape:10} {what:40} {_STATES[step.etat]}{why}".rstrip())
    counts = Counter(s.etat for s in steps)
    typer.echo(", ".join(f"{n} {_STATES[state]}" for state, n in sorted(counts.items())) + f" ({len(steps)} étapes)")


def backfill(
    out: Out,
    clause: Annotated[list[str], typer.Option("--clause", help="Clause à redemander ; répéter pour plusieurs.")],
    de: Annotated[str, typer.Option("--de", help="Première période, par exemple 2023-T1.")],
    a: Annotated[str, typer.Option("--a", help="Dernière période, par exemple 2024-T4.")],
    clauses: Clauses = None,
    miroir: Miroir = None,
    periode: Periode = None,
    diffusion: Pour = None,
    finalite: Pourquoi = None,
    moteur: Moteur = Engine.LOCAL,
    adresse: Adresse = None,
    echange: Echange = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Redemander le passé de quelques clauses, refaire ce qui en dépend, et publier ; rien n'est demandé aux autres."""
    from qpv_data.backfill import backfill as ask_again
    from qpv_data.operations.recording import recording
    from qpv_data.refusals import errors_told
    from qpv_data.terminal import report_json, show_report, watching

    hold_engine(moteur, adresse, echange)
    with errors_told():
        cfg = configuration_of(out, clauses, miroir, periode, diffusion, finalite)
        with recording(cfg, "backfill"), watching(quiet or as_json) as watch, crew_of(cfg, adresse, echange) as crew:
            report = ask_again(cfg, clause, de, a, watch, crew)
        if as_json:
            typer.echo(json.dumps(report_json(report), ensure_ascii=False, indent=1))
        elif not quiet:
            show_report(cfg, report)


def rejouer(
    publication: Annotated[Path, typer.Argument(help="Dossier d'une publication : releases/2024-T3-r2.")],
    sortie: Annotated[Path, typer.Option("--sortie", "-o", help="Dossier nouveau, où la publication est refaite.")],
    clauses: Clauses = None,
    quiet: Quiet = False,
) -> None:
    """Refaire une publication depuis les fichiers bruts, avec le code et les clauses d'aujourd'hui, et comparer."""
    from qpv_data.commands.publications import diff
    from qpv_data.configure import clauses_of
    from qpv_data.refusals import errors_told
    from qpv_data.releases.listing import existing
    from qpv_data.replay import replay
    from qpv_data.surroundings import actor
    from qpv_data.terminal import watching

    with errors_told():
        root = existing(publication)
        with watching(quiet) as watch:
            made = replay(root, clauses_of(root.parent.parent, clauses), sortie.resolve(), actor(), watch)
    if quiet:
        return
    typer.echo(f"{root.name} est refaite dans {made.dossier}.")
    if made.identique:
        typer.echo("Les mêmes fichiers, à l'octet.")
    else:
        diff(root, made.dossier)
