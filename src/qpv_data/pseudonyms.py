"""Replace direct identifiers by a keyed HMAC: who holds the key can find a person again, so the data stay personal.

One random key a feed, in `cles/<jeu>.cle` of the run's folder (its owner's alone), or given by the environment:
`QPV_DATA_CLE_<JEU>`, 64 hexadecimal digits. Destroying the key cuts the pseudonyms off from the persons.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from qpv_data.clause.received import Normalisation
from qpv_data.problems import FeedError, Problem
from qpv_data.replacing import sync_folder

_HEX = re.compile(r"[0-9a-fA-F]{64}")
_SIZE = 32  # hexadecimal digits of a pseudonym: 128 bits of HMAC-SHA-256
_SPACES = re.compile(r"\s+")


def feed_key(folder: Path, jeu: str) -> bytes:
    """The feed's key: the environment's, else the file's, else a new one. Raises FeedError when it cannot be used."""
    return known_key(folder, jeu) or create_key(folder, jeu)


def known_key(folder: Path, jeu: str) -> bytes | None:
    """The environment's key, else the file's; None when there is none. Raises FeedError."""
    variable = f"QPV_DATA_CLE_{jeu.upper()}"
    given = os.environ.get(variable)
    if given is not None:
        if not _HEX.fullmatch(given.strip()):
            message = f"{variable} n'est pas une clé de 64 chiffres hexadécimaux"
            raise FeedError(jeu, Problem.CLE_DE_PSEUDONYMES, message, "en tirer une : openssl rand -hex 32")
        return bytes.fromhex(given.strip())
    return read_key(folder, jeu)


def create_key(folder: Path, jeu: str) -> bytes:
    """Draw a key and keep it, whole or not at all; the one that is already there stays, and is given."""
    key, path = secrets.token_bytes(32), _path(folder, jeu)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(handle, f"{key.hex()}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        with suppress(FileExistsError):
            os.link(part, path)
        part.unlink()
    except OSError as e:
        message = f"clé de pseudonymes impossible à écrire : {e.strerror or type(e).__name__}"
        raise FeedError(jeu, Problem.CLE_DE_PSEUDONYMES, message, f"vérifier les droits de {folder.name}/") from e
    return read_key(folder, jeu) or key


def read_key(folder: Path, jeu: str) -> bytes | None:
    """The key that is kept; None when there is none. Raises FeedError on one that others may read, or is cut."""
    path = _path(folder, jeu)
    try:
        text, mode = path.read_text("ascii").strip(), path.stat().st_mode
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as e:
        message = f"{path.name} illisible ({type(e).__name__})"
        raise FeedError(jeu, Problem.CLE_DE_PSEUDONYMES, message, "rendre la clé lisible à son propriétaire") from e
    if mode & 0o077:
        message = f"{path.name} est ouvert à d'autres que son propriétaire"
        raise FeedError(jeu, Problem.CLE_DE_PSEUDONYMES, message, f"chmod 600 {path.name}")
    if not _HEX.fullmatch(text):
        message = f"{path.name} n'est pas une clé de 64 chiffres hexadécimaux"
        raise FeedError(jeu, Problem.CLE_DE_PSEUDONYMES, message, "la restaurer, ou la détruire et tout recharger")
    return bytes.fromhex(text)


def destroy_key(folder: Path, jeu: str) -> bool:
    """Overwrite the key's file, then remove it; whether there was one. Copies made by a disk or a backup remain."""
    path = _path(folder, jeu)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        os.write(handle, secrets.token_bytes(os.fstat(handle).st_size))
        os.fsync(handle)
    finally:
        os.close(handle)
    path.unlink()
    sync_folder(folder)
    return True


def fingerprint(key: bytes) -> str:
    """What tells two keys apart and gives neither away: pseudonyms made with another key are not the same."""
    return hmac.digest(key, b"qpv-data: empreinte de la cle", hashlib.sha256).hex()[:16]


def pseudonymised(
    texts: pa.StringArray, key: bytes, steps: Sequence[Normalisation], kept: frozenset[str]
) -> pa.StringArray:
    """Each text's pseudonym, 32 hexadecimal digits; null stays null, what is `kept` (a mask) stays as it is."""
    coded = texts.dictionary_encode()
    made = [_pseudonym(t, key, steps) if t not in kept else t for t in coded.dictionary.to_pylist()]
    return pa.array(made, pa.string()).take(coded.indices)


def _pseudonym(text: str, key: bytes, steps: Sequence[Normalisation]) -> str | None:
    plain = normalised(text, steps)
    return hmac.digest(key, plain.encode(), "sha256").hex()[:_SIZE] if plain else None


def normalised(text: str, steps: Sequence[Normalisation]) -> str:
    """The text that stands for a person, whatever the order of `steps`. Composed characters (NFC) always are one.

    casse: case apart; accents: marks apart; alphanumerique: letters and digits alone; espaces: one blank for many,
    none at the ends; zeros: those that lead a number apart.
    """
    if "accents" in steps:
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    if "casse" in steps:
        text = text.casefold()
    if "alphanumerique" in steps:
        text = "".join(c for c in unicodedata.normalize("NFC", text) if c.isalnum())
    if "espaces" in steps:
        text = _SPACES.sub(" ", text).strip()
    if "zeros" in steps:
        text = text.lstrip("0") or text[:1]
    return unicodedata.normalize("NFC", text)


def _path(folder: Path, jeu: str) -> Path:
    return folder / f"{jeu}.cle"
