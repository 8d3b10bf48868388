"""The folder of one audience: where a release's published tables are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from qpv_data.problems import Problem, QpvDataError

_VALUES = "valeurs"
AVERTISSEMENTS = {
    "interne": "Ne pas diffuser au-delà de l'équipe du contrat.",
    "partenaires": "Ne pas diffuser au-delà des partenaires.",
    "ouvert": "Peut être diffusé à tous, sous la licence de chaque jeu.",
}
"""Audience → what its readers are told, in every file that they may pass on."""


class ReleaseError(QpvDataError):
    """A folder is not the release that was asked for: the problem, and the remedy."""

    def __init__(self, probleme: Problem, message: str, remede: str) -> None:
        self.probleme, self.message, self.remede = probleme, message, remede
        super().__init__(f"{probleme.value}: {message} → {remede}")


@dataclass(frozen=True)
class AudienceFolder:
    """Published tables as Parquet, and `valeurs/zonage=…/periode=…/`. Nothing else of it is read."""

    dossier: Path

    def table(self, name: str) -> pa.Table:
        """A whole table, but `valeurs`."""
        return pq.ParquetFile(self.path(name)).read()

    def path(self, name: str) -> Path:
        return self.dossier / f"{name}.parquet"

    def tables(self) -> list[str]:
        """Names of the tables that are one file, sorted."""
        return sorted(p.stem for p in self.dossier.glob("*.parquet"))

    def values(self) -> list[Path]:
        """The files of `valeurs`, sorted."""
        return sorted((self.dossier / _VALUES).glob("zonage=*/periode=*/*.parquet"))

    def series(self) -> list[Path]:
        """The files of `series`, sorted; none when it was not written."""
        return sorted((self.dossier / "series").glob("zonage=*/*.parquet"))

    def publication(self) -> dict[str, Any]:
        """The one row of `publications` that these values are of."""
        rows = self.table("publications").to_pylist()
        row: dict[str, Any] = rows[-1]
        return row

    def warning(self) -> str:
        """For whom it is, in a sentence."""
        return AVERTISSEMENTS[self.publication()["diffusion"]]


def audience_folder(release: Path, audience: str | None = None) -> AudienceFolder:
    """The folder of `audience` in a release, or the release itself when it is one audience's folder.

    Without `audience`: the release itself. Raises ReleaseError when there is none, or when it is another audience's.
    """
    inside = release / audience if audience else release
    if (inside / _VALUES).is_dir():
        return AudienceFolder(inside)
    if not (release / _VALUES).is_dir():
        held = sorted(p.parent.name for p in release.glob(f"*/{_VALUES}") if p.is_dir()) if release.is_dir() else []
        raise ReleaseError(
            Problem.PUBLICATION_ABSENTE,
            f"{release} : pas de valeurs" + (f" pour {audience}" if audience else ""),
            f"donner --audience parmi {', '.join(held)}" if held else "donner le dossier d'une publication",
        )
    folder = AudienceFolder(release)
    own = folder.publication()["diffusion"]
    if own != audience:
        message = f"{release} : publication faite pour {own}, et non pour {audience}"
        raise ReleaseError(Problem.DIFFUSION_TROP_LARGE, message, f"donner --audience {own}, ou une autre publication")
    return folder
