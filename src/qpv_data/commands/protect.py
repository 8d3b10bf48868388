"""`qpv-data protect`: hide in a table what its rule protects, and what would give it away."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from qpv_data.secret.protection import Protection


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("protect")(protect)


def protect(
    cases: Annotated[Path, typer.Argument(metavar="CELLS.parquet", help="Une ligne par case la plus fine.")],
    axes: Annotated[Path, typer.Option("--axes", help="axes.yml : hiérarchies de chaque axe, et règle.")],
    out: Annotated[Path, typer.Option("--out", help="Parquet à écrire : toutes les cases, marges comprises.")],
    enregistrements: Annotated[
        bool,
        typer.Option("--enregistrements", help="Une ligne par enregistrement : unités et contributeurs distincts."),
    ] = False,
    processus: Annotated[
        int | None, typer.Option(min=1, help="Processus. Défaut : un par cœur. Le résultat n'en dépend pas.")
    ] = None,
    registre: Annotated[
        Path | None, typer.Option("--registre", help="Registre des méthodes. Défaut : methodes.json, à côté de --out.")
    ] = None,
    tableau: Annotated[
        str | None, typer.Option("--tableau", help="Nom du tableau au registre. Défaut : celui de --out.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Protéger un tableau : cacher ce que la règle demande, et ce qui permettrait de le retrouver."""
    from qpv_data.cores import cores
    from qpv_data.perturbation.register import EXACT, refuse_another, register_of
    from qpv_data.refusals import errors_told
    from qpv_data.secret.costs import weights
    from qpv_data.secret.declaration import read_declaration
    from qpv_data.secret.protection import protect_table
    from qpv_data.secret.reading import read_cells, read_records
    from qpv_data.secret.writing import write_protected

    with errors_told():
        refuse_another(out, register_of(out, registre), tableau or out.stem, EXACT)
        declared = read_declaration(axes)
        table = (read_records if enregistrements else read_cells)(cases, declared)
        weight = weights(table, declared.costs)
        protection = protect_table(table, declared.rule, processus or cores(), weight)
        write_protected(protection, out)
    if as_json:
        typer.echo(json.dumps(_counted(protection), ensure_ascii=False, indent=1))
    elif not quiet:
        counted = _counted(protection)
        typer.echo(f"{counted['cellules']} cases : {counted['diffusees']} diffusées, {counted['secretes']} secrètes.")


def _counted(protection: Protection) -> dict[str, Any]:
    """What the written file tells anyone who counts; primary and secondary are never told apart."""
    cells, hidden = int(protection.table.published.sum()), int(protection.hidden.sum())
    return {"cellules": cells, "diffusees": cells - hidden, "secretes": hidden}
