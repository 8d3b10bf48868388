"""`qpv-data fusion`: the releases of several partnerships as one, for the observatory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(fusion)


def fusion(
    publications: Annotated[list[Path], typer.Argument(help="Une publication par partenariat : releases/2024-T3-r2.")],
    out: Annotated[Path, typer.Option("--out", help="Dossier où publier la fusion, créé au besoin.")],
    audience: Annotated[str, typer.Option(help="ouvert, partenaires ou interne : la même pour toutes.")] = "ouvert",
) -> None:
    """Réunir les publications de plusieurs partenariats ; ce que deux disent des mêmes jeux n'y est qu'une fois."""
    from qpv_data.engine import scratch
    from qpv_data.refusals import errors_told
    from qpv_data.releases.listing import part_of
    from qpv_data.releases.merge import merge, source_of
    from qpv_data.releases.place import next_name, put
    from qpv_data.runs import locked
    from qpv_data.surroundings import now

    if len(publications) < 2:
        raise typer.BadParameter("donner au moins deux publications", param_hint="PUBLICATIONS")
    lake = out.resolve()
    day = now().date()
    with errors_told():
        folders = [part_of(p, audience) for p in publications]
        lake.mkdir(parents=True, exist_ok=True)
        with locked(lake), scratch(lake / ".travail") as work:
            releases = lake / "releases"
            name = next_name(releases, max(source_of(f).periode for f in folders))
            made = merge(folders, name, work / name, work, day.isoformat())
            put(work / name, releases / name, day)
    typer.echo(f"{name} : {made.lignes} valeurs de {len(folders)} partenariats, {made.reprises} dites par plusieurs.")
    typer.echo(f"  {releases / name}")
