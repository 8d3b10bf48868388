"""The demonstration through Prefect: `python -m flows.demonstration --out DIR`, which `make demo` runs.

Same options, same exit codes and same results as `qpv-data demo`, which runs the same stages without Prefect.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from flows.environnement import IDLE, isolated
from flows.serveur import ServerError, serving
from qpv_data.cli import demo_configuration, demo_site
from qpv_data.problems import InvalidDeclarationError, QpvDataError
from qpv_data.refusals import DECLARATIONS_REFUSED, RUN_FAILED, counted_faults
from qpv_data.runs import Configuration

PREFECT_HOME = ".prefect"

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@app.command()
def demonstration(
    out: Annotated[Path, typer.Option("--out", help="Dossier de l'exécution, créé au besoin ; repris s'il existe.")],
    echelle: Annotated[int, typer.Option(min=1, max=1000, help="Multiplier les données.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que les erreurs.")] = False,
) -> None:
    """Exécuter par Prefect la chaîne entière sur le territoire fictif embarqué."""
    try:
        with _interruptible():
            _demonstrate(out.resolve(), echelle, quiet)
    except InvalidDeclarationError as e:
        typer.echo(f"{e}\n{counted_faults(len(e.violations))}", err=True)
        raise typer.Exit(DECLARATIONS_REFUSED) from None
    except (QpvDataError, ServerError) as e:
        typer.echo(str(e), err=True)
        raise typer.Exit(RUN_FAILED) from None
    except KeyboardInterrupt:
        typer.echo("Interrompu : la publication précédente est intacte, relancer reprend.", err=True)
        raise typer.Exit(130) from None


def _demonstrate(out: Path, echelle: int, quiet: bool) -> None:
    home = out / PREFECT_HOME
    settings = isolated(home) | IDLE
    with serving(home, settings) as server:
        os.environ.clear()
        os.environ.update(settings | {"PREFECT_API_URL": server.api})
        # The server starts while the territory is written and Prefect is imported.
        cfg = demo_configuration(out, echelle, quiet)
        import flows.publication  # noqa: F401

        server.wait()
        _publish(cfg, quiet)


def _publish(cfg: Configuration, quiet: bool) -> None:
    from flows.etapes import watched_by
    from flows.publication import publication
    from qpv_data.terminal import show_report, watching

    with watching(quiet) as watch, watched_by(watch):
        report = publication(
            sortie=cfg.sortie,
            clauses=cfg.clauses,
            miroir=cfg.miroir,
            periode=cfg.periode,
            maintenant=cfg.maintenant,
            diffuseur=cfg.diffuseur,
            diffusion=cfg.diffusion,
        )
    if not quiet:
        show_report(cfg, report)
    demo_site(cfg, report.release.dossier, quiet)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C is KeyboardInterrupt, whatever the library that it lands in turns it into."""
    asked = False

    def stop(*_: object) -> None:
        nonlocal asked
        asked = True
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except Exception:
        if asked:
            raise KeyboardInterrupt from None
        raise
    finally:
        signal.signal(signal.SIGINT, previous)


if __name__ == "__main__":
    app()
