"""The one place where a run's configuration is made: from what was said, and for the rest from the run's folder.

A folder goes on as it is: with the clauses of its last run, for the audience, the purpose and under the name that its
last release has. To give the folder is then enough, and a word left out never publishes for others, nor under another
name, nor without the clauses of a folder that has its own. What is said wins; a folder that has done nothing yet gets
the project's clauses, `partenaires`, no purpose, `qpv-data`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qpv_data.clause.model import Diffusion
from qpv_data.operations.state import last_clauses
from qpv_data.releases import journal
from qpv_data.releases.layout import said
from qpv_data.runs import Configuration
from qpv_data.surroundings import actor, default_clauses, now


def configured(
    sortie: Path,
    *,
    clauses: Path | None = None,
    miroir: Path | None = None,
    periode: str | None = None,
    maintenant: datetime | None = None,
    diffuseur: str | None = None,
    diffusion: Diffusion | None = None,
    finalite: str | None = None,
) -> Configuration:
    """Relative paths start from the working directory; a time without a zone is UTC. Raises RunError."""
    folder = sortie.resolve()
    before = _last_release(folder)
    when = maintenant or now()
    return Configuration(
        clauses=clauses_of(folder, clauses),
        sortie=folder,
        maintenant=when if when.tzinfo else when.replace(tzinfo=UTC),
        miroir=miroir.resolve() if miroir else None,
        periode=periode,
        diffuseur=diffuseur or before.get("diffuseur") or "qpv-data",
        diffusion=diffusion or Diffusion(before.get("diffusion") or Diffusion.PARTENAIRES),
        finalite=finalite or before.get("finalite"),
        acteur=actor(),
    )


def clauses_of(sortie: Path, given: Path | None) -> Path:
    """The clauses given; else those of the folder's last run, when they are still there; else the project's."""
    return (given or last_clauses(sortie) or default_clauses()).resolve()


def _last_release(sortie: Path) -> dict[str, Any]:
    """What the last release of a folder says of itself; nothing when there is none."""
    last = journal.last(sortie / "releases")
    return said(sortie / "releases" / last) if last is not None else {}
