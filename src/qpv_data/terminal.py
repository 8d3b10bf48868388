"""What a person sees in the terminal: progress while it runs, then the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from qpv_data.certificate import attack_said
from qpv_data.exports.folder import AVERTISSEMENTS
from qpv_data.pipeline import Progress, RunReport, Watcher
from qpv_data.problems import listed
from qpv_data.releases.layout import CERTIFICATE
from qpv_data.runs import Configuration

_STATUTS = {"perimee": "périmée", "refusee": "refusée", "manquante": "manquante", "detruite": "détruite"}


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
        "ecartes": [asdict(left) for left in report.ecartes],
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
            text = f"  ! {where} {label} : {reception.message}"
            console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
        for warning in reception.avertissements:
            text = f"  ! {reception.jeu} {reception.periode or ''} : {warning}"
            console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
    for placed in report.places:
        if placed.erreur is not None:
            console.print(f"  ! {placed.erreur}", style="yellow", markup=False, highlight=False)
    _tell_left_out(console, report)
    repaired = len(report.zonages.reparations)
    if repaired or report.zonages.degenerees:
        lost = len(report.zonages.degenerees)
        console.print(f"  contours : {repaired} réparés, {lost} effondrés (zonages/rapport.json)", highlight=False)
    console.print()
    if (view := _overview(report)) is not None:
        table, legend = view
        console.print(table)
        for line in [*legend, "░░░  valeur protégée    ·  sans valeur"]:
            console.print(f"  {line}", markup=False, highlight=False)
    release = report.release
    state = "" if release.nouvelle else " (inchangée)"
    headline = f"\nPublication {release.id}{state} : {_french(release.lignes)} valeurs"
    console.print(headline, style="bold", highlight=False)
    console.print(f"  base      {release.base}", soft_wrap=True, highlight=False)
    console.print(f"  Parquet   {release.dossier}", soft_wrap=True, highlight=False)
    console.print(f"  rejets    {cfg.folder('rejets')}", soft_wrap=True, highlight=False)
    console.print(f"  certificat {release.complet / CERTIFICATE}", soft_wrap=True, highlight=False)
    console.print(f"  {attack_said(release.complet)} {AVERTISSEMENTS[cfg.diffusion.value]}", highlight=False)


def show_site(page: Path, quarters: int) -> None:
    """Where the pages are that anyone may read."""
    console = Console()
    console.print(
        f"\nSite : {quarters} quartiers, à ouvrir dans un navigateur, sans serveur", style="bold", highlight=False
    )
    console.print(f"  {page.as_uri()}", soft_wrap=True, highlight=False)


def _tell_left_out(console: Console, report: RunReport) -> None:
    """What the audience or the purpose left out: each refused feed, and how many indicators."""
    for left in report.ecartes:
        if left.indicateur is None:
            console.print(f"  ! {left.jeu} refusé : {left.message}", style="yellow", markup=False, highlight=False)
    indicators = [left.indicateur for left in report.ecartes if left.indicateur]
    if indicators:
        text = f"  {len(indicators)} indicateurs laissés de côté pour cette diffusion : {listed(indicators, 5)}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _feeds(report: RunReport) -> Table:
    table = _table("Chaque ligne reçue est conforme ou rejetée, chaque lieu connu ou dit inconnu")
    table.add_column("jeu", no_wrap=True, overflow="ellipsis", max_width=21)
    for name in ("livrées", "reçues", "conformes", "rejetées", "en QPV", "dehors", "inconnu"):
        table.add_column(name, justify="right", no_wrap=True, min_width=len(name))
    places = {p.jeu: p for p in report.places}
    for feed in sorted({r.jeu for r in report.receptions}, key=lambda f: (f not in places, f)):
        own = [r for r in report.receptions if r.jeu == feed]
        rejected = sum(sum(r.rejetees.values()) for r in own)
        rows = [sum(r.recues for r in own), sum(r.conformes for r in own), rejected]
        counts = [_place_counts(p.zonages) for p in places[feed].localisations] if feed in places else []
        where = [_french(sum(c[i] for c in counts)) if counts else "" for i in range(3)]
        usable = f"{sum(r.usable for r in own)}/{len(own)}"
        table.add_row(feed, usable, *(_french(n) for n in rows), *where)
    return table


def _table(title: str) -> Table:
    """A table that fits in 80 columns, whatever the counts: one space between columns."""
    return Table(title=title, title_justify="left", box=SIMPLE, padding=0, pad_edge=False)


def _place_counts(zonings: Mapping[str, tuple[int, int, int]]) -> tuple[int, int, int]:
    """Counts of the record itself (key ""), which every located delivery has."""
    return zonings[""]


_LATEST = "(SELECT max(zonage) FROM zones WHERE famille = 'qpv')"


def _overview(report: RunReport) -> tuple[Table, list[str]] | None:
    """The latest generation's quarters, an indicator a theme, with their legend."""
    with duckdb.connect(str(report.release.base), read_only=True) as con:
        chosen = con.execute(
            "SELECT indicateur, any_value(titre), any_value(unite), max(periode) FROM quartiers"
            f" WHERE modalite = 'ensemble' AND zonage = {_LATEST} AND valeur IS NOT NULL GROUP BY indicateur, theme"
            " QUALIFY row_number() OVER (PARTITION BY theme ORDER BY count(DISTINCT valeur) DESC, indicateur) = 1"
            " ORDER BY theme LIMIT 5"
        ).fetchall()
        if not chosen:
            return None
        table = _table("Quartiers de la dernière génération (extrait)")
        table.add_column("code", no_wrap=True, min_width=8)
        table.add_column("quartier", no_wrap=True, overflow="ellipsis", max_width=22)
        legend = []
        for letter, (_, title, unit, period) in zip("ABCDE", chosen, strict=False):
            table.add_column(letter, justify="right", no_wrap=True, min_width=8)
            legend.append(f"{letter}  {title}, {period} ({unit})")
        for row in _lines(con, [(c[0], c[3]) for c in chosen]):
            table.add_row(*row)
    return table, legend


def _lines(con: duckdb.DuckDBPyConnection, chosen: Sequence[tuple[str, str]]) -> Iterator[list[str]]:
    zones = con.execute(
        f"SELECT code_zone, any_value(quartier), count(valeur) AS n FROM quartiers WHERE zonage = {_LATEST}"
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
            cells.append(_french(value) if value is not None else "░░░" if status == "secret" else "·")
        yield cells


def _french(value: float) -> str:
    text = f"{value:,.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else f"{value:,}"
    return text.replace(",", "\u202f").replace(".", ",")


def show_indicators(rows: Sequence[dict[str, Any]]) -> None:
    """The dictionary in short."""
    table = Table()
    for name in ("indicateur", "titre", "unité", "nature", "fréquence", "diffusion"):
        table.add_column(name)
    for r in rows:
        table.add_row(r["indicateur"], r["titre"], r["unite"], r["nature"], r["frequence"], r["diffusion"])
    Console().print(table)
