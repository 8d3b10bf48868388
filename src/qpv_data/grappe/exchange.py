"""The way of files through a store (S3, SFTP, a folder…: whatever fsspec opens), for machines that share no folder.

A file is an object named by its SHA-256: one that is there is not sent again, what a worker wrote is an input of the
next job without a second journey, the same bytes written twice are one object, and what arrives is checked. Access to
the store is each machine's own (its environment, fsspec's configuration): no secret travels with a job.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qpv_data.digests import file_digest
from qpv_data.grappe.parcels import UnreachableError
from qpv_data.jobs import Job, Read
from qpv_data.replacing import replacing

# Where an object appears whole or not at all when it is closed; elsewhere it is written beside and renamed.
_ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "memory"})


@dataclass(frozen=True)
class Bundle:
    """A file, or a folder: its name, and the objects of its files by their path from it (`""`: it is a file)."""

    nom: str
    objets: Mapping[str, str]

    @property
    def digest(self) -> str:
        """The same for the same files."""
        return hashlib.sha256("\n".join(f"{n}\0{o}" for n, o in sorted(self.objets.items())).encode()).hexdigest()


@dataclass
class Exchange:
    """`url`: a folder of the store, this run's alone: emptied before the first job and after the last."""

    url: str
    begun: bool = field(default=False, compare=False)
    stores = True

    def send(self, job: Job) -> Mapping[str, Bundle | Mapping[str, Bundle]]:
        """Send what the store lacks of the job's inputs."""
        if not self.begun:
            self.empty()  # what a run that was killed left there
            self.begun = True
        return {
            key: self._sent(read) if isinstance(read, Path) else {name: self._sent(p) for name, p in read.items()}
            for key, read in job.reads.items()
        }

    def _sent(self, path: Path) -> Bundle:
        whole = path.is_file()
        files = [path] if whole else [p for p in sorted(path.rglob("*")) if p.is_file() and p.name[0] != "."]
        objects = {"" if whole else f.relative_to(path).as_posix(): file_digest(f) for f in files}
        for file in files:
            self._put(file, file_digest(file))
        return Bundle(path.name, objects)

    def here(self, sent: Mapping[str, Bundle | Mapping[str, Bundle]], folder: Path) -> Mapping[str, Read]:
        """Bring the objects, under their names, in `folder`; folders beside it."""
        reads = dict[str, Read]()
        for key, said in sent.items():
            if isinstance(said, Bundle):
                reads[key] = self._brought(said, folder / key, folder.parent)
            else:
                reads[key] = {
                    name: self._brought(bundle, folder / key / name, folder.parent) for name, bundle in said.items()
                }
        return reads

    def _brought(self, bundle: Bundle, folder: Path, beside: Path) -> Path:
        if (alone := bundle.objets.get("")) is not None:
            folder.mkdir(parents=True)
            self._get(alone, folder / bundle.nom)
            return folder / bundle.nom
        # Folders (zonings) are inputs of every job: brought once, to the same path, so that they are read once too.
        kept = beside / f"dossier-{bundle.digest}"
        if not kept.is_dir():
            draft = beside / f".{kept.name}.{uuid.uuid4().hex}.part"
            for name, sha256 in bundle.objets.items():
                (draft / name).parent.mkdir(parents=True, exist_ok=True)
                self._get(sha256, draft / name)
            draft.rename(kept)
        return kept

    def outputs(self, sent: Any, folder: Path) -> Path:
        """On this machine: they are sent once whole."""
        made = folder / "sorties"
        made.mkdir()
        return made

    def give(self, sent: Any, path: Path, digest: str) -> str:
        """Sent to the store."""
        self._put(path, digest)
        return digest

    def take(self, lieu: str, target: Path) -> None:
        """Brought beside its place, then moved onto it."""
        with replacing(target) as draft:
            self._get(lieu, draft)

    def empty(self) -> None:
        """Remove every object: nothing of a record outlives the run there."""
        with self._store() as (fs, root):
            if fs.exists(root):
                fs.rm(root, recursive=True)

    @contextmanager
    def _store(self) -> Iterator[tuple[Any, str]]:
        import fsspec

        try:
            fs, root = fsspec.core.url_to_fs(self.url)
            yield fs, root.rstrip("/")
        except (OSError, ImportError, ValueError) as e:
            remedy = "vérifier l'adresse, les droits, et que fsspec ouvre ce protocole"
            raise UnreachableError(f"{self.url} : {type(e).__name__}", remedy) from e

    def _put(self, path: Path, sha256: str) -> None:
        with self._store() as (fs, root):
            target = f"{root}/{sha256}"
            if fs.exists(target):
                return
            fs.makedirs(root, exist_ok=True)
            kinds = {fs.protocol} if isinstance(fs.protocol, str) else set(fs.protocol)
            draft = target if kinds & _ATOMIC else f"{root}/.{sha256}.{uuid.uuid4().hex}.part"
            with path.open("rb") as source, fs.open(draft, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
            if draft != target:
                fs.mv(draft, target)

    def _get(self, sha256: str, target: Path) -> None:
        with self._store() as (fs, root), fs.open(f"{root}/{sha256}", "rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink, 1 << 20)
        if file_digest(target) != sha256:
            raise UnreachableError(f"{self.url} : un objet n'est pas celui qui y a été mis", "relancer")
