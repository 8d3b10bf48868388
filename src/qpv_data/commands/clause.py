"""`qpv-data clause …`: start a clause from a sample, turn it into other standards, read one from them."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from qpv_data.clause.model import Clause
    from qpv_data.clause.sample import Sample

Clauses = Annotated[Path | None, typer.Option(help="Dossier des clauses. Défaut : referentiels/clauses.")]
Sortie = Annotated[Path | None, typer.Option("--sortie", "-o", help="Fichier à écrire. Défaut : la sortie standard.")]

group = typer.Typer(no_args_is_help=True, help="Écrire, lire et échanger des clauses.", rich_markup_mode=None)


class Standard(StrEnum):
    """The standards that a clause can be written in."""

    ODCS = "odcs"
    FRICTIONLESS = "frictionless"


def register(app: typer.Typer) -> None:
    """Add the group."""
    app.add_typer(group, name="clause")


@group.command()
def new(
    echantillon: Annotated[
        Path, typer.Argument(help="Un fichier tel que le partenaire le livre : CSV, Parquet, JSON.")
    ],
    sortie: Annotated[Path, typer.Option("--sortie", "-o", help="Clause à écrire, en .yml ; n'en remplace aucune.")],
    ident: Annotated[str | None, typer.Option("--id", help="Identifiant du jeu. Défaut : le nom du fichier.")] = None,
) -> None:
    """Commencer une clause d'après un échantillon : ce qui se devine est montré, et reste à confirmer.

    Ni licence, ni finalité, ni secret ne se devinent : ils restent à écrire, et `qpv-data check` les demande.
    """
    from qpv_data.clause.draft import draft_text, missing_promises
    from qpv_data.clause.odcs import identifier
    from qpv_data.clause.sample import read_sample
    from qpv_data.refusals import errors_told

    _absent(sortie)
    if not echantillon.is_file():
        raise typer.BadParameter(f"fichier introuvable : {echantillon}", param_hint="ECHANTILLON")
    with errors_told():
        sample = read_sample(echantillon, ident or identifier(echantillon.name.partition(".")[0]) or "jeu")
        head = "Brouillon écrit d'après un échantillon : confirmer ce qui est deviné, écrire ce qui manque."
        text = draft_text(sample.connu, [g.cle for g in sample.devine], head)
        _write(text, sortie)
        _show_guesses(sample)
        typer.echo(
            f"\n{sortie} : {len(missing_promises(sample.connu))} clés à écrire. qpv-data check les dit une à une."
        )


@group.command()
def export(
    ident: Annotated[str, typer.Argument(metavar="ID", help="Identifiant de la clause.")],
    standard: Annotated[Standard, typer.Option(help="odcs (3.1, YAML) ou frictionless (Table Schema, JSON).")],
    clauses: Clauses = None,
    sortie: Sortie = None,
) -> None:
    """Écrire une clause dans un autre standard."""
    from qpv_data.clause.draft import yaml_text
    from qpv_data.clause.frictionless import to_table_schema
    from qpv_data.clause.odcs import to_odcs
    from qpv_data.refusals import errors_told

    with errors_told():
        clause = clause_named(ident, clauses)
        if standard is Standard.ODCS:
            text = yaml_text(to_odcs(clause))
        else:
            text = json.dumps(to_table_schema(clause), ensure_ascii=False, indent=1) + "\n"
        _write(text, sortie)


@group.command("import")
def import_(
    contrat: Annotated[Path, typer.Argument(help="Un contrat ODCS, en YAML ou JSON.")],
    sortie: Annotated[Path, typer.Option("--sortie", "-o", help="Clause à écrire, en .yml ; n'en remplace aucune.")],
) -> None:
    """Commencer une clause d'après un contrat ODCS : ce qu'il ne dit pas reste à écrire."""
    from qpv_data.clause.draft import draft_text, missing_promises
    from qpv_data.clause.odcs import from_odcs
    from qpv_data.refusals import errors_told

    _absent(sortie)
    with errors_told():
        known = from_odcs(_document(contrat))
        _write(draft_text(known, head="Brouillon écrit d'après un contrat ODCS : écrire ce qui manque."), sortie)
        typer.echo(f"{sortie} : {len(missing_promises(known))} clés à écrire. qpv-data check les dit une à une.")


@group.command()
def show(ident: Annotated[str, typer.Argument(metavar="ID", help="Identifiant.")], clauses: Clauses = None) -> None:
    """Lire une clause comme ses signataires la lisent."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from qpv_data.clause.sections import sections
    from qpv_data.refusals import errors_told

    with errors_told():
        clause = clause_named(ident, clauses)
        console = Console(highlight=False)
        console.print(f"\n[bold]{escape(clause.titre)}[/bold]\n{clause.id}, version {escape(clause.version)}")
        for part in sections(clause):
            table = Table.grid(padding=(0, 2, 0, 0))
            table.add_column(style="dim", width=26)
            table.add_column(overflow="fold")
            for name, text in part.lignes:
                table.add_row(escape(name), escape(text))
            console.print(f"\n[bold]{part.titre}[/bold]")
            console.print(table)


@group.command()
def modele(
    ident: Annotated[str, typer.Argument(metavar="ID", help="Identifiant.")],
    sortie: Annotated[Path, typer.Option("--sortie", "-o", help="Page à écrire, en .html.")],
    clauses: Clauses = None,
) -> None:
    """Écrire l'annexe à signer : préambule du principe, promesses en articles, fichier et indicateurs."""
    from qpv_data.clause.annex import annex_page
    from qpv_data.refusals import errors_told

    with errors_told():
        _write(annex_page(clause_named(ident, clauses)), sortie)


def clause_named(ident: str, clauses: Path | None) -> Clause:
    """The clause of this id. Raises BadParameter when there is none, with the nearest names."""
    import difflib

    from qpv_data.clause.check import checked_clauses
    from qpv_data.surroundings import default_clauses

    known = {c.clause.id: c.clause for c in checked_clauses((clauses or default_clauses()).resolve()).chargees}
    if ident not in known:
        close = difflib.get_close_matches(ident, known, n=3)
        raise typer.BadParameter(
            f"aucune clause `{ident}`" + (f" ; proche : {', '.join(close)}" if close else ""), param_hint="ID"
        )
    return known[ident]


def _document(path: Path) -> dict[str, Any]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise typer.BadParameter(f"contrat illisible : {type(e).__name__}", param_hint="CONTRAT") from None
    if not isinstance(content, dict) or content.get("kind") != "DataContract":
        raise typer.BadParameter("ce fichier n'est pas un contrat ODCS (kind: DataContract)", param_hint="CONTRAT")
    return content


def _absent(path: Path) -> None:
    if path.exists():
        raise typer.BadParameter(f"{path} existe déjà ; une clause n'en remplace pas une autre", param_hint="--sortie")


def _write(text: str, target: Path | None) -> None:
    from qpv_data.replacing import replacing

    if target is None:
        typer.echo(text, nl=False)
        return
    with replacing(target) as draft:
        draft.write_text(text, "utf-8")


def _show_guesses(sample: Sample) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    title = f"Deviné sur {sample.lignes} lignes, à confirmer"
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for name in ("clé", "deviné", "vu"):
        table.add_column(name, overflow="fold")
    for guess in sample.devine:
        table.add_row(guess.cle, escape(guess.valeur), escape(guess.vu))
    Console().print(table)
