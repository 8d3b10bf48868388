"""Pick up what a partner put in a deposit: whole files only, each once, each with a receipt beside it.

Nothing is moved nor deleted: the partner finds the file where it was, and `recus/<name>-<mark>.json` beside it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from qpv_data.clause.source import SourceDepot
from qpv_data.fetch import Fetched, FetchPolicy
from qpv_data.problems import FeedError, Problem
from qpv_data.sources.container import NO_DATA, safe_name, sniff, verify
from qpv_data.sources.deposit.claims import Claims, ExclusiveCreationError
from qpv_data.sources.deposit.opening import open_deposit, unreachable
from qpv_data.sources.deposit.store import RECEIPTS, Entry, FolderStore, Store, TooBigError

_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".swp", "~")
_WITNESS = (".ok", ".sha256")
_RECEIPT_MAX = 100_000
_FAULTS = (Problem.CONTENEUR_INVALIDE, Problem.CONTENEUR_HOSTILE, Problem.FORMAT_INATTENDU, Problem.SOURCE_ALTEREE)
_RIGHTS = "vérifier le réseau, les droits de lire, et ceux d'écrire dans `recus/`"
_AGAIN = "déposer de nouveau le fichier, corrigé"


@dataclass(frozen=True)
class Picked:
    """One file, copied and claimed. `acknowledge(livraison)` writes its receipt, once it has landed.

    It gives False when another worker, which outlived its lease, had written one.
    """

    fetched: Fetched
    acknowledge: Callable[[str], bool]


@dataclass(frozen=True)
class Deposit:
    """One deposit being looked at. `clock` dates receipts and leases."""

    source: SourceDepot
    jeu: str
    store: Store
    claims: Claims
    clock: Callable[[], datetime]
    pause: Callable[[float], None] = time.sleep


def pick_up(
    source: SourceDepot,
    *,
    jeu: str,
    into: Path,
    policy: FetchPolicy,
    clock: Callable[[], datetime],
    known: bool,
    pause: Callable[[float], None] = time.sleep,
) -> Generator[Picked]:
    """Each whole file of that name that has no receipt, oldest first; the claim lasts until the next is asked for.

    `known`: a delivery of this period is already held, and having nothing new is then no fault. A file that cannot
    be accepted gets a receipt that says so, and the following ones are looked at. Raises FeedError: source_absente,
    depot_deja_retire (its receipts say by which delivery), execution_en_cours, depot_inaccessible, and, when the
    newest file was refused and nothing came since, the problem of that file.
    """
    with _reaching(jeu):
        store, claims = open_deposit(source, jeu, clock)
    yield from from_deposit(Deposit(source, jeu, store, claims, clock, pause), into, policy, known)


def from_deposit(deposit: Deposit, into: Path, policy: FetchPolicy, known: bool) -> Generator[Picked]:
    """See `pick_up`."""
    with _reaching(deposit.jeu):
        whole, unfinished = _whole(deposit)
    picked = busy = False
    for entry in whole:
        with _reaching(deposit.jeu):
            if _receipt(deposit, entry) is not None:
                continue
        with _reaching(deposit.jeu), deposit.claims.claim(file_key(entry)) as mine:
            if _receipt(deposit, entry) is not None:  # written while we were obtaining the claim
                continue
            if not mine:
                busy = True
                continue
            fetched = _taken(deposit, entry, into, policy)
            if fetched is not None:
                picked = True
                yield Picked(fetched, partial(_acknowledge, deposit, entry, fetched))
    if not picked:
        _conclude(deposit, whole, unfinished, busy, known)


def _whole(deposit: Deposit) -> tuple[list[Entry], int]:
    """The files of the declared name that are whole, oldest first, and how many are still being written."""
    source, store = deposit.source, deposit.store
    pattern = source.motif.replace("[", "[[]")
    listed = store.entries()
    names = {e.nom for e in listed}
    found = sorted(
        e
        for e in listed
        if fnmatch.fnmatchcase(e.nom, pattern)
        and not e.nom.startswith(".")
        and not e.nom.lower().endswith(_UNFINISHED)
        and not (source.ecriture == "temoin" and e.nom.endswith(_WITNESS))
    )
    whole = found
    if source.ecriture == "temoin":
        whole = [e for e in found if any(e.nom + end in names for end in _WITNESS)]
    elif source.ecriture == "stable" and found and source.protocole != "s3":  # an object appears whole
        whole = _stable(deposit, found)
    return whole, len(found) - len(whole)


def _stable(deposit: Deposit, found: list[Entry]) -> list[Entry]:
    """Those that did not move while we waited. On this machine a file's own date may tell it without waiting."""
    wait = deposit.source.attente_s
    if isinstance(deposit.store, FolderStore):
        now = time.time()
        if all(_receipt(deposit, e) is not None or now - e.date > wait for e in found):
            return found
    elif all(_receipt(deposit, e) is not None for e in found):
        return found
    deposit.pause(wait)
    later = set(deposit.store.entries())
    return [e for e in found if e in later]


def _taken(deposit: Deposit, entry: Entry, into: Path, policy: FetchPolicy) -> Fetched | None:
    """The file, copied and held to what any delivery is held to; None when it is refused, with a receipt, or when
    it moved under way, without."""
    into.mkdir(parents=True, exist_ok=True)
    part = into / f".{hashlib.sha256(entry.nom.encode()).hexdigest()[:16]}.part"
    try:
        try:
            deposit.store.fetch(entry.nom, part, policy.taille_max)
            if part.stat().st_size != entry.taille or entry not in deposit.store.entries():
                return None
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            _hold(deposit, entry, part, digest, policy)
        except (FeedError, TooBigError) as e:
            fault = e if isinstance(e, FeedError) else _too_big(deposit.jeu, policy)
            _write_receipt(deposit, entry, None, statut="refuse", probleme=fault.probleme.value, message=fault.message)
            return None
        name = safe_name(entry.nom)
        path = part.replace(into / f"{digest[:16]}-{name}")
        return Fetched(path, digest, entry.taille, name, deposit.source.adresse(deposit.jeu), None, None)
    finally:
        with suppress(OSError):
            part.unlink()


def _too_big(jeu: str, policy: FetchPolicy) -> FeedError:
    message = f"plus de {policy.taille_max} octets"
    return FeedError(jeu, Problem.SOURCE_TROP_GRANDE, message, "relever `source.taille_max_mo`")


def _hold(deposit: Deposit, entry: Entry, part: Path, digest: str, policy: FetchPolicy) -> None:
    """Raises FeedError when the content is not what was promised."""
    if (kind := sniff(part)) in NO_DATA:
        message = f"{NO_DATA[kind]} à la place des données"
        raise FeedError(deposit.jeu, Problem.FORMAT_INATTENDU, message, _AGAIN)
    verify(part, jeu=deposit.jeu, limite=policy.limites)
    wanted = [deposit.source.sha256, *(_witnessed(deposit, entry) if deposit.source.ecriture == "temoin" else ())]
    if any(w is not None and w != digest for w in wanted):
        message = "l'empreinte du fichier n'est pas celle qui est annoncée"
        raise FeedError(deposit.jeu, Problem.SOURCE_ALTEREE, message, _AGAIN)


def _witnessed(deposit: Deposit, entry: Entry) -> Iterator[str]:
    for end in _WITNESS:
        text = (deposit.store.read(entry.nom + end, 1_000) or b"").decode("ascii", "replace")
        if m := re.match(r"\s*([0-9a-fA-F]{64})\b", text):
            yield m[1].lower()


def file_key(entry: Entry) -> str:
    """One putting of one file: its name, with a digest of what distinguishes it from another of that name."""
    told = f"{entry.nom}\0{entry.taille}\0{entry.marque}"
    return f"{safe_name(entry.nom)}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _receipt(deposit: Deposit, entry: Entry) -> dict[str, Any] | None:
    data = deposit.store.read(f"{RECEIPTS}/{file_key(entry)}.json", _RECEIPT_MAX)
    if data is None:
        return None
    try:
        told = json.loads(data)
    except ValueError:
        told = None
    return told if isinstance(told, dict) else {}  # a receipt that cannot be read is a receipt


def _acknowledge(deposit: Deposit, entry: Entry, fetched: Fetched, delivery: str) -> bool:
    with _reaching(deposit.jeu):
        return _write_receipt(deposit, entry, fetched.sha256, statut="accepte", livraison=delivery)


def _write_receipt(deposit: Deposit, entry: Entry, sha256: str | None, **more: str) -> bool:
    receipt = {
        "fichier": entry.nom,
        "taille": entry.taille,
        "sha256": sha256,
        "jeu": deposit.jeu,
        "recu_le": deposit.clock().isoformat(timespec="seconds"),
        **more,
    }
    data = (json.dumps(receipt, ensure_ascii=False, indent=1) + "\n").encode()
    return deposit.store.create(f"{RECEIPTS}/{file_key(entry)}.json", data)


def _conclude(deposit: Deposit, whole: list[Entry], unfinished: int, busy: bool, known: bool) -> None:
    """Nothing was picked up: say why, unless it is no fault."""
    jeu = deposit.jeu
    newest = _receipt(deposit, whole[-1]) if whole else None
    if newest is not None and newest.get("statut") == "refuse":
        problem = next((p for p in _FAULTS if p.value == newest.get("probleme")), Problem.FORMAT_INATTENDU)
        raise FeedError(jeu, problem, f"dernier fichier déposé refusé : {newest.get('message')}", _AGAIN)
    if busy:
        message = "un autre travailleur retire ce dépôt"
        raise FeedError(jeu, Problem.EXECUTION_EN_COURS, message, "attendre sa fin, puis relancer")
    if known:
        return
    if newest is not None:
        message = f"déjà retiré par la livraison {newest.get('livraison')}, qui n'est pas dans ce magasin"
        remede = "partir du magasin qui l'a reçue ; sinon effacer le reçu, et le fichier sera retiré de nouveau"
        raise FeedError(jeu, Problem.DEPOT_DEJA_RETIRE, message, remede)
    still = f" ({unfinished} en cours d'écriture)" if unfinished else ""
    message = f"aucun fichier entier nommé {deposit.source.motif!r} dans le dépôt{still}"
    raise FeedError(jeu, Problem.SOURCE_ABSENTE, message, "attendre le dépôt, ou revoir `source.motif`")


@contextmanager
def _reaching(jeu: str) -> Iterator[None]:
    try:
        yield
    except ExclusiveCreationError:
        message = "ce service laisse créer deux fois le même fichier : deux travailleurs ne s'y distinguent pas"
        raise unreachable(jeu, message, "choisir un service S3 qui connaît If-None-Match, ou un dossier") from None
    except OSError as e:
        message = f"le dépôt ne répond pas comme attendu ({e.strerror or type(e).__name__})"
        raise unreachable(jeu, message, _RIGHTS) from None
    except Exception as e:
        if not type(e).__module__.startswith(("botocore", "aiobotocore", "aiohttp", "paramiko")):
            raise
        # the libraries of the stores have no base error in common, and their words may hold an address
        raise unreachable(jeu, f"le dépôt ne répond pas ({type(e).__name__})", _RIGHTS) from None
