"""Build a folder aside, and put it in its place once it is whole: killed before, nothing there looks like one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qpv_data.problems import Problem
from qpv_data.releases.place import sync
from qpv_data.replacing import sync_folder
from qpv_data.runs import RunError

_DRAFT = ".restauration"
_OF_A_MOUNT = frozenset({_DRAFT, "lost+found"})


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """Yields a folder that becomes `target`, on the disk, when the block ends well.

    `target` must not be there, or be empty. On a mount point it is built within, then its folders are moved up, links
    last: nothing can be renamed onto a mount. Raises RunError: it holds something, or the disk refuses.
    """
    try:
        within = target.is_mount()
        if target.exists() and (
            not target.is_dir() or {p.name for p in target.iterdir()} - (_OF_A_MOUNT if within else set())
        ):
            message = f"{target} n'est pas vide"
            raise RunError(Problem.ECRITURE_IMPOSSIBLE, message, "restaurer dans un dossier neuf")
        draft = target / _DRAFT if within else target.with_name(f"{_DRAFT}-{target.name}")
        shutil.rmtree(draft, ignore_errors=True)  # by a restore that was killed
        draft.mkdir(mode=0o700, parents=True)
        try:
            yield draft
            sync(draft)
            _settle(draft, target, within)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as e:
        message = f"{target} : {e.strerror or type(e).__name__}"
        raise RunError(Problem.ECRITURE_IMPOSSIBLE, message, "libérer de la place, vérifier les droits") from None


def _settle(draft: Path, target: Path, within: bool) -> None:
    if within:
        for path in sorted(draft.iterdir(), key=lambda p: (p.is_symlink(), p.name)):
            path.rename(target / path.name)
    else:
        draft.chmod(target.stat().st_mode & 0o777 if target.is_dir() else 0o755)
        draft.rename(target)
    sync_folder(target.parent)
