"""`qpv-data site`: the local observatory, pages made from one audience's release."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qpv_data.commands.public import checked, folder_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("site")(site)


def site(
    publication: Annotated[Path, typer.Argument(help="Dossier d'une publication, ou de l'un de ses publics.")],
    out: Annotated[Path, typer.Option("--out", help="Dossier du site : vide, ou celui d'un site à refaire.")],
    audience: Annotated[
        str | None,
        typer.Option(help="Pour qui : ouvert, partenaires ou interne. Défaut : ouvert, ou le public du dossier donné."),
    ] = None,
    territoire: Annotated[
        str | None, typer.Option(help="Code d'un EPCI ou d'un contrat de ville : ses quartiers seulement.")
    ] = None,
    evenements: Annotated[
        Path | None,
        typer.Option(help="CSV d'événements locaux : code_zone;date;type;titre;source. Montrés tels quels."),
    ] = None,
    contact: Annotated[
        str | None, typer.Option(help="Où signaler une erreur : mailto:… ou https://…. Montré sur chaque page.")
    ] = None,
    telechargements: Annotated[
        bool,
        typer.Option(
            "--telechargements/--sans-telechargements",
            help="Joindre la base DuckDB et les Parquet de la publication, à télécharger.",
        ),
    ] = True,
    nom: Annotated[str | None, typer.Option(help="Nom du territoire en tête des pages.")] = None,
    adresses: Annotated[
        list[Path] | None,
        typer.Option(help="Extrait de la Base Adresse Nationale, CSV ou CSV.gz : la page « Mon adresse ». Répétable."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
) -> None:
    """Écrire l'observatoire local : des pages qui s'ouvrent d'un dossier, sans serveur ni réseau."""
    from qpv_data.pipeline import Progress
    from qpv_data.problems import relative_to_cwd
    from qpv_data.refusals import errors_told
    from qpv_data.site.build import Options, build
    from qpv_data.site.french import plural, size
    from qpv_data.site.pages.adresse import told
    from qpv_data.terminal import watching

    checked(audience)
    if contact is not None and not contact.startswith(("mailto:", "https://")):
        raise typer.BadParameter("donner mailto:… ou https://…", param_hint="--contact")
    with errors_told():
        folder = folder_of(publication, audience)
        options = Options(territoire, evenements, contact, nom, telechargements, tuple(adresses or ()))
        with watching(quiet) as watch:
            built = build(
                folder, out.resolve(), options, lambda stage, n, total: watch(Progress(stage, "", "", n, total))
            )
        if not quiet:
            files = built.ecrites + built.gardees
            typer.echo(
                f"{plural(built.quartiers, 'quartier')}, {plural(files, 'fichier')} ({size(built.octets)}) : "
                f"{plural(built.ecrites, 'écrit')}, {plural(built.gardees, 'inchangé')}, {plural(built.otees, 'ôté')}"
            )
            for line in told(built.adresses) if built.adresses else ():
                typer.echo(line)
            typer.echo(f"Ouvrir {relative_to_cwd(built.accueil)}")
            typer.echo(folder.warning())
