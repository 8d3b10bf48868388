"""Proofs of destruction: signed (Ed25519), numbered, each holding the digest of the one before.

preuves/<numéro>.json: `{"contenu": …, "signature": base64}`. What is signed is the content as canonical JSON: sorted
keys, no blanks, UTF-8. Whoever holds the public key can check the whole chain; the digest of the last proof, kept
elsewhere, tells whether the end of the chain was cut off.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from qpv_data.problems import Problem
from qpv_data.replacing import replacing
from qpv_data.runs import RunError

VARIABLE = "QPV_DATA_CLE_DE_SIGNATURE"
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_NAME = re.compile(r"(\d{6})\.json")


@dataclass(frozen=True)
class Fault:
    """What does not hold in a chain of proofs: the proof's file, and why."""

    preuve: str
    raison: str


@dataclass(frozen=True)
class Chain:
    """A chain that was looked at: how many proofs, the digest of the last (None when there is none), what is wrong."""

    preuves: int
    tete: str | None
    fautes: tuple[Fault, ...]


def signing_key(environment: Mapping[str, str]) -> Ed25519PrivateKey:
    """The key that the environment gives: 64 hexadecimal digits. Raises RunError; its value is in no message."""
    given = environment.get(VARIABLE, "").strip()
    if not given:
        message = f"la variable {VARIABLE} n'est pas définie : rien ne serait prouvé, rien n'est détruit"
        raise RunError(Problem.CLE_DE_SIGNATURE, message, "en tirer une : openssl rand -hex 32, et la garder à part")
    if not _HEX.fullmatch(given):
        message = f"{VARIABLE} n'est pas une clé de 64 chiffres hexadécimaux"
        raise RunError(Problem.CLE_DE_SIGNATURE, message, "en tirer une : openssl rand -hex 32")
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(given))


def public_text(key: Ed25519PrivateKey) -> str:
    """The public key, 64 hexadecimal digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def public_key(text: str) -> Ed25519PublicKey:
    """From its 64 hexadecimal digits. Raises RunError."""
    if not _HEX.fullmatch(text.strip()):
        message = "la clé publique n'est pas de 64 chiffres hexadécimaux"
        raise RunError(Problem.CLE_DE_SIGNATURE, message, "la donner comme `qpv-data preuves cle` la montre")
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text.strip()))


def last(folder: Path) -> tuple[int, str | None]:
    """(number, digest) of the last proof; (0, None) when there is none."""
    numbers = _numbers(folder)
    if not numbers:
        return 0, None
    return numbers[-1], _digest(_path(folder, numbers[-1]))


def write_proof(folder: Path, content: Mapping[str, Any], key: Ed25519PrivateKey) -> Path:
    """Sign and write the next proof. It says itself its number, the one before it, and its public key."""
    number, before = last(folder)
    full = {**content, "numero": number + 1, "precedente": before, "cle_publique": public_text(key)}
    signature = base64.b64encode(key.sign(canonical(full))).decode()
    target = _path(folder, number + 1)
    with replacing(target) as draft:
        text = json.dumps({"contenu": full, "signature": signature}, ensure_ascii=False, indent=1)
        draft.touch(mode=0o600)
        draft.write_text(text + "\n", "utf-8")
    return target


def canonical(content: Mapping[str, Any]) -> bytes:
    """The bytes that are signed."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def verify(folder: Path, key: Ed25519PublicKey, tete: str | None = None) -> Chain:
    """Look at every proof: its number, what it says of the one before, its signature. All faults, none raised.

    `tete`: the digest that the last proof must have, when it was kept elsewhere.
    """
    numbers, faults, before = _numbers(folder), list[Fault](), None
    for expected, number in enumerate(numbers, start=1):
        path = _path(folder, number)
        if number != expected:
            faults.append(Fault(path.name, f"la preuve {expected} manque"))
            break
        faults += [Fault(path.name, why) for why in _faults(path, key, number, before)]
        before = _digest(path)
    strays = sorted(p.name for p in folder.glob("*") if not p.name.startswith(".") and not _NAME.fullmatch(p.name))
    faults += [Fault("", f"{len(strays)} fichiers étrangers à la chaîne")] if strays else []
    head = last(folder)[1]
    if tete is not None and tete != head:
        faults.append(Fault("", "la dernière preuve n'est pas celle qui est attendue"))
    return Chain(len(numbers), head, tuple(faults))


def _faults(path: Path, key: Ed25519PublicKey, number: int, before: str | None) -> list[str]:
    try:
        told = json.loads(path.read_text("utf-8"))
        content, signature = told["contenu"], base64.b64decode(told["signature"], validate=True)
    except (OSError, ValueError, KeyError, TypeError):
        return ["illisible"]
    found = []
    try:
        key.verify(signature, canonical(content))
    except InvalidSignature:
        found.append("signature fausse, ou d'une autre clé")
    if content.get("numero") != number:
        found.append("son numéro n'est pas celui de son fichier")
    if content.get("precedente") != before:
        found.append("elle ne suit pas celle qui la précède")
    return found


def _numbers(folder: Path) -> list[int]:
    names = (p.name for p in folder.glob("*.json"))
    return sorted(int(m[1]) for name in names if (m := _NAME.fullmatch(name)))


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:06d}.json"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
