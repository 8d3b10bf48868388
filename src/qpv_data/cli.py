"""The command `qpv-data`.

Exit codes: 0 done (feeds that failed are listed and the release states them), 1 an attack, an audit or a check found
something, 2 wrong usage, 3 declarations refused (nothing written), 4 the run cannot start or go on (nothing
published), 130 interrupted.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qpv_data import __version__
from qpv_data.commands import (
    attack,
    audit,
    clause,
    conformite,
    controles,
    doctor,
    explain,
    exporter,
    fusion,
    geocoder,
    passage,
    pertes,
    perturb,
    protect,
    publications,
    purge,
    registre,
    rejouer,
    sauvegarde,
    site,
    status,
    ventiler,
)
from qpv_data.commands import locate as locate_command
from qpv_data.commands.moteur import Adresse, Echange, Engine, Moteur, crew_of, hold_engine
from qpv_data.commands.reglages import Clauses, Miroir, Periode, Pour, Pourquoi, configuration_of
from qpv_data.refusals import DECLARATIONS_REFUSED, errors_told, tell
from qpv_data.surroundings import actor, default_clauses

if TYPE_CHECKING:
    from qpv_data.jobs import Crew
    from qpv_data.pipeline import RunReport
    from qpv_data.runs import Configuration

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help=(
        "Des jeux de données déclarés par des clauses aux indicateurs par quartier prioritaire (QPV) et par "
        "trimestre.\n\nCodes de sortie : 0 fait (les jeux en échec sont nommés), 1 constats (attack, "
        "audit, controles, doctor, restaurer, verify), 2 commande mal écrite, 3 déclarations refusées et rien d'écrit, "
        "4 exécution impossible et rien de publié, 130 interrompue."
    ),
)

Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")]
AsJson = Annotated[bool, typer.Option("--json", help="Répondre en JSON.")]
Out = Annotated[Path, typer.Option("--out", help="Dossier de l'exécution, créé au besoin ; repris s'il existe.")]


# The embedded territory lives in 2024; its releases are dated from the day after its last feed is due.
DEMO_NOW = datetime(2025, 4, 15, tzinfo=UTC)


_COMMANDS = (
    locate_command, ventiler, passage, geocoder, clause, conformite, purge, registre, protect, perturb, attack, audit,
    pertes, controles, publications, explain, exporter, fusion, rejouer, status, doctor, sauvegarde, site,
)  # fmt: skip
for _command in _COMMANDS:
    _command.register(app)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Afficher la version.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command()
def demo(
    out: Out,
    echelle: Annotated[int, typer.Option(min=1, max=1000, help="Multiplier les données.")] = 1,
    quiet: Quiet = False,
) -> None:
    """Exécuter la chaîne entière sur le territoire fictif embarqué."""
    with errors_told():
        cfg = demo_configuration(out.resolve(), echelle, quiet)
        release = _run(cfg, quiet, as_json=False).release
        demo_site(cfg, release.dossier, quiet)


def demo_configuration(out: Path, echelle: int, quiet: bool) -> Configuration:
    """Generate the embedded territory under `out/territoire` and give the configuration that runs it."""
    from qpv_data.clause.model import Diffusion
    from qpv_data.demo import generate
    from qpv_data.resources import referentials_dir
    from qpv_data.runs import Configuration, exclusive

    cfg = Configuration(
        clauses=referentials_dir() / "demo" / "clauses",
        sortie=out,
        maintenant=DEMO_NOW,
        miroir=out / "territoire" / "source",
        diffuseur="valmorte-sur-brume",
        diffusion=Diffusion.INTERNE,
        acteur=actor(),
    )
    with exclusive(cfg):
        if not quiet:
            typer.echo("Territoire fictif : écriture des jeux et de leur vérité…", err=True)
        generate(out / "territoire", echelle=echelle)
    return cfg


@app.command("publish", short_help="Comme run : publier, en reprenant ce qui est déjà fait.")
@app.command()
def run(
    out: Out,
    clauses: Clauses = None,
    miroir: Miroir = None,
    periode: Periode = None,
    diffusion: Pour = None,
    finalite: Pourquoi = None,
    traces: Annotated[
        bool, typer.Option("--traces", help="Une ligne JSON par étape sur l'erreur standard, au lieu des barres.")
    ] = False,
    moteur: Moteur = Engine.LOCAL,
    adresse: Adresse = None,
    echange: Echange = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Recevoir, localiser, agréger, protéger et publier, jusqu'au trimestre demandé."""
    hold_engine(moteur, adresse, echange)
    with errors_told():
        cfg = configuration_of(out, clauses, miroir, periode, diffusion, finalite)
        with crew_of(cfg, adresse, echange) as crew:
            _run(cfg, quiet or as_json, as_json, traces, crew)


@app.command()
def check(
    dossier: Annotated[Path | None, typer.Argument(help="Défaut : referentiels/clauses.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Vérifier clauses et référentiels sans réseau ni données : toutes les fautes, avec fichier et ligne."""
    from qpv_data.clause.check import checked_clauses, unconfirmed
    from qpv_data.problems import InvalidDeclarationError
    from qpv_data.zonages.territories import load_territories

    try:
        load_territories()
        loaded = checked_clauses((dossier or default_clauses()).resolve())
    except InvalidDeclarationError as e:
        if as_json:
            typer.echo(json.dumps([asdict(v) for v in e.violations], ensure_ascii=False, indent=1))
        else:
            tell(e)
        raise typer.Exit(DECLARATIONS_REFUSED) from None
    pending = unconfirmed(loaded)
    if as_json:
        typer.echo(json.dumps([asdict(v) for v in pending], ensure_ascii=False, indent=1))
    elif not quiet:
        for violation in pending:
            typer.echo(str(violation))
        count = sum(1 for _ in loaded.indicateurs())
        typer.echo(
            f"{len(loaded.chargees)} clauses, {count} indicateurs : tout se tient."
            + (f" {len(pending)} clés à confirmer." if pending else "")
        )


@app.command()
def indicateurs(
    clauses: Annotated[Path | None, typer.Option(help="Dossier des clauses. Défaut : referentiels/clauses.")] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Lister les indicateurs que les clauses déclarent."""
    from qpv_data.clause.check import checked_clauses
    from qpv_data.tables import indicator_row

    with errors_told():
        loaded = checked_clauses((clauses or default_clauses()).resolve())
        rows = sorted((indicator_row(c, i) for c, i in loaded.indicateurs()), key=lambda r: str(r["indicateur"]))
        if as_json:
            typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        elif not quiet:
            from qpv_data.terminal import show_indicators

            show_indicators(rows)


def demo_site(cfg: Configuration, release: Path, quiet: bool) -> None:
    """Write the demonstration's site, and say where it is."""
    from qpv_data.demo.observatoire import write_site
    from qpv_data.terminal import show_site

    built = write_site(cfg.sortie, release)
    if not quiet:
        show_site(built.accueil, built.quartiers)


def _run(cfg: Configuration, quiet: bool, as_json: bool, traces: bool = False, crew: Crew | None = None) -> RunReport:
    from qpv_data.operations.recording import recording
    from qpv_data.pipeline import run as run_stages
    from qpv_data.terminal import report_json, show_report, watching

    with recording(cfg, "run", traces=traces), watching(quiet or traces) as watch:
        report = run_stages(cfg, watch, crew=crew)
    if as_json:
        typer.echo(json.dumps(report_json(report), ensure_ascii=False, indent=1))
    elif not quiet:
        show_report(cfg, report)
    return report


def main() -> None:
    """Entry point of the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that is not UTF-8 still gets its answer
    if sys.argv[1:2] == ["locate"]:
        from qpv_data.direct import plain_arguments

        given = plain_arguments(locate_command.locate, sys.argv[2:])
        if given is not None and _ran(given):
            return
    app()


def _ran(given: dict[str, Any]) -> bool:
    """Run `locate` with arguments already read; false when it is for typer to say what is wrong with them."""
    try:
        locate_command.locate(**given)
    except typer.BadParameter:
        return False  # said before anything is done
    except typer.Exit as e:
        sys.exit(e.exit_code)
    return True
