"""The way of files in a folder that every machine sees at the same path.

Inputs are read where they are. Outputs wait in the run's scratch folder, which is emptied when it ends: to put one in
the lake is a rename, and what a killed worker left goes with the folder.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qpv_data.grappe.parcels import UnreachableError
from qpv_data.jobs import Job, Read
from qpv_data.replacing import replacing

FOLDER = "grappe"
_WITNESS = "temoin"


@dataclass
class Shared:
    """`travail`: the run's scratch folder, in the lake, which is held."""

    travail: Path
    temoin: str = field(default_factory=lambda: secrets.token_hex(16))
    stores = False

    def send(self, job: Job) -> Mapping[str, Read]:
        """Files stay where they are; a witness says which folder this is."""
        witness = self.travail / FOLDER / _WITNESS
        if not witness.is_file():
            witness.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with replacing(witness, durable=False) as draft:
                draft.write_text(self.temoin, "utf-8")
        return job.reads

    def here(self, sent: Mapping[str, Read], folder: Path) -> Mapping[str, Read]:
        """The same paths, when this machine sees the same folder."""
        witness = self.travail / FOLDER / _WITNESS
        try:
            seen = witness.read_text("utf-8")
        except OSError:
            seen = ""
        if seen != self.temoin:
            remedy = "le monter au même chemin et sous le même compte partout, ou donner --echange"
            raise UnreachableError(f"il ne voit pas {self.travail.parent}", remedy)
        return sent

    def outputs(self, sent: Any, folder: Path) -> Path:
        """A folder of this attempt alone."""
        made = self.travail / FOLDER / uuid.uuid4().hex
        made.mkdir(mode=0o700)
        return made

    def give(self, sent: Any, path: Path, digest: str) -> str:
        """It waits where it was written."""
        return str(path)

    def take(self, lieu: str, target: Path) -> None:
        """A rename: the scratch folder is in the lake."""
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(lieu).replace(target)
