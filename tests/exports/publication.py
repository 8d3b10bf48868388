"""The release of the demonstration, as the tests of exports read it."""

from __future__ import annotations

from pathlib import Path

from qpv_data.exports.folder import AudienceFolder, audience_folder
from qpv_data.exports.words import words

COMMENTS = words()


def release(demonstration: Path) -> Path:
    """The release's root."""
    (found,) = (p for p in (demonstration / "releases").glob("*-r[0-9]*") if p.is_dir() and not p.is_symlink())
    return found


def internal(demonstration: Path) -> AudienceFolder:
    """What the team of the contract reads: the widest set of tables."""
    return audience_folder(release(demonstration), "interne")
