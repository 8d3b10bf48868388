"""Reading an archive that may be hostile: everything is looked at before, and counted while, it is unpacked.

Sizes written in headers can lie, so bytes are counted as they stream; memory stays bounded whatever the file.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from gzip import GzipFile
from pathlib import Path, PurePosixPath
from typing import IO

from qpv_data.problems import FeedError, Problem, cited

CHUNK = 1 << 18
# all that zipfile and gzip raise on damaged bytes; an error in writing is a FeedError before it gets there
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)
_RETRY = "relancer ; si cela dure, prévenir le producteur"


@dataclass(frozen=True)
class Limits:
    """What an archive may cost. Sizes in bytes after decompression, summed over nested archives.

    `ratio_max` (unpacked to packed) is held only beyond `ratio_des` bytes: small files compress very well.
    """

    entrees_max: int = 10_000
    taille_max: int = 20_000_000_000
    ratio_max: int = 1_000
    ratio_des: int = 10_000_000


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of a name inside a zip; some Windows tools write backslashes."""
    return PurePosixPath(name.replace("\\", "/")).parts


def is_workbook(names: Sequence[str]) -> bool:
    """Whether a zip of these members is an XLSX and no archive of files."""
    return "[Content_Types].xml" in names and "xl/workbook.xml" in names


class Unpacker:
    """One opening of one delivery: the bytes produced so far against the limits, nested archives included.

    Every fault becomes a FeedError of `jeu`: conteneur_invalide, conteneur_hostile, ecriture_impossible.
    """

    def __init__(self, jeu: str, limite: Limits) -> None:
        self.jeu, self.limite = jeu, limite
        self._total = 0
        self._packed, self._unpacked = 1, 0  # of the container at hand

    def invalid(self, message: str, remede: str = _RETRY) -> FeedError:
        return FeedError(self.jeu, Problem.CONTENEUR_INVALIDE, message, remede)

    def hostile(self, message: str) -> FeedError:
        remede = "ne pas ouvrir ce fichier ; prévenir le producteur"
        return FeedError(self.jeu, Problem.CONTENEUR_HOSTILE, message, remede)

    @contextmanager
    def zip(self, path: Path) -> Iterator[zipfile.ZipFile]:
        """Open a zip, all of whose entries have been looked at."""
        self._packed, self._unpacked = path.stat().st_size, 0
        with self._reading("archive zip"):
            if _directory_size(path) > self.limite.entrees_max * 512:
                raise self.hostile("répertoire de l'archive démesuré")
            with zipfile.ZipFile(path) as archive:
                self._inspect(archive.infolist())
                yield archive

    @contextmanager
    def gzip(self, path: Path) -> Iterator[GzipFile]:
        """Open a gzip for reading; its CRC is checked at the end of the stream."""
        self._packed, self._unpacked = path.stat().st_size, 0
        with self._reading("fichier gzip"), GzipFile(path, "rb") as stream:
            yield stream

    def write(self, stream: IO[bytes] | GzipFile, target: Path) -> Path:
        """Copy a member to `target`, complete or absent: a half-written file never has the final name."""
        part = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as out:
                for chunk in self.chunks(stream):
                    out.write(chunk)
            part.replace(target)
        except OSError as e:
            raise FeedError(
                self.jeu, Problem.ECRITURE_IMPOSSIBLE, f"{target.name} : {e.strerror}", "libérer de la place"
            ) from e
        finally:
            with suppress(OSError):
                part.unlink()
        return target

    def chunks(self, stream: IO[bytes] | GzipFile) -> Iterator[bytes]:
        """The member's bytes, counted. Reading to the end also checks its CRC."""
        while True:
            try:
                chunk = stream.read(CHUNK)
            except OSError as e:  # BadGzipFile is one: told apart from a disk that is full
                raise EOFError from e
            if not chunk:
                return
            self._total += len(chunk)
            self._unpacked += len(chunk)
            if self._total > self.limite.taille_max:
                raise self.hostile(f"plus de {self.limite.taille_max} octets une fois décompressé")
            dense = self._unpacked > self._packed * self.limite.ratio_max
            if dense and self._unpacked > self.limite.ratio_des:
                raise self.hostile(f"taux de compression au-delà de {self.limite.ratio_max}")
            yield chunk

    @contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        try:
            yield
        except _BROKEN as e:
            raise self.invalid(f"{what} illisible ou tronqué ({type(e).__name__})") from None

    def _inspect(self, infos: list[zipfile.ZipInfo]) -> None:
        if len(infos) > self.limite.entrees_max:
            raise self.hostile(f"{len(infos)} entrées dans l'archive (limite {self.limite.entrees_max})")
        for info in infos:
            name, parts = cited(repr(info.filename[:100])), parts_of(info.filename)
            if not parts or parts[0].startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", parts[0]):
                raise self.hostile(f"nom dangereux dans l'archive : {name}")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise self.hostile(f"lien symbolique dans l'archive : {name}")
            if info.flag_bits & 0x1:
                raise self.hostile(f"archive chiffrée : {name}")
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                # the dictionary of an LZMA member may take gigabytes of memory
                raise self.invalid(f"méthode de compression {info.compress_type} : {name}", "demander un zip usuel")


def _directory_size(path: Path) -> int:
    """Bytes of the zip's central directory, which `zipfile` loads whole: known before letting it do so."""
    with path.open("rb") as f:
        size = f.seek(0, 2)
        f.seek(max(0, size - (1 << 16) - 22 - 76))
        tail = f.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise zipfile.BadZipFile("no end of central directory")
    wide = end - 20 - 56  # where zip64 puts the sizes that do not fit
    if wide >= 0 and tail[end - 20 :].startswith(b"PK\x06\x07") and tail[wide:].startswith(b"PK\x06\x06"):
        return int.from_bytes(tail[wide + 40 : wide + 48], "little")
    return int.from_bytes(tail[end + 12 : end + 16], "little")
