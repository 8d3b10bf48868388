"""Attack of published releases: the ledger that their readers hold, all of it together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from qpv_data.attaque.builder import Builder
from qpv_data.attaque.cells import read_rows
from qpv_data.attaque.families import attack_believed
from qpv_data.attaque.feeds import Feed, feeds
from qpv_data.attaque.findings import Finding, Kind, Report
from qpv_data.attaque.ledger import Ledger, Said, read_ledger
from qpv_data.attaque.measures import Fact, Place, facts, measured, protected, providers
from qpv_data.attaque.partners import Own, attack_as_partner, groups
from qpv_data.attaque.proofs import Proof, Term
from qpv_data.attaque.published import Release, exact
from qpv_data.attaque.refusal import RefusedInputError
from qpv_data.attaque.revisions import attack_revisions
from qpv_data.attaque.roots import expanded
from qpv_data.attaque.vintages import Cell, Vintage, vintages
from qpv_data.attaque.zeros import without_zeros


def attack_releases(
    folders: Sequence[Path],
    known: Sequence[Path] = (),
    partners: Sequence[Path] = (),
    zeros_published: bool | None = None,
    proofs: int = 20,
) -> Report:
    """Attack releases of one publisher, given from the oldest to the newest; those of several audiences are one ledger.

    `known`: figures published elsewhere. `partners`: what each partner holds of the same figures, which it subtracts;
    attacked one by one, then by pairs. Columns of both: `indicateur, modalite, zonage, code_zone, periode, valeur`.
    `zeros_published`: in place of what the manifests say. Folders may be drafts, anywhere: nothing is written or kept.
    """
    ledger = read_ledger(expanded(folders), zeros_published)
    last, count = ledger.releases[-1], len(ledger.releases)
    elsewhere = [fact for path in known for fact in _known(path, last, count)]
    holders = list(groups({path.stem: _known(path, last, count) for path in partners}))
    report = Report()
    for jeu in ledger.jeux():
        report.add(_attack_jeu(ledger, jeu, elsewhere, holders, proofs))
    return _sorted(report)


def attack_ledgers(ledgers: Sequence[Sequence[Path]]) -> list[Report]:
    """Attack what several audiences hold, each for itself. A feed of which two of them are told the same is attacked
    once."""
    faces: dict[str, Any] = {}
    done: list[tuple[Ledger, str, Said, Report]] = []
    reports = []
    for folders in ledgers:
        ledger, report = read_ledger(expanded(folders), None, faces), Report()
        zonings = [r.zoning for r in ledger.releases]
        for jeu in ledger.jeux():
            told = ledger.told(jeu)
            same = (
                r for other, j, t, r in done if j == jeu and t == told and zonings == [x.zoning for x in other.releases]
            )
            found = next(same, None)
            if found is None:
                found = _attack_jeu(ledger, jeu, [], [], proofs=20)
                done.append((ledger, jeu, told, found))
            report.add(found)
        reports.append(_sorted(report))
    return reports


def _attack_jeu(
    ledger: Ledger, jeu: str, elsewhere: Sequence[Fact], holders: Sequence[tuple[str, Own]], proofs: int
) -> Report:
    releases = ledger.feed(jeu)
    figures = [f for f in (*without_zeros(facts(releases), releases), *elsewhere) if f.measure.jeu == jeu]
    return _attack_feed(vintages(figures), releases, holders, proofs)


def _sorted(report: Report) -> Report:
    report.findings.sort(key=lambda f: (f.proof is None, list(Kind).index(f.kind), f.cell))
    return report


def _attack_feed(
    states: Sequence[Vintage],
    releases: Sequence[Release],
    holders: Sequence[tuple[str, Own]],
    proofs: int,
) -> Report:
    report = Report()
    for feed in feeds(states, releases):
        for builder in feed.builders:
            report.add(_attack_builder(builder, holders, proofs))
        report.findings += _elsewhere(feed, releases)
        for measure in feed.kinds:
            if measure.apart:
                said = f"{measure.apart} publie d'autres valeurs qu'un indicateur de même définition : attaqués à part"
                report.note(said, review=True)
    if len(releases) > 1:
        report.add(attack_revisions(states, releases))
    return report


def _attack_builder(builder: Builder, holders: Sequence[tuple[str, Own]], proofs: int) -> Report:
    """Drop what figures refute, then attack: the public first, then each holder of a part."""
    report, dropped = attack_believed(builder, proofs)
    said = {builder.names[cell]: reason for cell, reason in builder.reasons.items()}
    report.findings = [
        replace(f, method=said[f.cell]) if f.proof is None and f.cell in said else f for f in report.findings
    ]
    report.attacks.append("zonages liés et générations")
    seen = {f.cell for f in report.findings}
    for attacker, own in holders:
        report.add(attack_as_partner(builder, own, attacker, dropped, seen))
    return report


def _elsewhere(feed: Feed, releases: Sequence[Release]) -> list[Finding]:
    """Hidden by one row, published by another: of the same figure, or of both sides of a ratio."""
    found: list[Finding] = []
    for vintage in feed.vintages:
        for (measure, place), cell in sorted(vintage.cells.items(), key=lambda item: repr(item[0])):
            if cell.value is None or not cell.hidden:
                continue
            if not (cell.own or cell.hidden_by == cell.published_by) or _later(cell, releases):
                continue  # what it gives of the rest is in the equations
            name, value = feed.name(measure, place), Fraction(cell.value)
            where = f"par {releases[cell.source].name}"
            term = Term(Fraction(1), f"{cell.published_by} {where}", value)
            proof = Proof((term,), (), value, "=")
            hidden_in = releases[cell.hidden_in].name
            method = f"caché dans {hidden_in}, publié {where}"
            found.append(Finding(Kind.RECONSTITUEE, name, "secret", value, value, method, proof))
        found += _ratios(vintage, releases)
    return found


def _later(cell: Cell, releases: Sequence[Release]) -> bool:
    """Published since, or by others: the publisher's choice. Two audiences of one quarter are told at once."""
    if cell.source <= cell.hidden_in:
        return False
    if cell.source >= len(releases):
        return True
    first, second = releases[cell.hidden_in], releases[cell.source]
    return not (first.of and first.of == second.of and first.audience != second.audience)


def _ratios(vintage: Vintage, releases: Sequence[Release]) -> list[Finding]:
    """A hidden ratio whose numerator and denominator are both public."""
    found: dict[str, Finding] = {}
    for number in vintage.sources:
        if number < len(releases):
            for finding in _ratios_of(releases[number], vintage):
                found.setdefault(finding.cell, finding)
    return list(found.values())


def _ratios_of(release: Release, vintage: Vintage) -> list[Finding]:
    found = []
    for row in release.by_period.get(vintage.period, ()):
        described = release.catalogue[row.indicator]
        if row.diffusion != "secret" or described["jeu"] != vintage.jeu:
            continue
        both = providers(described)
        if not protected(described) or len(both) < 2 or described["nature"] == "moyenne":
            continue
        axis = release.axes.get((row.indicator, row.modality)) or ""
        place = Place(axis, row.modality if axis else "", row.zoning, row.zone, row.period)
        family = release.zoning.family.get(row.zoning)
        cells = [vintage.cells.get((measured(measure, described, family), place)) for measure, _ in both]
        values = [c.value for c in cells if c is not None and c.value is not None]
        if len(values) == 2 and values[1]:
            terms = tuple(
                Term(Fraction(1), f"{side} publié par {c.published_by}", Fraction(c.value))
                for side, c in zip(("numérateur", "dénominateur"), cells, strict=True)
                if isinstance(c, Cell) and c.value is not None
            )
            value = Fraction(values[0]) / values[1]
            name = f"{row.indicator} {row.zoning} {row.zone} {row.period}"
            proof = Proof(terms, (), value, "donnent le rapport")
            found.append(Finding(Kind.RECONSTITUEE, name, "secret", value, value, "rapport recalculé", proof))
    return found


def _known(path: Path, release: Release, number: int) -> list[Fact]:
    """Figures published elsewhere, as facts of a release after the last."""
    table = read_rows(path)
    needed = ["indicateur", "modalite", "zonage", "code_zone", "periode", "valeur"]
    if missing := [c for c in needed if c not in table.column_names]:
        message = f"il manque {', '.join(missing)}"
        raise RefusedInputError(path.name, "colonne_inconnue", message, "mêmes colonnes que valeurs")
    found = []
    for row in table.select(needed).to_pylist():
        described = release.catalogue.get(row["indicateur"])
        if described is None:
            message = f"indicateur {row['indicateur']} absent de la publication"
            raise RefusedInputError(path.name, "reference_inconnue", message, "reprendre les noms du catalogue")
        measure = providers(described)[0][0] if providers(described) else None
        if measure is None or row["valeur"] is None:
            continue
        axis = release.axes.get((row["indicateur"], row["modalite"])) or ""
        place = Place(axis, row["modalite"] if axis else "", row["zonage"], row["code_zone"], row["periode"])
        value = exact(float(row["valeur"]))
        at = measured(measure, described, release.zoning.family.get(row["zonage"]))
        found.append(Fact(at, place, value, False, False, False, False, row["indicateur"], number))
    return found
