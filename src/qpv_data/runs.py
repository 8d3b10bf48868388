"""What a run is: its configuration, its folders, its period, the deliveries that it expects."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from qpv_data.clause.load import ClauseSet
from qpv_data.clause.model import Clause, ClauseJeu, Diffusion
from qpv_data.disk import refusal
from qpv_data.periods import Frequence, Period, parse_period, period_of, periods_between
from qpv_data.problems import Problem, QpvDataError
from qpv_data.replacing import sweep

UNIQUE = "unique"
# Folders that hold records one by one, counts of units, or keys: their owner's alone. Releases, the database and
# zonings are for readers; nothing of the private folders is in them but protected cells.
PRIVATE = ("raw", "conformed", "rejets", "located", "aggregated", "journal", "rapports", "cles", "acces", "preuves",
           "archives")  # fmt: skip
SWEPT = (*(name for name in PRIVATE if name != "archives"), "zonages")
"""Where a killed run may have left half-written files; releases are swept by whoever publishes."""


class RunError(QpvDataError):
    """A run cannot start or go on: the problem, and the remedy."""

    def __init__(self, probleme: Problem, message: str, remede: str) -> None:
        self.probleme, self.message, self.remede = probleme, message, remede
        super().__init__(f"{probleme.value}: {message} → {remede}")


@dataclass(frozen=True)
class Patience:
    """How long a source is waited for: tries, seconds of the first pause, which doubles, seconds in all."""

    essais: int = 5
    attente: float = 1.0
    duree_max: float = 3_600.0


@dataclass(frozen=True)
class Configuration:
    """One run. `maintenant` is injected, with its time zone; `miroir` is a folder or a table of addresses.

    `diffusion`: for whom it publishes; `finalite`: for which purpose, when one is declared;
    `acteur`: who runs it, for the access log.
    """

    clauses: Path
    sortie: Path
    maintenant: datetime
    miroir: Path | None = None
    periode: str | None = None
    diffuseur: str = "qpv-data"
    diffusion: Diffusion = Diffusion.PARTENAIRES
    finalite: str | None = None
    acteur: str = "qpv-data"
    patience: Patience = Patience()

    def folder(self, name: str) -> Path:
        """One of PRIVATE, `zonages` or `releases`."""
        return self.sortie / name

    @property
    def travail(self) -> Path:
        """Scratch folder: emptied when a run starts and when it ends."""
        return self.sortie / ".travail"

    @property
    def arrivee(self) -> Path:
        """What is being fetched, as received: in the raw store, and emptied as the scratch folder is."""
        return self.folder("raw") / ".arrivee"


@dataclass(frozen=True)
class Expected:
    """A delivery that the run expects. `periode` is None for a feed delivered as a whole."""

    jeu: str
    periode: str | None

    @property
    def nom(self) -> str:
        """Stem of its files."""
        return self.periode or UNIQUE


@contextmanager
def exclusive(cfg: Configuration) -> Iterator[None]:
    """Hold the run's folder, scratch folders made empty: a second run leaves at once; a dead process holds nothing."""
    try:
        cfg.sortie.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise unwritable(cfg, e) from e
    with locked(cfg.sortie):
        # From here the scratch folder is ours: before, it was another run's.
        for left in (cfg.travail, cfg.arrivee):
            shutil.rmtree(left, ignore_errors=True)  # by a run that was killed
        try:
            cfg.travail.mkdir(mode=0o700)
            for name in SWEPT:
                sweep(cfg.folder(name))
            for name in PRIVATE:
                cfg.folder(name).mkdir(mode=0o700, exist_ok=True)
                cfg.folder(name).chmod(0o700)  # one that was there before, or copied, may be open to others
        except OSError as e:
            raise unwritable(cfg, e) from e
        try:
            yield
        finally:
            for made in (cfg.travail, cfg.arrivee):
                shutil.rmtree(made, ignore_errors=True)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run's folder, and nothing more. Raises RunError when another process does, and for a disk that refuses
    what is done meanwhile."""
    try:
        lock = os.open(folder / ".verrou", os.O_CREAT | os.O_RDWR, 0o644)
    except OSError as e:
        raise _unwritable(folder, e.strerror or str(e)) from e
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as e:
            message = f"une autre exécution écrit dans {folder}"
            raise RunError(Problem.EXECUTION_EN_COURS, message, "attendre sa fin") from e
        try:
            yield
        except Exception as e:
            if (why := refusal(e)) is None:
                raise
            raise _unwritable(folder, why) from e
    finally:
        os.close(lock)


def unwritable(cfg: Configuration, error: OSError) -> RunError:
    """The run's folder cannot be written: which one, why, what to do."""
    return _unwritable(cfg.sortie, error.strerror or str(error))


def _unwritable(folder: Path, why: str) -> RunError:
    message = f"{folder} : {why}"
    return RunError(Problem.ECRITURE_IMPOSSIBLE, message, "libérer de la place, ou choisir un dossier où écrire")


def hold_audience(cfg: Configuration) -> None:
    """One folder publishes for one audience and one purpose: a reader of its last release must not meet another's."""
    for manifest in sorted(cfg.folder("releases").glob("*/manifest.json")):
        said = json.loads(manifest.read_text("utf-8"))
        found = (said.get("diffusion", Diffusion.PARTENAIRES.value), said.get("finalite"))
        if found != (cfg.diffusion.value, cfg.finalite):
            purpose = f", finalité {found[1]}" if found[1] else ""
            message = f"ce dossier publie pour : {found[0]}{purpose} ({manifest.parent.name})"
            raise RunError(Problem.DIFFUSION_TROP_LARGE, message, "choisir un autre dossier de sortie")


def hold_clock(cfg: Configuration) -> None:
    """A release is not dated before the one that it follows: which row held from when to when would be lost."""
    said = (json.loads(p.read_text("utf-8")) for p in sorted(cfg.folder("releases").glob("*-r[0-9]*/manifest.json")))
    latest = max(((told["publiee_le"], told["publication"]) for told in said), default=None)
    today = cfg.maintenant.astimezone(UTC).date().isoformat()
    if latest is not None and today < latest[0]:
        message = f"nous serions le {today}, et {latest[1]} est parue le {latest[0]}"
        remedy = "régler l'horloge ; si c'est cette publication qui est mal datée, la retirer (qpv-data retirer)"
        raise RunError(Problem.HORLOGE_RECULEE, message, remedy)


def release_period(cfg: Configuration, clauses: ClauseSet) -> Period:
    """The quarter asked for; else the last deliverable one.

    A feed's last deliverable period has ended, its due delay is over, and its series reaches it; the release
    goes to the latest of all feeds, as a quarter.
    """
    if cfg.periode is not None:
        try:
            asked = parse_period(cfg.periode)
        except ValueError as e:
            raise RunError(Problem.PERIODE_INVALIDE, str(e), "écrire par exemple 2024-T3") from e
        if asked.frequence is not Frequence.T:
            message = f"{cfg.periode} n'est pas un trimestre"
            raise RunError(Problem.PERIODE_INVALIDE, message, "écrire par exemple 2024-T3")
        return asked
    last = [p for clause in clauses.jeux if (p := _last_deliverable(clause, cfg.maintenant)) is not None]
    if not last:
        raise RunError(Problem.RIEN_A_PUBLIER, "aucun jeu n'a encore de période livrable", "attendre, ou --periode")
    return max(period_of(p.fin, Frequence.T) for p in last)


def _last_deliverable(clause: ClauseJeu, now: datetime) -> Period | None:
    horizon = now.date() - timedelta(days=clause.echeance_jours)
    fin = clause.periode.debut if clause.periode.origine == "fixe" else clause.periode.fin
    if fin is not None and parse_period(fin).fin <= horizon:
        return parse_period(fin)
    ended = [
        p for p in periods_between(parse_period(clause.periode.debut), period_of(horizon, clause.periode.frequence))
        if p.fin <= horizon
    ]  # fmt: skip
    return ended[-1] if ended else None


def series_periods(clause: ClauseJeu, until: Period) -> list[str]:
    """The periods of the feed's series that have begun by the end of the release's period."""
    if clause.periode.origine == "fixe":
        return [clause.periode.debut]
    first = parse_period(clause.periode.debut)
    last = parse_period(clause.periode.fin) if clause.periode.fin else period_of(until.fin, first.frequence)
    return [str(p) for p in periods_between(first, last) if p.debut <= until.fin]


def expected_deliveries(clause: Clause, until: Period) -> list[Expected]:
    """One delivery a period that has ended, or one in all."""
    if isinstance(clause, ClauseJeu) and clause.par_periode:
        ended = [p for p in series_periods(clause, until) if parse_period(p).fin <= until.fin]
        return [Expected(clause.id, p) for p in ended]
    return [Expected(clause.id, None)]


def delivery_url(clause: Clause, periode: str | None) -> str:
    """The clause's address, its slots filled."""
    return clause.source.pour(periode).adresse(clause.id)


def clause_digest(clause: Clause) -> str:
    """A digest of what the clause says: what was made under another clause is not reused."""
    text = json.dumps(clause.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
