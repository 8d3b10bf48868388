"""`qpv-data controles`: the checks of a release, and the rows that offend them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from qpv_data.checks import Check

_BLOCKED = 1
_BASE = "qpv.duckdb"
Rows = tuple[list[str], list[tuple[object, ...]]]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(controles)


def controles(
    source: Annotated[
        Path, typer.Argument(exists=True, help="Dossier d'une publication, ou d'un de ses publics, ou base .duckdb.")
    ],
    montrer: Annotated[int, typer.Option(min=0, help="Nombre de lignes en cause montrées par contrôle.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Contrôler ce qui est publié : clés, bornes, sommes, couverture… Code 1 si un contrôle d'arrêt ne tient pas."""
    from qpv_data.refusals import errors_told

    with errors_told():
        found = {name: _run(content, montrer) for name, content in _audiences(source)}
    if as_json:
        typer.echo(json.dumps({name: _plain(*said) for name, said in found.items()}, ensure_ascii=False, indent=1))
    else:
        for name, (checks, rows) in found.items():
            _show(name, checks, rows)
    if any(check.etat == "bloquant" for checks, _ in found.values() for check in checks):
        raise typer.Exit(_BLOCKED)


def _audiences(source: Path) -> list[tuple[str, Path]]:
    """What to check, by name: a release has a folder an audience, each checked for itself."""
    from qpv_data.clause.model import Diffusion
    from qpv_data.problems import Problem
    from qpv_data.runs import RunError

    if source.is_file() or (source / _BASE).is_file() or (source / "valeurs").is_dir():
        return [(source.name, source)]
    inside = [(d.value, source / d.value) for d in Diffusion if (source / d.value / "valeurs").is_dir()]
    if not inside:
        message = f"ni {_BASE}, ni valeurs/ dans {source}"
        raise RunError(Problem.FORMAT_INATTENDU, message, "donner le dossier d'une publication, ou sa base")
    return inside


def _run(source: Path, shown: int) -> tuple[list[Check], dict[str, Rows]]:
    import duckdb

    from qpv_data.checks import offending, run_checks
    from qpv_data.problems import Problem
    from qpv_data.runs import RunError

    with _database(source) as base:
        try:
            with duckdb.connect(str(base), read_only=True) as con:
                checks = run_checks(con)
                failed = [check.controle for check in checks if check.etat != "conforme"]
                return checks, {name: offending(con, name, shown) for name in failed if shown}
        except (duckdb.CatalogException, duckdb.BinderException, duckdb.IOException) as e:
            message = f"{base.name} n'est pas la base d'une publication ({type(e).__name__})"
            remedy = "la refaire avec cette version de qpv-data"
            raise RunError(Problem.FORMAT_INATTENDU, message, remedy) from None


@contextmanager
def _database(source: Path) -> Iterator[Path]:
    """The database of `source`, or one made aside from its Parquet files."""
    from qpv_data.database import write_database

    if source.is_file() or (source / _BASE).is_file():
        yield source if source.is_file() else source / _BASE
        return
    with tempfile.TemporaryDirectory() as folder:
        yield write_database(source, Path(folder) / _BASE)


def _plain(checks: list[Check], rows: dict[str, Rows]) -> list[dict[str, Any]]:
    def listed(name: str) -> list[dict[str, str | None]]:
        columns, found = rows.get(name, ([], []))
        texts = [[None if v is None else str(v) for v in row] for row in found]
        return [dict(zip(columns, row, strict=True)) for row in texts]

    return [{**asdict(check), "lignes": listed(check.controle)} for check in checks]


def _show(name: str, checks: list[Check], rows: dict[str, Rows]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"Contrôles de {name}", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for column in ("contrôle", "gravité", "état", "lignes"):
        table.add_column(column, no_wrap=True)
    table.add_column("ce qui doit être vrai")
    words = {
        "arret": "arrêt",
        "alerte": "alerte",
        "conforme": "conforme",
        "a_signaler": "à signaler",
        "bloquant": "BLOQUANT",
    }
    for check in checks:
        table.add_row(check.controle, words[check.gravite], words[check.etat], check.classe, check.titre)
    console.print(table)
    for controle, (columns, found) in rows.items():
        detail = Table(title=controle, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
        for column in columns:
            detail.add_column(column, overflow="fold")
        for row in found:
            detail.add_row(*("" if value is None else str(value) for value in row))
        console.print(detail)
