"""What a person sees in the terminal: progress while it runs, then the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import duckdb
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from qpv_data.pipeline import Progress, RunReport, Watcher
from qpv_data.runs import Configuration

_STATUTS = {"perimee": "périmée", "refusee": "refusée", "manquante": "manquante"}


@contextmanager
def watching(quiet: bool) -> Iterator[Watcher]:
    """A progress bar a stage, on standard error; nothing when quiet."""
    if quiet:
        yield lambda _: None
        return
    columns = (TextColumn("{task.description:<13}"), BarColumn(30), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, TextColumn("{task.fields[jeu]}"), console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def watch(step: Progress) -> None:
            if step.etape not in tasks:
                tasks[step.etape] = bar.add_task(step.etape, total=step.total, jeu="")
            bar.update(tasks[step.etape], completed=step.fait, jeu=step.jeu if step.fait < step.total else step.detail)

        yield watch


def report_json(report: RunReport) -> dict[str, Any]:
    """The report of a run for a script. Counts are internal: they are not part of the release."""
    return {
        "publication": report.release.id,
        "nouvelle": report.release.nouvelle,
        "base": str(report.release.base),
        "dossier": str(report.release.dossier),
        "lignes": report.release.lignes,
        "jeux_absents": report.release.jeux_absents,
        "jeux_perimes": report.release.jeux_perimes,
        "receptions": [
            {k: v for k, v in asdict(r).items() if k not in ("conformed", "sha256")} for r in report.receptions
        ],
        "localisations": [asdict(part) for p in report.places for part in p.localisations],
        "erreurs": {p.jeu: str(p.erreur) for p in report.places if p.erreur is not None},
    }


def show_report(cfg: Configuration, report: RunReport) -> None:
    """Feeds with their sums, what failed, a view of the quarters, and where everything is."""
    console = Console()
    console.print()
    console.print(_feeds(report))
    for reception in report.receptions:
        if reception.probleme is not None:
            label = _STATUTS.get(reception.statut, reception.statut)
            where = f"{reception.jeu} {reception.periode or ''}".strip()
            console.print(f"  ! {where} {label} : {reception.message}", style="yellow", markup=False, highlight=False)
    for placed in report.places:
        if placed.erreur is not None:
            console.print(f"  ! {placed.erreur}", style="yellow", markup=False, highlight=False)
    repaired = len(report.zonages.reparations)
    if repaired or report.zonages.degenerees:
        lost = len(report.zonages.degenerees)
        console.print(f"  contours : {repaired} réparés, {lost} effondrés (zonages/rapport.json)", highlight=False)
    console.print()
    if (view := _overview(report)) is not None:
        console.print(view)
    release = report.release
    state = "" if release.nouvelle else " (inchangée)"
    rows = f"{release.lignes:,}".replace(",", "\u202f")
    console.print(f"\nPublication {release.id}{state} : {rows} valeurs", style="bold")
    console.print(f"  base      {release.base}", soft_wrap=True, highlight=False)
    console.print(f"  Parquet   {release.dossier}", soft_wrap=True, highlight=False)
    console.print(f"  rejets    {cfg.folder('rejets')}", soft_wrap=True, highlight=False)
    console.print("  Protection primaire : à réserver aux partenaires (voir manifest.json).", highlight=False)


def _feeds(report: RunReport) -> Table:
    table = Table(title="Chaque ligne reçue est conforme ou rejetée ; chaque lieu est dedans, dehors ou inconnu")
    table.add_column("jeu", no_wrap=True)
    for name in ("livraisons", "reçues", "conformes", "rejetées", "dans un QPV", "dehors", "inconnu"):
        table.add_column(name, justify="right")
    feeds = sorted({r.jeu for r in report.receptions})
    places = {p.jeu: p for p in report.places}
    for feed in feeds:
        own = [r for r in report.receptions if r.jeu == feed]
        rows = [sum(r.recues for r in own), sum(r.conformes for r in own)]
        rejected = sum(sum(r.rejetees.values()) for r in own)
        located = places[feed].localisations if feed in places else ()
        counts = [_place_counts(p.zonages) for p in located]
        where = [str(sum(c[i] for c in counts)) if counts else "" for i in range(3)]
        usable = f"{sum(r.usable for r in own)}/{len(own)}"
        table.add_row(feed, usable, str(rows[0]), str(rows[1]), str(rejected), *where)
    return table


def _place_counts(zonings: Any) -> tuple[int, int, int]:
    """Counts of the record itself (key ''), which every located delivery has."""
    answer: tuple[int, int, int] = zonings[""]
    return answer


def _overview(report: RunReport) -> Table | None:
    """The latest generation's quarters with a few series of the release."""
    with duckdb.connect(str(report.release.base), read_only=True) as con:
        chosen = con.execute(
            "SELECT indicateur, any_value(titre), max(periode) FROM quartiers WHERE modalite = 'ensemble'"
            " AND zonage = (SELECT max(zonage) FROM zones WHERE famille = 'qpv') AND valeur IS NOT NULL"
            " GROUP BY indicateur, theme QUALIFY row_number() OVER (PARTITION BY theme ORDER BY count(DISTINCT valeur)"
            " DESC, indicateur) = 1 ORDER BY theme LIMIT 5"
        ).fetchall()
        if not chosen:
            return None
        table = Table(title="Quartiers (dernière génération) — extrait ; ░ : valeur protégée, · : sans valeur")
        table.add_column("code", no_wrap=True)
        table.add_column("quartier")
        for _, title, period in chosen:
            table.add_column(f"{title}\n{period}", justify="right")
        for row in _lines(con, [(c[0], c[2]) for c in chosen]):
            table.add_row(*row)
    return table


def _lines(con: duckdb.DuckDBPyConnection, chosen: Sequence[tuple[str, str]]) -> Iterator[list[str]]:
    zones = con.execute(
        "SELECT code_zone, any_value(quartier), count(valeur) AS n FROM quartiers"
        " WHERE zonage = (SELECT max(zonage) FROM zones WHERE famille = 'qpv')"
        " GROUP BY code_zone ORDER BY n DESC, code_zone LIMIT 12"
    ).fetchall()
    for code, name, _ in sorted(zones):
        cells = [code, name or ""]
        for indicator, period in chosen:
            found = con.execute(
                "SELECT valeur, statut_diffusion FROM quartiers WHERE code_zone = ? AND indicateur = ? AND periode = ?"
                " AND modalite = 'ensemble'",
                [code, indicator, period],
            ).fetchone()
            value, status = found or (None, "diffusee")
            cells.append(_french(value) if value is not None else "░" if status == "secret" else "·")
        yield cells


def _french(value: float) -> str:
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return text.replace(",", "\u202f").replace(".", ",")


def show_indicators(rows: Sequence[dict[str, Any]]) -> None:
    """The dictionary in short."""
    table = Table()
    for name in ("indicateur", "titre", "unité", "nature", "fréquence", "diffusion"):
        table.add_column(name)
    for r in rows:
        table.add_row(r["indicateur"], r["titre"], r["unite"], r["nature"], r["frequence"], r["diffusion"])
    Console().print(table)
