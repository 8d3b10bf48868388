"""`qpv-data exporter`: a release as files for people, whole or one contrat de ville."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qpv_data.commands.public import checked, folder_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("exporter")(exporter)


def exporter(
    publication: Annotated[Path, typer.Argument(help="Dossier d'une publication, ou de l'un de ses publics.")],
    out: Annotated[
        Path, typer.Option("--out", help="Dossier où écrire, créé au besoin ; ses fichiers sont remplacés.")
    ],
    audience: Annotated[
        str | None,
        typer.Option(help="Pour qui : ouvert, partenaires ou interne. Défaut : ouvert, ou le public du dossier donné."),
    ] = None,
    contrat: Annotated[
        list[str] | None, typer.Option(help="Code d'un contrat de ville, à répéter : son archive, et rien d'autre.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
) -> None:
    """Écrire une publication en CSV, XLSX et GeoJSON, et en une archive par contrat de ville."""
    from qpv_data.exports.contracts import write_contracts
    from qpv_data.exports.whole import write_whole
    from qpv_data.problems import relative_to_cwd
    from qpv_data.refusals import errors_told

    checked(audience)
    with errors_told():
        folder = folder_of(publication, audience)
        target = out.resolve()
        for path in write_contracts(folder, target, contrat) if contrat else write_whole(folder, target):
            if not quiet:
                typer.echo(f"{relative_to_cwd(path)}  {path.stat().st_size / 1000:,.0f} ko".replace(",", " "))
        if not quiet:
            typer.echo(folder.warning())
