"""The audience that a command reads a release for: the one that is asked, else that of the folder, else all readers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from qpv_data.exports.folder import AudienceFolder

AUDIENCES = ("ouvert", "partenaires", "interne")


def checked(audience: str | None) -> None:
    """Raises BadParameter for a word that is no audience."""
    if audience is not None and audience not in AUDIENCES:
        raise typer.BadParameter("donner ouvert, partenaires ou interne", param_hint="--audience")


def folder_of(publication: Path, audience: str | None) -> AudienceFolder:
    """The folder to read: a release's, or one audience's own. Raises ReleaseError."""
    from qpv_data.exports.folder import audience_folder

    given = publication.resolve()
    return audience_folder(given, audience or (None if (given / "valeurs").is_dir() else "ouvert"))
