"""Record a run: its beginning, each stage, its end, in the log, and its measures in the operator's database."""

from __future__ import annotations

import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from qpv_data import __version__
from qpv_data.operations.events import Event, append, line_of
from qpv_data.operations.measures import write_measures
from qpv_data.operations.meter import StageMeter
from qpv_data.operations.notify import notify
from qpv_data.operations.settings import NAME, operation_of
from qpv_data.operations.stages import Stage, measured_by
from qpv_data.operations.summary import Summary, failing
from qpv_data.problems import FeedError, InvalidDeclarationError, QpvDataError
from qpv_data.runs import Configuration
from qpv_data.surroundings import default_clauses

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


class Recorder:
    """The log of one run. Nothing that it does makes the run fail: a log that cannot be written is told at the end.

    Events wait until the run's folder is there: declarations that are refused leave nothing behind.
    """

    def __init__(self, cfg: Configuration, commande: str, clock: Clock, traces: bool) -> None:
        self.cfg, self.execution = cfg, _identifier(clock())
        self._commande, self._clock, self._traces = commande, clock, traces
        self._waiting: list[Event] = []
        self._told: list[dict[str, Any]] = []
        self.publication: str | None = None
        self.faute: str | None = None

    def tell(self, evenement: str, *, durable: bool = False, **said: Any) -> None:
        """Add one event. What is said is ids, counts and words of closed lists."""
        quand = self._clock().astimezone(UTC).isoformat(timespec="milliseconds")
        told = {"quand": quand, "execution": self.execution, "evenement": evenement, **said}
        if self._traces:
            sys.stderr.write(line_of(told) + "\n")
        self._waiting.append(told)
        journal = self.cfg.folder("journal")
        if not journal.is_dir():
            return
        try:
            append(journal, self._waiting, durable=durable)
        except OSError as e:
            self.faute = e.strerror or type(e).__name__
        else:
            self._waiting = []

    def begin(self) -> None:
        """The first event: who runs what, with which version; paths are of this machine, as the log is."""
        self.tell(
            "debut",
            commande=self._commande,
            acteur=self.cfg.acteur,
            version=__version__,
            processus=os.getpid(),
            clauses=str(self.cfg.clauses) if self.cfg.clauses != default_clauses().resolve() else None,
            miroir=str(self.cfg.miroir) if self.cfg.miroir else None,
            reference=self.cfg.maintenant.isoformat(timespec="seconds"),
            periode=self.cfg.periode,
        )

    def stage_ended(self, stage: Stage, seconds: float, peak: int) -> None:
        """An event a stage."""
        told = asdict(stage)
        if stage.evenement == "publication":
            self.publication = stage.publication
        self._told.append({**told, "secondes": seconds})
        evenement = told.pop("evenement")
        self.tell(evenement, **told, secondes=round(seconds, 3), memoire_max=peak)

    def seconds_of(self, jeu: str) -> float:
        """The time spent on a feed: its deliveries and its placing."""
        return sum(
            float(e["secondes"]) for e in self._told if e["jeu"] == jeu and e["evenement"] in ("livraison", "jeu")
        )

    def summary(self, etat: str, probleme: str | None, seconds: float) -> Summary:
        """What is said of the run outside."""
        made = next((e for e in reversed(self._told) if e["evenement"] == "publication"), None)
        return Summary(
            self.execution,
            self._commande,
            socket.gethostname(),
            etat,
            round(seconds, 1),
            probleme,
            self.publication,
            made is not None and made["etat"] == "nouvelle",
            failing(self._told),
            tuple(made["en_attente"]) if made is not None else (),
        )

    def notify(self, summary: Summary) -> None:
        """Tell whom the operator declared, and note what could not leave."""
        try:
            declared = operation_of(self.cfg.clauses).notifications
        except (QpvDataError, OSError):
            self.tell("notification", etat="echec", probleme="valeur_invalide")
            sys.stderr.write(f"{NAME} est refusé : personne n'est prévenu → qpv-data doctor\n")
            return
        for sent in notify(declared, summary):
            etat = "echec" if sent.faute else "envoyee"
            self.tell("notification", type=sent.type, rang=sent.rang, etat=etat, faute=sent.faute)
            if sent.faute:
                sys.stderr.write(f"notification {sent.rang} ({sent.type}) non envoyée : {sent.faute}\n")

    def end(self, etat: str, probleme: str | None, seconds: float) -> None:
        """The last event, on disk, then the measures, then the notifications."""
        self.tell(
            "fin",
            durable=True,
            commande=self._commande,
            etat=etat,
            probleme=probleme,
            publication=self.publication,
            secondes=round(seconds, 3),
        )
        if self.cfg.folder("journal").is_dir():
            try:
                write_measures(self.cfg.sortie)
            except OSError as e:
                self.faute = e.strerror or type(e).__name__
        self.notify(self.summary(etat, probleme, seconds))
        if self.faute is not None:
            sys.stderr.write(f"le journal de l'exécution est incomplet : {self.faute} → vérifier la place\n")


@contextmanager
def recording(cfg: Configuration, commande: str, clock: Clock = _now, traces: bool = False) -> Iterator[Recorder]:
    """Record what runs within this context, whatever ends it. `traces`: each event on standard error too."""
    recorder, start = Recorder(cfg, commande, clock, traces), time.monotonic()
    recorder.begin()
    etat, probleme = "reussie", None
    try:
        with measured_by(StageMeter(recorder.stage_ended)):
            yield recorder
    except KeyboardInterrupt:
        etat = "interrompue"
        raise
    except BaseException as e:
        etat, probleme = "echec", problem_of(e)
        raise
    finally:
        recorder.end(etat, probleme, time.monotonic() - start)


def problem_of(error: BaseException) -> str:
    """A word for what ended a run: of the closed list, or the name of the error. Never its message."""
    if isinstance(error, InvalidDeclarationError):
        return error.violations[0].probleme.value if error.violations else "declarations_refusees"
    found = getattr(error, "probleme", None)
    if isinstance(error, (FeedError, QpvDataError)) and found is not None:
        return str(found.value)
    return "ecriture_impossible" if isinstance(error, OSError) else type(error).__name__


def _identifier(when: datetime) -> str:
    """`20260105T040012Z-3f2a`: sorts by time; two runs of one second differ."""
    return f"{when.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def note_event(sortie: Path, evenement: str, clock: Clock = _now, **said: Any) -> None:
    """Add one event that is no part of a run (a backup, a probe)."""
    when = clock()
    told: dict[str, Any] = {"quand": when.astimezone(UTC).isoformat(timespec="milliseconds")}
    told |= {"execution": _identifier(when), "evenement": evenement, **said}
    append(sortie / "journal", [told], durable=True)
