"""The options that say who conforms, locates and aggregates: this machine, or the workers of a Dask scheduler."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from qpv_data.jobs import Crew
    from qpv_data.runs import Configuration


class Engine(StrEnum):
    """Who does the heavy work."""

    LOCAL = "local"
    DASK = "dask"


Moteur = Annotated[Engine, typer.Option(help="Qui conforme, localise et agrège : cette machine, ou une grappe Dask.")]
Adresse = Annotated[
    str | None, typer.Option(help="Avec --moteur dask : le planificateur, par exemple tcp://10.0.0.1:8786.")
]
Echange = Annotated[
    str | None,
    typer.Option(
        help="Avec --moteur dask : dossier d'un magasin (s3://…, sftp://…, file://…) par lequel passent les fichiers. "
        "Défaut : --out, que toutes les machines voient au même chemin."
    ),
]


def hold_engine(moteur: Engine, adresse: str | None, echange: str | None) -> None:
    """Options that go together. Raises BadParameter."""
    if moteur is Engine.DASK and adresse is None:
        raise typer.BadParameter("--moteur dask demande --adresse tcp://…", param_hint="--moteur")
    if moteur is Engine.LOCAL and (adresse or echange):
        raise typer.BadParameter("ne vaut qu'avec --moteur dask", param_hint="--adresse" if adresse else "--echange")


def crew_of(cfg: Configuration, adresse: str | None, echange: str | None) -> AbstractContextManager[Crew | None]:
    """Who runs the jobs; None is this process."""
    if adresse is None:
        return nullcontext()
    from qpv_data.grappe.cluster import engaged

    return engaged(cfg, adresse, echange)
