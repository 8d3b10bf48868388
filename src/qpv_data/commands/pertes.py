"""`qpv-data pertes`: what secrecy costs, and what other choices would cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from qpv_data.commands.reglages import Clauses


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pertes")(pertes)


def pertes(
    out: Annotated[Path, typer.Option("--out", help="Dossier de l'exécution, dont les agrégats sont lus.")],
    clauses: Clauses = None,
    jeu: Annotated[str | None, typer.Option(help="Un jeu seulement.")] = None,
    alternatives: Annotated[
        bool, typer.Option("--alternatives", help="Essayer aussi sans les modalités, puis sans chaque zonage.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Dire ce que le secret coûte, jeu par jeu. À ne pas diffuser : un lecteur y apprendrait ce qui est petit."""
    from qpv_data.clause.check import checked_clauses
    from qpv_data.configure import clauses_of
    from qpv_data.engine import scratch
    from qpv_data.losses import losses
    from qpv_data.refusals import errors_told
    from qpv_data.surroundings import now

    lake = out.resolve()
    with errors_told(), scratch(lake) as work:
        declared = checked_clauses(clauses_of(out.resolve(), clauses), now().date())
        chosen = [(c, i) for c, i in declared.indicateurs() if jeu in (None, c.id)]
        found = list(losses(chosen, lake / "aggregated", lake / "zonages", work, alternatives))
    if as_json:
        typer.echo(json.dumps([loss.row() for loss in found], ensure_ascii=False, indent=1))
        return
    typer.echo(f"{'jeu':24} {'choix':22} {'lignes':>7} {'cachées':>8} {'pour elles':>10} {'pour les autres':>15} "
               f"{'repères cachés':>15} {'valeur cachée':>13}")  # fmt: skip
    for loss in found:
        headline = f"{loss.reperes_caches} / {loss.reperes}"
        typer.echo(
            f"{loss.jeu:24} {loss.choix:22} {loss.lignes:7} {loss.part_cachee:8.1%} {loss.primaires:10}"
            f" {loss.complementaires:15} {headline:>15} {loss.part_valeur:13.1%}".replace(".", ",")
        )
