"""Land: raw bytes exactly as received, immutable, named by their SHA-256, each delivery with its receipt.

raw/<jeu>/<sha256>/<file name>
raw/<jeu>/livraisons/<livraison>.json      who, when, from where, under which clause version
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from qpv_data.fetch import Fetched
from qpv_data.problems import FeedError, Problem
from qpv_data.replacing import sync_folder

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Delivery:
    """One received version of a feed. `id` is `<jeu>-<periode or unique>-v<n>`, n from 1.

    `recue_le` is the UTC instant of the first reception of these bytes, ISO 8601. `fichier` is not in the
    receipt: it follows from where raw/ is.
    """

    id: str
    jeu: str
    periode: str | None
    sha256: str
    taille: int
    nom_fichier: str
    url: str
    etag: str | None
    last_modified: str | None
    recue_le: str
    clause_version: str
    diffusion: str
    fichier: Path


def land(
    fetched: Fetched,
    *,
    clause_id: str,
    clause_version: str,
    periode: str | None,
    diffusion: str,
    raw: Path,
    recue_le: datetime,
) -> Delivery:
    """Keep `fetched` for ever. Landing the last delivery's bytes again gives that delivery, as first received.

    `raw` is the folder raw/ of the run, `recue_le` carries its time zone. What is not open is readable by its
    owner only. Raises FeedError: source_alteree (the file is not what was fetched), ecriture_impossible.
    """
    if recue_le.tzinfo is None:
        raise ValueError("recue_le needs its time zone")
    mode = 0o444 if diffusion == "ouvert" else 0o400
    receipts = _receipts(raw, clause_id, periode)
    last = receipts[-1][1] if receipts else None
    with _writing(clause_id):
        if last is not None and last.sha256 == fetched.sha256:
            if not _intact(last):
                _keep(fetched, last.fichier, clause_id, mode)
            return last
        number = receipts[-1][0] + 1 if receipts else 1
        delivery = Delivery(
            id=f"{clause_id}-{periode or 'unique'}-v{number}",
            jeu=clause_id,
            periode=periode,
            sha256=fetched.sha256,
            taille=fetched.taille,
            nom_fichier=fetched.nom_fichier,
            url=fetched.url,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
            recue_le=recue_le.astimezone(UTC).isoformat(timespec="seconds"),
            clause_version=clause_version,
            diffusion=diffusion,
            fichier=raw / clause_id / fetched.sha256 / fetched.nom_fichier,
        )
        _keep(fetched, delivery.fichier, clause_id, mode)
        receipt = {name: value for name, value in asdict(delivery).items() if name != "fichier"}
        text = json.dumps(receipt, ensure_ascii=False, indent=1) + "\n"
        _write(raw / clause_id / "livraisons" / f"{delivery.id}.json", iter([text.encode()]), 0o444)
    return delivery


def last_delivery(raw: Path, jeu: str, periode: str | None) -> Delivery | None:
    """The last delivery whose raw file is there with its size; None when there is none."""
    intact = (d for _, d in reversed(_receipts(raw, jeu, periode)) if d is not None and _intact(d))
    return next(intact, None)


def deliveries(raw: Path, jeu: str, periode: str | None) -> list[Delivery]:
    """Every delivery whose receipt can be read, in the order in which they were received."""
    return [d for _, d in _receipts(raw, jeu, periode) if d is not None]


def delivery_of(raw: Path, jeu: str, ident: str) -> Delivery | None:
    """The delivery named `ident`, from its receipt; None when there is none that can be read."""
    return _read_receipt(raw / jeu / "livraisons" / f"{ident}.json", raw)


def _receipts(raw: Path, jeu: str, periode: str | None) -> list[tuple[int, Delivery | None]]:
    """Numbers of the deliveries, in order; None for a receipt that cannot be read, whose number stays taken."""
    prefix = f"{jeu}-{periode or 'unique'}-v"
    found: list[tuple[int, Delivery | None]] = []
    for path in (raw / jeu / "livraisons").glob(f"{prefix}*.json"):
        number = path.stem.removeprefix(prefix)
        if number.isdecimal():
            found.append((int(number), _read_receipt(path, raw)))
    return sorted(found, key=lambda pair: pair[0])


def _read_receipt(path: Path, raw: Path) -> Delivery | None:
    try:
        r = json.loads(path.read_text("utf-8"))
        return Delivery(**r, fichier=raw / r["jeu"] / r["sha256"] / r["nom_fichier"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _intact(delivery: Delivery) -> bool:
    return delivery.fichier.is_file() and delivery.fichier.stat().st_size == delivery.taille


def _keep(fetched: Fetched, target: Path, jeu: str, mode: int) -> None:
    """Copy the bytes to `target`, unless the same are there; they are hashed again on their way."""
    if target.is_file() and _digest(target) == fetched.sha256:
        return
    digest = hashlib.sha256()

    def chunks() -> Iterator[bytes]:
        with fetched.path.open("rb") as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                yield chunk
        if digest.hexdigest() != fetched.sha256:
            message = f"{fetched.nom_fichier} a changé entre sa réception et son dépôt"
            raise FeedError(jeu, Problem.SOURCE_ALTEREE, message, "relancer")

    _write(target, chunks(), mode)


def _digest(path: Path) -> str:
    with path.open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def _write(target: Path, chunks: Iterator[bytes], mode: int) -> None:
    """Complete and on disk, or absent, whatever is cut and when."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        with part.open("xb") as out:
            for chunk in chunks:
                out.write(chunk)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        part.replace(target)
    finally:
        with suppress(OSError):
            part.unlink()
    sync_folder(target.parent)


@contextmanager
def _writing(jeu: str) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        message = f"dépôt impossible : {e.strerror or type(e).__name__}"
        remede = "libérer de la place, vérifier les droits de raw/"
        raise FeedError(jeu, Problem.ECRITURE_IMPOSSIBLE, message, remede) from e
