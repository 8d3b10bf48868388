"""The options that say what a run is; what is left out is as the run's folder has it (`qpv_data.configure`)."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qpv_data.runs import Configuration


class Audience(StrEnum):
    """`Diffusion` of the clauses, without reading their models to print a help."""

    OUVERT = "ouvert"
    PARTENAIRES = "partenaires"
    INTERNE = "interne"


Clauses = Annotated[
    Path | None,
    typer.Option(help="Dossier des clauses. Défaut : celui de la dernière exécution de --out, ou celui du projet."),
]
Miroir = Annotated[Path | None, typer.Option(help="Dossier ou table (url;fichier) où les adresses sont résolues.")]
Periode = Annotated[
    str | None, typer.Option(help="Trimestre à publier, par exemple 2024-T3. Défaut : le dernier livrable.")
]
Pour = Annotated[
    Audience | None,
    typer.Option(
        "--diffusion",
        help="Pour qui : un indicateur de diffusion plus étroite est laissé de côté. "
        "Défaut : comme les publications de --out, ou partenaires.",
    ),
]
Pourquoi = Annotated[
    str | None,
    typer.Option(
        "--finalite",
        help="Code d'une finalité : un jeu dont la clause ne la prévoit pas est refusé. "
        "Défaut : comme les publications de --out, ou aucune.",
    ),
]


def configuration_of(
    out: Path,
    clauses: Path | None,
    miroir: Path | None = None,
    periode: str | None = None,
    diffusion: Audience | None = None,
    finalite: str | None = None,
) -> Configuration:
    """What these options say. Raises RunError."""
    from qpv_data.clause.model import Diffusion
    from qpv_data.configure import configured

    audience = Diffusion(diffusion.value) if diffusion is not None else None
    return configured(out, clauses=clauses, miroir=miroir, periode=periode, diffusion=audience, finalite=finalite)
