"""`qpv-data releases`, `diff`, `verify`, `valider`, `retirer`: what became of each publication."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    pass

_FOUND = 1
AsJson = Annotated[bool, typer.Option("--json", help="Répondre en JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")]
Publication = Annotated[Path, typer.Argument(help="Dossier d'une publication : releases/2024-T3-r2.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("releases")(releases)
    app.command()(diff)
    app.command()(verify)
    app.command()(valider)
    app.command()(retirer)


def releases(
    out: Annotated[Path, typer.Argument(help="Dossier de l'exécution, ou son dossier releases.")],
    as_json: AsJson = False,
) -> None:
    """Lister les publications dans l'ordre où elles sont parues : canal, signature, retrait."""
    from qpv_data.refusals import errors_told
    from qpv_data.releases.listing import listing

    with errors_told():
        rows = listing(out / "releases" if (out / "releases").is_dir() else out)
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        channel = " ".join(row["canaux"])
        signed = f"validée le {row['validee_le']} par {row['validee_par']}" if row["validee_le"] else ""
        gone = f"{row['etat']} le {row['partie_le']} : {row['motif']}" if row["partie_le"] else ""
        said = ", ".join(part for part in (signed, gone) if part)
        typer.echo(f"{row['publication']:14} {row['publiee_le'] or '':10}  {channel:18} {said}".rstrip())


def diff(
    avant: Publication,
    apres: Publication,
    audience: Annotated[
        str | None, typer.Option(help="ouvert, partenaires ou interne. Défaut : la plus étroite qu'ont les deux.")
    ] = None,
    montrer: Annotated[int, typer.Option(min=0, help="Nombre de lignes montrées.")] = 20,
    sortie: Annotated[Path | None, typer.Option("--sortie", "-o", help="Fichier Parquet à écrire.")] = None,
    as_json: AsJson = False,
) -> None:
    """Dire ce qui diffère entre deux publications, par indicateur et zone, et pourquoi."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from qpv_data.refusals import errors_told
    from qpv_data.releases.compare import counted, differences
    from qpv_data.releases.listing import both
    from qpv_data.replacing import replacing
    from qpv_data.tables import CHANGEMENTS

    with errors_told():
        folders = both(avant, apres, audience)
        found = pa.concat_tables([CHANGEMENTS.empty_table(), *differences(*folders)])
        if sortie is not None:
            with replacing(sortie) as draft:
                pq.write_table(found, draft, compression="zstd")
    if as_json:
        typer.echo(json.dumps({"bilan": counted(found), "lignes": found.to_pylist()}, ensure_ascii=False, indent=1))
        return
    for row in counted(found):
        typer.echo(f"{row['indicateur']:34} {row['nature']:10} {row['cause']:18} {row['lignes']:8}")
    for row in found.slice(0, montrer).to_pylist():
        said = " → ".join(_value(row[f"valeur{a}"], row[f"statut{a}"]) for a in ("_avant", ""))
        key = f"{row['indicateur']} {row['zonage']} {row['code_zone']} {row['periode']} {row['modalite']}"
        typer.echo(f"  {row['nature']:9} {key} : {said}")
    if found.num_rows > montrer:
        typer.echo(f"  … et {found.num_rows - montrer} autres (--montrer, ou --sortie les écrit toutes)")
    typer.echo(f"{found.num_rows} différences de {avant.name} à {apres.name}.")


def _value(value: float | None, status: str | None) -> str:
    if status is None:
        return "absente"
    return f"{value:g}".replace(".", ",") if value is not None else status


def verify(dossier: Publication, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Vérifier une publication : empreintes, lignes, colonnes, base. Code 1 s'il y a une faute."""
    from qpv_data.refusals import errors_told
    from qpv_data.releases.listing import existing
    from qpv_data.releases.verify import verify as faults_of

    with errors_told():
        faults = faults_of(existing(dossier))
    if as_json:
        typer.echo(json.dumps([asdict(f) for f in faults], ensure_ascii=False, indent=1))
    else:
        for fault in faults:
            typer.echo(f"{fault.ou} : {fault.quoi}")
        if not quiet:
            typer.echo(f"{dossier.name} : {len(faults)} faute{'s' if len(faults) > 1 else ''}.")
    if faults:
        raise typer.Exit(_FOUND)


def valider(
    publication: Publication,
    par: Annotated[str, typer.Option("--par", help="Qui signe : « prénom nom, fonction ».")],
) -> None:
    """Signer une publication : elle devient la stable, et le journal dit qui l'a signée."""
    from qpv_data.refusals import errors_told
    from qpv_data.releases.keep import sign_off
    from qpv_data.releases.listing import held
    from qpv_data.surroundings import now

    with errors_told(), held(publication) as release:
        sign_off(release, par, now().date())
    typer.echo(f"{release.name} est la publication stable, signée par {par}.")


def retirer(
    publication: Publication,
    motif: Annotated[str, typer.Option("--motif", help="Pourquoi, en clair : le motif est public.")],
) -> None:
    """Retirer une publication : il en reste une trace, avec le motif, et le secret compte encore ce qu'elle a dit."""
    from qpv_data.refusals import errors_told
    from qpv_data.releases.keep import withdraw_release
    from qpv_data.releases.listing import held
    from qpv_data.surroundings import now

    with errors_told(), held(publication) as release:
        later = withdraw_release(release, motif, now().date())
    typer.echo(f"{release.name} est retirée : {motif}")
    if later:
        typer.echo(f"Parues depuis, et qui peuvent répéter ses chiffres dans `revisions` : {', '.join(later)}.")
