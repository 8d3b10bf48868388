"""`qpv-data doctor`: what would keep a run from working here, each with its remedy."""

from __future__ import annotations

import json
import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qpv_data.commands.reglages import Clauses, Miroir

if TYPE_CHECKING:
    from qpv_data.clause.model import Clause
    from qpv_data.operations.check import Check

_FOUND = 1


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(doctor)
    app.command()(sonder)


Out = Annotated[Path, typer.Option("--out", help="Dossier de l'exécution.")]
AsJson = Annotated[bool, typer.Option("--json", help="Répondre en JSON.")]


def doctor(
    out: Out,
    clauses: Clauses = None,
    miroir: Miroir = None,
    hors_ligne: Annotated[bool, typer.Option("--hors-ligne", help="Ne rien demander au réseau.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="N'afficher que ce qui ne va pas.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ce qui empêcherait une exécution ici, et le remède : versions, disque, droits, sources, heure, Prefect.

    Code de sortie 1 s'il y a une erreur ; une attention n'en est pas une.
    """
    from qpv_data.operations.check import Etat
    from qpv_data.refusals import errors_told
    from qpv_data.surroundings import now

    with errors_told():
        found = list(_checks(out.resolve(), clauses, miroir, hors_ligne, now()))
    if as_json:
        typer.echo(json.dumps([asdict(c) for c in found], ensure_ascii=False, indent=1))
    else:
        _show(found, quiet)
    if any(c.etat is Etat.ERREUR for c in found):
        raise typer.Exit(_FOUND)


def sonder(out: Out, clauses: Clauses = None, miroir: Miroir = None, as_json: AsJson = False) -> None:
    """Demander à chaque source si elle répond, sans rien télécharger, et le noter pour la disponibilité."""
    from qpv_data.clause.check import checked_clauses
    from qpv_data.configure import clauses_of
    from qpv_data.operations.probing import note_probes, probe_all
    from qpv_data.refusals import errors_told
    from qpv_data.sources.mirror import mirrored
    from qpv_data.surroundings import now

    with errors_told(), mirrored(miroir.resolve() if miroir else None) as reach:
        folder = out.resolve()
        loaded = checked_clauses(clauses_of(folder, clauses), now().date())
        found = probe_all([c.clause for c in loaded.chargees], now().date(), reach)
        note_probes(folder / "journal", found, now())
    if as_json:
        typer.echo(json.dumps([asdict(p) for p in found], ensure_ascii=False, indent=1, default=str))
        return
    for p in found:
        if p.probleme is not None:
            typer.echo(f"  ! {p.jeu} {p.periode or ''} : {p.probleme.value} : {p.message} → {p.remede}")
    down = sum(p.probleme is not None for p in found)
    rest = f"{down} ne répond{'ent' * (down > 1)} pas" if down else "toutes répondent"
    typer.echo(f"{len(found)} sources sondées : {rest}.")


def _checks(out: Path, clauses: Path | None, miroir: Path | None, offline: bool, now: datetime) -> Iterator[Check]:
    from qpv_data.clause.check import checked_clauses
    from qpv_data.configure import clauses_of
    from qpv_data.operations.check import ok
    from qpv_data.operations.host_checks import host_checks
    from qpv_data.operations.lake_checks import declarations, lake_checks, notifications
    from qpv_data.operations.source_checks import secrets, source_checks
    from qpv_data.problems import InvalidDeclarationError
    from qpv_data.sources.mirror import mirrored

    yield from host_checks(out, os.environ)
    folder, known = clauses_of(out, clauses), list["Clause"]()
    try:
        known += [c.clause for c in checked_clauses(folder, now.date()).chargees]
        yield ok("clauses", f"{len(known)} clauses, {folder}")
    except InvalidDeclarationError as e:
        yield declarations("clauses", e, f"corriger ; qpv-data check {shlex.quote(str(folder))} les dit toutes")
    try:
        yield notifications(folder)
    except InvalidDeclarationError as e:
        yield declarations("notifications", e, "corriger exploitation.yml")
    yield from lake_checks(out, known, now, os.environ)
    if offline:
        yield from secrets(known, os.environ)
        yield ok("sources", "pas demandées (--hors-ligne)")
        return
    try:
        with mirrored(miroir.resolve() if miroir else None) as reach:
            yield from source_checks(known, now, reach)
    except InvalidDeclarationError as e:
        yield declarations("sources", e, "donner à --miroir un dossier, ou une table url;fichier")


def _show(found: Sequence[Check], quiet: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    from qpv_data.operations.check import Etat

    console = Console()
    styles = {Etat.OK: "green", Etat.ATTENTION: "yellow", Etat.ERREUR: "bold red"}
    width = min(26, max((len(c.sujet) for c in found), default=0))
    for check in found:
        if quiet and check.etat is Etat.OK:
            continue
        line = Text.assemble((f"{check.etat.value:9} ", styles[check.etat]), f"{check.sujet:{width}}  {check.constat}")
        console.print(line, soft_wrap=True)
        if check.remede:
            console.print(Text(f"{'':10}{'':{width}}  → {check.remede}"), soft_wrap=True)
    counts = Counter(c.etat for c in found)
    bad = counts[Etat.ERREUR]
    if not quiet or bad:
        console.print(Text(f"{counts[Etat.OK]} ok, {counts[Etat.ATTENTION]} attention, {bad} erreur{'s' * (bad > 1)}."))
