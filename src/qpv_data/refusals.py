"""How a command that cannot do what it was asked says so, on standard error, and ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

DECLARATIONS_REFUSED, RUN_FAILED = 3, 4


@contextmanager
def errors_told() -> Iterator[None]:
    """What is wrong, in words and with its exit code, in place of a traceback."""
    from qpv_data.problems import InvalidDeclarationError, QpvDataError

    try:
        yield
    except InvalidDeclarationError as e:
        tell(e)
        raise typer.Exit(DECLARATIONS_REFUSED) from None
    except QpvDataError as e:
        typer.echo(str(e), err=True)
        raise typer.Exit(RUN_FAILED) from None
    except OSError as e:  # a full disk, rights that change under way: whatever the stage
        typer.echo(f"ecriture_impossible: {e} → vérifier la place et les droits ; rien n'est publié", err=True)
        raise typer.Exit(RUN_FAILED) from None
    except KeyboardInterrupt:
        typer.echo("Interrompu : la publication précédente est intacte, relancer reprend.", err=True)
        raise typer.Exit(130) from None


def tell(error: Exception) -> None:
    """Every fault of refused declarations, then how many there are."""
    from qpv_data.problems import InvalidDeclarationError

    assert isinstance(error, InvalidDeclarationError)
    for violation in error.violations:
        typer.echo(str(violation), err=True)
    typer.echo(counted_faults(len(error.violations)), err=True)


def counted_faults(count: int) -> str:
    """The closing line of a refused declaration."""
    return f"{count} faute{'s' if count > 1 else ''} ; rien n'est écrit."
