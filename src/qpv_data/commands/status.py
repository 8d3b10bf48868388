"""`qpv-data status`: the state of a run's folder on one screen."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from qpv_data.commands.reglages import Clauses


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(status)


def status(
    out: Annotated[Path, typer.Option("--out", help="Dossier de l'exécution.")],
    clauses: Clauses = None,
    tout: Annotated[bool, typer.Option("--tout", help="Tous les jeux, au-delà d'un écran.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """L'état en un écran : publications, exécution, jeux, échéances, corrections en attente, disque."""
    from rich.console import Console

    from qpv_data.clause.check import checked_clauses
    from qpv_data.commands.conformite import plain
    from qpv_data.configure import clauses_of
    from qpv_data.operations.screen import show_state
    from qpv_data.operations.state import lake_state
    from qpv_data.problems import Problem
    from qpv_data.refusals import errors_told
    from qpv_data.runs import RunError
    from qpv_data.surroundings import now

    with errors_told():
        folder = out.resolve()
        if not (folder / "journal").is_dir():
            message = f"{out} n'est pas le dossier d'une exécution"
            raise RunError(Problem.REFERENCE_INCONNUE, message, "donner celui de `qpv-data run --out`")
        state = lake_state(folder, checked_clauses(clauses_of(folder, clauses), now().date()), now())
    if as_json:
        typer.echo(json.dumps(plain(asdict(state)), ensure_ascii=False, indent=1))
    else:
        show_state(state, Console(), tout)
