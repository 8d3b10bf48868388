"""Events that people of the place wrote down: what was pulled down, moved, worked on, beside the figures.

A CSV file in UTF-8, `;` or `,` between columns: `code_zone;date;type;titre;source`, the date as 2024-05-17, 2024-05 or
2024. It is public text: it goes into the pages as it is written.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Set
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from qpv_data.problems import Problem, listed
from qpv_data.site.french import MOIS, day
from qpv_data.site.writing import SiteError

COLUMNS = ("code_zone", "date", "type", "titre", "source")
KINDS = {
    "demolition": "Démolition", "relogement": "Relogement", "travaux": "Travaux", "ouverture": "Ouverture",
    "fermeture": "Fermeture", "autre": "Événement",
}  # fmt: skip
LONGEST = 300
_DAY = re.compile(r"([0-9]{4})(?:-([0-9]{2}))?(?:-([0-9]{2}))?")


@dataclass(frozen=True)
class Event:
    """`quand`: the first day of what was written, for its place in a series; `ecrite`: the date in words."""

    code_zone: str
    quand: date
    ecrite: str
    nature: str
    titre: str
    source: str


def read_events(path: Path, codes: Set[str]) -> list[Event]:
    """Events of a file, by zone then date. Raises SiteError with every fault, by line: nothing is left aside."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            sample = file.readline()
            file.seek(0)
            lines = list(csv.DictReader(file, delimiter=";" if ";" in sample else ","))
            header = tuple(lines[0]) if lines else tuple(h.strip() for h in re.split("[;,]", sample))
    except (OSError, UnicodeDecodeError, csv.Error) as e:
        raise SiteError(Problem.FORMAT_INATTENDU, f"{path} ne se lit pas : {e}", "un CSV en UTF-8") from None
    if missing := [c for c in COLUMNS if c not in header]:
        message = f"{path} : colonne absente : {listed(missing, 5)}"
        raise SiteError(Problem.ENTETE_INATTENDU, message, f"les colonnes {', '.join(COLUMNS)}")
    events, faults = [], []
    for number, line in enumerate(lines, start=2):
        read = _event(line, codes)
        if isinstance(read, str):
            faults.append(f"ligne {number} : {read}")
        else:
            events.append(read)
    if faults:
        raise SiteError(Problem.VALEUR_INVALIDE, f"{path} : {listed(faults, 20)}", "corriger ces lignes")
    return sorted(events, key=lambda e: (e.code_zone, e.quand, e.titre))


def _event(line: dict[str, str | None], codes: Set[str]) -> Event | str:
    code, written, kind, title, source = ((line[c] or "").strip() for c in COLUMNS)
    if code not in codes:
        return f"quartier inconnu : {code!r}"
    if kind not in KINDS:
        return f"type inconnu : {kind!r} (parmi {', '.join(KINDS)})"
    if not title or max(len(title), len(source)) > LONGEST:
        return f"un titre, et {LONGEST} caractères au plus"
    match = _DAY.fullmatch(written)
    try:
        if match is None:
            raise ValueError(written)
        first = date(int(match[1]), int(match[2] or 1), int(match[3] or 1))
    except ValueError:
        return f"date illisible : {written!r} (formes : 2024-05-17, 2024-05, 2024)"
    words = day(first) if match[3] else f"{MOIS[first.month - 1]} {first.year}" if match[2] else match[1]
    return Event(code, first, words, KINDS[kind], title, source)
