"""`prefect.yaml`, made from the clauses: `python -m flows.deploiements [--clauses DIR] [--verifier]`.

A clause is the only place where a periodicity and a due delay are written; the schedules follow. The file holds no
path of the machine that made it: `prefect deploy` run from the project's folder adds where that folder is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from qpv_data.clause.load import load_clauses
from qpv_data.clause.model import Clause
from qpv_data.periods import Frequence, period_of
from qpv_data.surroundings import default_clauses

PROJECT = Path(__file__).resolve().parents[1]
TARGET = PROJECT / "prefect.yaml"
POOL = "qpv-data"
SORTIE = "data/publications"
FUSEAU = "Europe/Paris"
TRIMESTRIEL = "0 4 2 1,4,7,10 *"

# `ponctuelle` has no rhythm: its deliveries are asked for by hand, and by each publication.
_FREQUENCES = {
    "mensuelle": Frequence.M,
    "trimestrielle": Frequence.T,
    "semestrielle": Frequence.S,
    "annuelle": Frequence.A,
}
_ORDER = (*_FREQUENCES, "ponctuelle")
_FOUR_YEARS = [date(2024, 1, 1) + timedelta(days=n) for n in range(1461)]
_HEADER = "# Écrit par `python -m flows.deploiements` d'après referentiels/clauses : ne pas modifier ici.\n"


def cron_of(clause: Clause, minute: int) -> str | None:
    """When to look for the delivery of a clause: the day after it is due, at 3 h and `minute`; None without rhythm.

    One line for all the periods of a year: the latest of their due days counts, whatever the length of the months.
    """
    if clause.periodicite == "ponctuelle":
        return None
    frequency = _FREQUENCES[clause.periodicite]
    ends = sorted({period_of(day, frequency).fin for day in _FOUR_YEARS})
    lag, day = max(_after(end, end + timedelta(days=clause.echeance_jours + 1)) for end in ends)
    if day > 28:  # not every month has it
        lag, day = lag + 1, 1
    months = sorted({(end.month + lag - 1) % 12 + 1 for end in ends})
    return f"{minute} 3 {day} {'*' if len(months) == 12 else ','.join(map(str, months))} *"


def _after(end: date, day: date) -> tuple[int, int]:
    """Months from that of `end` to that of `day`, and the day of the month."""
    return (day.year - end.year) * 12 + day.month - end.month, day.day


def project(clauses: Iterable[Clause]) -> dict[str, Any]:
    """The content of prefect.yaml."""
    known = sorted(clauses, key=lambda c: c.id)
    used = [p for p in _ORDER if any(c.periodicite == p for c in known)]
    # The runs share one folder and its lock: they start one after the other, never at the same minute.
    return {
        "name": "qpv-data",
        "deployments": [
            _deployment("referentiels", "trimestriel", "0 2 2 1,4,7,10 *", {}),
            _deployment("retention", "quotidienne", "30 1 * * *", {"confirmer": True}),
            _deployment("disponibilite", "quatre-fois-par-jour", "15 5,11,17,23 * * *", {}),
            _deployment("rattrapage", "sur-demande", None, {}),
            *(_publication(hour, periodicity) for hour, periodicity in enumerate(used, start=4)),
            *(_delivery(clause, minute % 60) for minute, clause in enumerate(known)),
        ],
    }


def _publication(hour: int, periodicity: str) -> dict[str, Any]:
    return _deployment("publication", periodicity, TRIMESTRIEL.replace("4", str(hour), 1), {}, [periodicity])


def _delivery(clause: Clause, minute: int) -> dict[str, Any]:
    return _deployment("livraison", clause.id, cron_of(clause, minute), {"clause": clause.id}, [clause.periodicite])


def _deployment(
    flow: str, name: str, cron: str | None, parameters: dict[str, str | bool], tags: list[str] | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "entrypoint": f"flows/{flow}.py:{flow}",
        "parameters": {"sortie": SORTIE, **parameters},
        "tags": [flow, *(tags or [])],
        "work_pool": {"name": POOL},
        "concurrency_limit": 1,
        "schedules": [{"cron": cron, "timezone": FUSEAU}] if cron else [],
    }


def rendered(clauses: Path) -> str:
    """The text of prefect.yaml for the clauses of a folder; always the same for the same clauses."""
    loaded = load_clauses(clauses)
    content = project(c.clause for c in loaded.chargees)
    return _HEADER + yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=110)


def main(
    clauses: Annotated[Path | None, typer.Option(help="Dossier des clauses. Défaut : referentiels/clauses.")] = None,
    vers: Annotated[Path, typer.Option(help="Fichier à écrire.")] = TARGET,
    verifier: Annotated[
        bool, typer.Option("--verifier", help="Ne rien écrire ; sortie 1 si le fichier diffère.")
    ] = False,
) -> None:
    """Écrire prefect.yaml d'après les clauses."""
    text = rendered(clauses or default_clauses())
    if not verifier:
        vers.write_text(text, "utf-8")
    elif not vers.is_file() or vers.read_text("utf-8") != text:
        typer.echo(f"{vers.name} ne suit plus les clauses → python -m flows.deploiements", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
