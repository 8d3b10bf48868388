"""`qpv-data sauvegarder` and `qpv-data restaurer`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

_FOUND = 1
AsJson = Annotated[bool, typer.Option("--json", help="Répondre en JSON.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(sauvegarder)
    app.command()(restaurer)


def sauvegarder(
    out: Annotated[Path, typer.Option("--out", help="Dossier de l'exécution.")],
    vers: Annotated[Path, typer.Option("--vers", help="Dossier des sauvegardes, sur un autre disque, chiffré.")],
    garder: Annotated[int, typer.Option(min=1, help="Nombre de sauvegardes gardées.")] = 7,
    sans_cles: Annotated[
        bool, typer.Option("--sans-cles", help="Sans les clés de pseudonymes : les garder à part.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copier le dossier d'une exécution, sous son verrou, chaque fichier avec son empreinte."""
    from qpv_data.commands.conformite import plain
    from qpv_data.operations.backup import back_up
    from qpv_data.operations.recording import note_event
    from qpv_data.operations.screen import size
    from qpv_data.refusals import errors_told
    from qpv_data.surroundings import now

    with errors_told():
        made = back_up(out.resolve(), vers.resolve(), now(), garder, not sans_cles)
        note_event(out.resolve(), "sauvegarde", etat="fait", octets=made.octets)
    if as_json:
        typer.echo(json.dumps(plain(asdict(made)), ensure_ascii=False, indent=1))
    else:
        typer.echo(f"{made.dossier} : {made.fichiers} fichiers, {size(made.octets)}.")


def restaurer(
    sauvegarde: Annotated[Path, typer.Argument(help="Une sauvegarde : <vers>/20260105T040012Z.")],
    vers: Annotated[Path, typer.Option("--vers", help="Dossier neuf.")],
    preuves: Annotated[
        Path | None, typer.Option(help="Preuves de destruction faites depuis. Défaut : celles à côté des sauvegardes.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restaurer, en vérifiant chaque fichier et chaque publication, sans ramener ce qui a été détruit depuis.

    Code de sortie 1 si une publication a une faute, ou si une purge doit encore passer.
    """
    from qpv_data.commands.conformite import plain
    from qpv_data.operations.restore import restore
    from qpv_data.refusals import errors_told

    with errors_told():
        done = restore(sauvegarde.resolve(), vers.resolve(), preuves)
    if as_json:
        typer.echo(json.dumps(plain(asdict(done)), ensure_ascii=False, indent=1))
    else:
        typer.echo(f"{done.dossier} : {done.fichiers} fichiers, tels qu'ils étaient le {done.faite_le}.")
        if done.preuves:
            typer.echo(f"{len(done.retires)} fichiers détruits depuis ne sont pas revenus ({', '.join(done.preuves)}).")
        for name in done.reste:
            typer.echo(f"  ! {name}", err=True)
        for fault in done.fautes:
            typer.echo(f"  ! {fault}", err=True)
        typer.echo(f"{len(done.fautes)} faute{'s' * (len(done.fautes) > 1)} dans les publications.")
        typer.echo("Avant toute exécution : qpv-data purge, pour ce qui est arrivé à son terme depuis.")
    if done.fautes or done.reste:
        raise typer.Exit(_FOUND)
