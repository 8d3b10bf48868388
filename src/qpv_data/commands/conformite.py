"""`qpv-data conformite`: what each clause promised and what came of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qpv_data.commands.reglages import Clauses

if TYPE_CHECKING:
    from qpv_data.clause.model import Clause
    from qpv_data.compliance.availability import Availability
    from qpv_data.compliance.journal import Attempt, Probe
    from qpv_data.compliance.states import Line

_WINDOW_DAYS = 30


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(conformite)


def conformite(
    out: Annotated[Path, typer.Option("--out", help="Dossier de l'exécution.")],
    clauses: Clauses = None,
    jeu: Annotated[str | None, typer.Option(help="Une clause seulement, toutes ses périodes.")] = None,
    periode: Annotated[str | None, typer.Option(help="Une période seulement.")] = None,
    disponibilite: Annotated[
        bool, typer.Option("--disponibilite", help="Quand chaque ressource a répondu, au lieu des promesses.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Promesses des clauses : attendues, reçues, en retard, refusées, manquantes, et la qualité de ce qui est venu."""
    from qpv_data.clause.check import checked_clauses
    from qpv_data.configure import clauses_of
    from qpv_data.refusals import errors_told
    from qpv_data.surroundings import now

    with errors_told():
        checked = checked_clauses(clauses_of(out.resolve(), clauses), now().date())
        loaded = [c.clause for c in checked.chargees]
        if jeu is not None and jeu not in {c.id for c in loaded}:
            raise typer.BadParameter(f"aucune clause `{jeu}`", param_hint="--jeu")
        chosen = [c for c in loaded if jeu in (None, c.id)]
        if disponibilite:
            _availability(chosen, out, now(), as_json)
        else:
            _promises(chosen, out, now(), periode, jeu is not None, as_json)


def _promises(
    chosen: Sequence[Clause], out: Path, today: datetime, periode: str | None, every: bool, as_json: bool
) -> None:
    from qpv_data.compliance.states import compliance

    lines = [li for li in compliance(chosen, out / "journal", today) if periode in (None, li.periode)]
    if as_json:
        typer.echo(json.dumps([plain(asdict(li)) for li in lines], ensure_ascii=False, indent=1))
        return
    _show(lines if every or periode else _latest(lines), out, every or bool(periode))


def _latest(lines: Sequence[Line]) -> list[Line]:
    """The last promise of each clause that is due, and those before it that nothing usable came of."""
    from qpv_data.compliance.states import State

    shown: dict[str, Line] = {}
    failed: list[Line] = []
    for line in lines:
        before = shown.get(line.clause)
        if before is not None and line.etat is State.ATTENDUE and before.etat is not State.ATTENDUE:
            continue
        if before is not None and before.etat in (State.MANQUANTE, State.REFUSEE):
            failed.append(before)
        shown[line.clause] = line
    return sorted([*failed, *shown.values()], key=lambda li: (li.clause, li.periode or ""))


def _show(lines: Sequence[Line], out: Path, every: bool) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from qpv_data.compliance.page import in_french, share

    console = Console()
    title = "Promesses des clauses" + ("" if every else " : la dernière due, et celles qui manquent")
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=0, pad_edge=False)
    table.add_column("clause", no_wrap=True, overflow="ellipsis", max_width=17)
    for name, width in (("période", 7), ("due le", 8), ("état", 14)):
        table.add_column(name, no_wrap=True, min_width=width)
    for name, width in (("lignes", 6), ("retenu", 6), ("situé", 6), ("rempli", 6)):
        table.add_column(name, justify="right", no_wrap=True, min_width=width)
    for li in lines:
        kept = li.conformes / li.recues if li.recues and li.conformes is not None else None
        shares = (share(s) for s in (kept, li.localises, li.completude))
        due = li.echeance.strftime("%d/%m/%y") if li.echeance else "—"
        table.add_row(li.clause, li.periode or "", due, _told(li), in_french(li.recues), *shares)
    console.print(table)
    for li in lines:
        where = f"{li.clause} {li.periode or ''}".strip()
        if li.probleme:
            text = f"  ! {where} : {li.message or li.probleme}"
            console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
        for phrase in li.derive:
            console.print(f"  ~ {where} : {phrase}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"\n  rapports aux partenaires : {out / 'rapports'}", markup=False, highlight=False, soft_wrap=True)


def _told(line: Line) -> str:
    words = {"recue": "reçue", "en_retard": "retard", "refusee": "refusée", "anterieure": "antérieure"}
    return words.get(line.etat.value, line.etat.value) + (f" {line.retard_jours} j" if line.retard_jours else "")


def _availability(chosen: Sequence[Clause], out: Path, now: datetime, as_json: bool) -> None:
    from qpv_data.compliance.availability import availability
    from qpv_data.compliance.journal import read_journal

    journals = [read_journal(out / "journal", c.id) for c in chosen]
    tries: list[Attempt | Probe] = []
    for j in journals:
        tries += [*j.receptions, *j.sondes]
    found = availability(tries, now, _WINDOW_DAYS)
    if as_json:
        typer.echo(json.dumps([plain(asdict(r)) for r in found], ensure_ascii=False, indent=1))
    else:
        _show_resources(found)


def _show_resources(found: Sequence[Availability]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from qpv_data.compliance.page import day, share

    title = f"Ressources : part du temps connu des {_WINDOW_DAYS} derniers jours où elles répondent"
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("ressource", no_wrap=True, overflow="ellipsis", max_width=26)
    for name in ("répond", "essais", "échecs", "panne max"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    table.add_column("à présent", no_wrap=True)
    for r in found:
        last = r.histoire[-1]
        state = "répond" if last.disponible else f"{last.probleme} depuis le {day(last.de.date())}"
        longest = f"{r.plus_longue.days} j" if r.echecs else "—"
        table.add_row(f"{r.jeu} {r.periode or ''}", share(r.part), str(r.essais), str(r.echecs), longest, state)
    Console().print(table)


def plain(value: Any) -> Any:
    """Days, times, durations and paths as text, for JSON; a duration in seconds."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Path) else value
