"""Check a set of clauses offline, before any data is read: references, SQL, examples. All violations at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from qpv_data.addresses.clauses import address_violations, named_columns
from qpv_data.clause.conformation import conformation_fault
from qpv_data.clause.expressions import Attendu, check_expressions, literal, sandbox
from qpv_data.clause.load import Chemin, ClauseSet, LoadedClause, load_clauses
from qpv_data.clause.model import (
    Clause,
    ClauseJeu,
    ClauseZonage,
    Colonne,
    Diffusion,
    Exemple,
    Indicateur,
    Localisation,
    LocalisationAdresse,
    LocalisationCode,
    TypeColonne,
)
from qpv_data.clause.promises import personal_faults
from qpv_data.clause.source_check import source_violations
from qpv_data.conforming import conform_sql
from qpv_data.conforming_text import Tally, kept_columns, read_columns, ready_rows
from qpv_data.problems import InvalidDeclarationError, Problem, Rejet, Violation
from qpv_data.resources import sql_dir
from qpv_data.sources.rows import raw_schema

_WIDTH = list(Diffusion)
_DIVISORS = ("compte", "somme", "releve")


def checked_clauses(root: Path, jour: date | None = None) -> ClauseSet:
    """The clauses under `root`, in their version of `jour` (the latest without it).

    Raises InvalidDeclarationError with every violation of every file, other versions included.
    """
    clauses = load_clauses(root, jour)
    violations = [v for loaded in (*clauses.chargees, *clauses.autres) for v in _clause(loaded)]
    violations += [*_versions(clauses), *_across(clauses)]
    if violations:
        raise InvalidDeclarationError(violations)
    return clauses


def unconfirmed(clauses: ClauseSet) -> list[Violation]:
    """What the clauses mark as to be confirmed: listed by `check`, and no fault."""
    found = []
    for loaded in clauses.chargees:
        clause = loaded.clause
        keys = [*(["source"] if clause.source.a_confirmer else []), *clause.a_confirmer]
        for key in dict.fromkeys(keys):
            shown = f" : {clause.source.adresse(clause.id)}" if key.startswith("source") else ""
            message = f"{clause.id} : {key} à confirmer{shown}"
            remedy = "vérifier auprès du producteur, puis enlever la marque"
            found.append(loaded.violation(written_path(key), Problem.A_CONFIRMER, message, remedy))
    return found


def _clause(loaded: LoadedClause) -> Iterator[Violation]:
    yield from _promised(loaded)
    yield from _columns(loaded)
    yield from _references(loaded)
    yield from source_violations(loaded)
    expressions = list(_expressions(loaded))
    yield from expressions
    if not expressions:
        yield from _examples(loaded)


def _promised(loaded: LoadedClause) -> Iterator[Violation]:
    """What promises ask of each other, and the fields that are said to be unconfirmed."""
    clause = loaded.clause
    promises = {
        "hebergement": clause.hebergement,
        "destruction": clause.destruction,
        "securite": clause.securite,
        "gouvernance.dpo": clause.gouvernance.dpo,
    }
    for key, why in personal_faults(clause.donnees_personnelles, promises):
        path = tuple(key.split("."))
        yield loaded.violation(path, Problem.VALEUR_INVALIDE, f"{key} : {why}", "écrire la promesse")
    for i, key in enumerate(clause.a_confirmer):
        if written_path(key) not in loaded.lignes:
            message = f"clé à confirmer absente de la clause : {key}"
            remedy = "l'écrire comme dans le fichier, des points entre les clés"
            yield loaded.violation(("a_confirmer", i), Problem.REFERENCE_INCONNUE, message, remedy)


def written_path(key: str) -> Chemin:
    """`source.url`, `colonnes.2.source` → the path of a key in its file, items of a list from 0."""
    return tuple(int(part) if part.isdecimal() else part for part in key.split("."))


def _columns(loaded: LoadedClause) -> Iterator[Violation]:
    seen: set[str] = set()
    for i, column in enumerate(loaded.clause.colonnes):
        if column.nom in seen or column.nom.endswith("__statut") or column.nom.startswith("z_"):
            why = "déclarée deux fois" if column.nom in seen else "nom réservé (z_…, …__statut)"
            yield loaded.violation(("colonnes", i, "nom"), Problem.DOUBLON, f"colonne {column.nom} : {why}", "renommer")
        seen.add(column.nom)
    yield from _of_persons(loaded)
    exploded = [i for i, c in enumerate(loaded.clause.colonnes) if c.eclater]
    for i in exploded[1:]:
        message = "une seule colonne s'éclate : deux multiplieraient leurs valeurs entre elles"
        yield loaded.violation(("colonnes", i, "eclater"), Problem.VALEUR_INVALIDE, message, "n'en garder qu'une")


def _of_persons(loaded: LoadedClause) -> Iterator[Violation]:
    """A direct identifier, in clear or marked by a pseudonym, is a personal datum."""
    direct = [i for i, c in enumerate(loaded.clause.colonnes) if c.identifiant_direct]
    if direct and not loaded.clause.donnees_personnelles.presentes:
        message = "un identifiant direct est une donnée personnelle, même pseudonymisé"
        where: Chemin = ("donnees_personnelles", "presentes")
        yield loaded.violation(where, Problem.VALEUR_INVALIDE, message, "écrire `presentes: true`")


def _references(loaded: LoadedClause) -> Iterator[Violation]:
    clause = loaded.clause
    known = {c.nom for c in kept_columns(clause)}
    for path, name in _named_columns(loaded):
        if name not in known:
            direct = any(c.nom == name for c in clause.colonnes)
            why = f"{name} est un identifiant direct" if direct else f"colonne inconnue : {name}"
            remedy = (
                "un identifiant direct ne passe pas la conformation"
                if direct
                else "colonnes : " + ", ".join(sorted(known))
            )
            yield loaded.violation(path, Problem.COLONNE_INCONNUE, why, remedy)
    if isinstance(clause, ClauseJeu):
        if clause.conformation and (fault := conformation_fault(clause, sql_dir() / "conformer" / clause.conformation)):
            yield loaded.violation(("conformation",), *fault)
        if clause.par_periode and clause.periode.origine == "fixe":
            message = "une période fixe est livrée en une fois"
            yield loaded.violation(("source", "url"), Problem.VALEUR_INVALIDE, message, "enlever les {…}")
        if not clause.par_periode and clause.periode.origine == "livraison":
            message = "l'origine `livraison` demande {periode}, ou {annee} et {trimestre}, dans l'adresse"
            yield loaded.violation(("source", "url"), Problem.VALEUR_INVALIDE, message, "les ajouter")
        yield from _stricter(loaded, clause)
        yield from address_violations(loaded, clause)
    elif clause.source.par_periode:
        message = "un référentiel est livré en une fois"
        yield loaded.violation(("source", "url"), Problem.VALEUR_INVALIDE, message, "enlever les {…}")


def _named_columns(loaded: LoadedClause) -> Iterator[tuple[Chemin, str]]:
    clause = loaded.clause
    for i, name in enumerate(clause.cle.colonnes):
        yield ("cle", "colonnes", i), name
    if (totals := clause.cle.totaux) is not None:
        for key in ("sommes", "par"):
            yield from ((("cle", "totaux", key, i), name) for i, name in enumerate(getattr(totals, key)))
    named: list[tuple[Chemin, str | None]] = []
    if isinstance(clause, ClauseZonage):
        z = clause.zonage
        named += [(("zonage", key), getattr(z, key)) for key in ("code", "nom", "commune", "population")]
        named += [(("zonage", "communes", "colonne"), z.communes.colonne if z.communes else None)]
        named += [(("zonage", "epci", "colonne"), z.epci.colonne if z.epci else None)]
    else:
        named += [(("periode", "colonne"), clause.periode.colonne)]
        named += [(("secret", k), getattr(clause.secret, k)) for k in ("colonne_unite", "effectif", "contributeur")]
        place = clause.localisation
        if isinstance(place, LocalisationCode):
            named.append((("localisation", "colonne"), place.colonne))
        elif isinstance(place, LocalisationAdresse):
            named += named_columns(place)
        else:
            named += [(("localisation", k), getattr(place, k)) for k in ("x", "y", "colonne_epsg", "commune")]
            if (quality := place.qualite) is not None:
                keys = ("colonne", "colonne_erreur_m")
                named += [(("localisation", "qualite", k), getattr(quality, k)) for k in keys]
    yield from ((path, name) for path, name in named if name is not None)


def _stricter(loaded: LoadedClause, clause: ClauseJeu) -> Iterator[Violation]:
    quality = getattr(clause.localisation, "qualite", None)
    metres = quality.colonne_erreur_m if quality is not None else None
    if any(c.nom == metres and c.type not in (TypeColonne.NOMBRE, TypeColonne.ENTIER) for c in clause.colonnes):
        where = ("localisation", "qualite", "colonne_erreur_m")
        message = f"{metres} : une erreur en mètres est un nombre"
        yield loaded.violation(where, Problem.VALEUR_INVALIDE, message, "déclarer la colonne en `nombre`")
    for i, indicator in enumerate(clause.indicateurs):
        path: Chemin = ("indicateurs", i)
        if indicator.diffusion and _WIDTH.index(indicator.diffusion) < _WIDTH.index(clause.diffusion):
            message = f"{indicator.id} : diffusion plus large que celle de la clause"
            yield loaded.violation(
                (*path, "diffusion"), Problem.VALEUR_INVALIDE, message, f"au plus : {clause.diffusion.value}"
            )
        if indicator.seuil is not None and indicator.seuil < (clause.secret.seuil or 0):
            message = f"{indicator.id} : seuil moins strict que celui de la clause"
            yield loaded.violation(
                (*path, "seuil"), Problem.VALEUR_INVALIDE, message, f"au moins {clause.secret.seuil}"
            )
        if indicator.nature == "releve" and not isinstance(clause.localisation, LocalisationCode):
            message = f"{indicator.id} : un relevé vient d'un tableau par zone (`localisation.mode: code`)"
            yield loaded.violation((*path, "nature"), Problem.VALEUR_INVALIDE, message, "choisir une autre nature")
        yield from _open_places(loaded, clause, indicator, path)
        if indicator.largeur_limite_m is not None and isinstance(clause.localisation, LocalisationCode):
            message = f"{indicator.id} : la règle `deux_cotes` demande des points (`localisation.mode: point`)"
            yield loaded.violation((*path, "regle_limite"), Problem.VALEUR_INVALIDE, message, "choisir `strict`")


def _open_places(loaded: LoadedClause, clause: ClauseJeu, indicator: Indicateur, path: Chemin) -> Iterator[Violation]:
    """An extreme is one record's own value, and two radii around one zone leave a ring of few: neither is protected."""
    protected = clause.secret.regime != "sans_objet"
    if indicator.extreme and protected:
        message = f"{indicator.id} : une valeur extrême est celle d'un seul enregistrement"
        remedy = "choisir une somme ou une moyenne, ou `secret.regime: sans_objet`"
        yield loaded.violation((*path, "nature"), Problem.VALEUR_INVALIDE, message, remedy)
    if indicator.rayon_m is None:
        return
    if protected:
        message = f"{indicator.id} : la différence de deux rayons isole ceux de la couronne"
        remedy = "compter dans le quartier seul, ou `secret.regime: sans_objet`"
        yield loaded.violation((*path, "rayon_m"), Problem.VALEUR_INVALIDE, message, remedy)
    if isinstance(clause.localisation, LocalisationCode):
        message = f"{indicator.id} : un rayon demande des points (`localisation.mode: point`)"
        yield loaded.violation((*path, "rayon_m"), Problem.VALEUR_INVALIDE, message, "enlever `rayon_m`")


def _expressions(loaded: LoadedClause) -> Iterator[Violation]:
    clause = loaded.clause
    checks: list[tuple[Chemin, str | None, Attendu, bool]] = [
        (("colonnes", i, "transformation"), c.transformation, "quelconque", True) for i, c in enumerate(clause.colonnes)
    ]
    if clause.cle.totaux is not None:
        checks.append((("cle", "totaux", "lignes"), clause.cle.totaux.lignes, "booleen", False))
    checks += [
        (("controles", "lignes", i, "expression"), c.expression, "booleen", False)
        for i, c in enumerate(clause.controles.lignes)
    ]
    for i, indicator in enumerate(clause.indicateurs if isinstance(clause, ClauseJeu) else ()):
        at: Chemin = ("indicateurs", i)
        checks += [
            ((*at, "filtre"), indicator.filtre, "booleen", False),
            ((*at, "numerateur"), indicator.numerateur, "nombre", False),
            ((*at, "denominateur"), indicator.denominateur, "nombre", False),
            ((*at, "distinct"), indicator.distinct, "quelconque", False),
        ]
        if indicator.modalites:
            checks.append(((*at, "modalites", "expression"), indicator.modalites.expression, "quelconque", False))
    for on_text in (True, False):
        asked = [(path, sql, expected) for path, sql, expected, raw in checks if sql is not None and raw == on_text]
        yield from _asked(loaded, asked, None if on_text else clause.colonnes)
    yield from _on_texts(loaded)
    yield from _patterns(loaded)


def _asked(
    loaded: LoadedClause, asked: Sequence[tuple[Chemin, str, Attendu]], columns: Sequence[Colonne] | None
) -> Iterator[Violation]:
    faults = check_expressions([(sql, expected) for _, sql, expected in asked], columns)
    for (path, _, _), fault in zip(asked, faults, strict=True):
        if fault is not None:
            problem, message, remedy = fault
            where = ".".join(str(p) for p in path)
            yield loaded.violation(path, problem, f"{where} : {message}", remedy)


def _on_texts(loaded: LoadedClause) -> Iterator[Violation]:
    """Made columns and the conditions of corrections are over the texts received: every column received is one."""
    received = [c for c in loaded.clause.colonnes if c.calcul is None]
    texts = [c.model_copy(update={"type": TypeColonne.TEXTE}) for c in received]
    asked: list[tuple[Chemin, str, Attendu]] = []
    for i, column in enumerate(loaded.clause.colonnes):
        asked += [
            (("colonnes", i, "corrections", n, "quand"), correction.quand, "booleen")
            for n, correction in enumerate(column.corrections)
        ]
        if column.calcul is not None:
            asked.append((("colonnes", i, "calcul"), column.calcul, "quelconque"))
    yield from _asked(loaded, asked, texts)


def _patterns(loaded: LoadedClause) -> Iterator[Violation]:
    """DuckDB matches with RE2, which knows less than Python's `re`."""
    patterns: list[tuple[Chemin, str]] = [
        (("colonnes", i, "motif"), c.motif) for i, c in enumerate(loaded.clause.colonnes) if c.motif
    ]
    if isinstance(loaded.clause, ClauseZonage):
        patterns.append((("zonage", "motif_code"), loaded.clause.zonage.motif_code))
    with sandbox() as con:
        for path, pattern in patterns:
            try:
                con.execute(f"SELECT regexp_full_match('', {literal(pattern)})")
            except duckdb.Error as e:
                message = str(e).splitlines()[0]
                yield loaded.violation(path, Problem.VALEUR_INVALIDE, message, "écrire une expression régulière RE2")


def _examples(loaded: LoadedClause) -> Iterator[Violation]:
    tried: list[tuple[int, Exemple]] = []
    for i, example in enumerate(loaded.clause.exemples):
        path: Chemin = ("exemples", i)
        read = [c for c in loaded.clause.colonnes if c.calcul is None]
        known = {s for c in read for s in (*c.source, *(c.note.source if c.note else ()))}
        unknown = sorted(set(example.entree) - known)
        if unknown:
            message = f"champs que la clause ne lit pas : {', '.join(unknown)}"
            yield loaded.violation((*path, "entree"), Problem.EXEMPLE_FAUX, message, "corriger `entree`")
            continue
        if example.rejet is not None and example.rejet not in list(Rejet):
            yield loaded.violation(
                (*path, "rejet"), Problem.EXEMPLE_FAUX, f"motif inconnu : {example.rejet}",
                "motifs : " + ", ".join(r.value for r in Rejet),
            )  # fmt: skip
            continue
        tried.append((i, example))
    if tried:
        for (i, example), found in zip(tried, _conformed(loaded.clause, [e for _, e in tried]), strict=True):
            if fault := _example_fault(example, found):
                yield loaded.violation(("exemples", i), Problem.EXEMPLE_FAUX, fault, "corriger l'exemple, ou la clause")


def _conformed(clause: Clause, examples: Sequence[Exemple]) -> list[dict[str, Any]]:
    """What each example becomes, alone in its delivery: no key of one repeats another's. The first row of each."""
    columns = read_columns(clause)
    periode = clause.periode.debut if isinstance(clause, ClauseJeu) and clause.par_periode else None
    sql = conform_sql(clause, periode, geometry=False)
    n = len(examples)
    texts = [[next((e.entree[s] for s in c.source if s in e.entree), None) for e in examples] for c in columns]
    rows = pa.record_batch(
        [pa.array(range(n), pa.int64()), pa.nulls(n, pa.string()), *(pa.array(t, pa.string()) for t in texts)],
        schema=raw_schema(columns, geometry=False),
    )
    # No example tells a pseudonym: any key will do.
    brut = pa.Table.from_batches(ready_rows([rows], clause, bytes(32), Tally(), geometry=False))
    with sandbox() as con:
        con.register("brut", brut)
        for macro in sql.macros:
            con.execute(macro)
        con.execute(f"CREATE TEMP TABLE juges AS {sql.typed}")
        con.execute(f"SET VARIABLE doubles = bitstring('0', {brut.num_rows})")
        found = con.execute(f"SELECT * FROM ({sql.verdicts}) ORDER BY _rang DESC").to_arrow_table().to_pylist()
    by_line = {row["_ligne"]: row for row in found}
    return [by_line[i] for i in range(n)]


def _example_fault(example: Exemple, found: Mapping[str, Any]) -> str | None:
    if found["_motif"] is not None and example.rejet is None:
        return f"rejeté ({found['_motif']}, colonne {found['_colonne']}), alors qu'il devait être accepté"
    if example.rejet is not None:
        return None if found["_motif"] == example.rejet else f"rejet attendu {example.rejet}, obtenu {found['_motif']}"
    wrong = [
        f"{name} : attendu {value!r}, obtenu {found.get(name)!r}"
        for name, value in (example.attendu or {}).items()
        if name not in found or _plain(found[name]) != _plain(value)
    ]
    return " ; ".join(wrong) or None


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _versions(clauses: ClauseSet) -> Iterator[Violation]:
    """Versions of one clause have their own number, and are never in force on the same day."""
    every = sorted((*clauses.chargees, *clauses.autres), key=lambda c: (c.clause.id, c.clause.duree.debut))
    for before, after in pairwise(every):
        one, other = before.clause, after.clause
        if one.id != other.id:
            continue
        if one.version == other.version:
            message = f"clause {one.id} {one.version} déjà déclarée dans {before.fichier.name}"
            yield after.violation(
                ("version",), Problem.DOUBLON, message, "choisir un autre identifiant, ou une version"
            )
        elif other.duree.debut <= one.duree.dernier_jour:
            message = f"la version {one.version} de {one.id} vaut encore le {other.duree.debut} ({before.fichier.name})"
            remedy = "mettre fin à la précédente la veille (`duree.fin`)"
            yield after.violation(("duree", "debut"), Problem.DOUBLON, message, remedy)


def _across(clauses: ClauseSet) -> Iterator[Violation]:
    indicators = [
        (c, ("indicateurs", i, "id"), indicator.id)
        for c in clauses.chargees
        if isinstance(c.clause, ClauseJeu)
        for i, indicator in enumerate(c.clause.indicateurs)
    ]
    yield from _repeated(indicators, "indicateur")
    zonings = {z.zonage.id for z in clauses.zonages}
    vintages = {(z.zonage.id, z.zonage.millesime) for z in clauses.zonages}
    families = {z.zonage.id: z.zonage.famille for z in clauses.zonages}
    divisors = {i.id: i.nature for _, i in clauses.indicateurs()}
    for loaded in clauses.chargees:
        if not isinstance(loaded.clause, ClauseJeu):
            continue
        place = loaded.clause.localisation
        if isinstance(place, LocalisationCode) and place.zonage not in zonings:
            yield loaded.violation(
                ("localisation", "zonage"), Problem.REFERENCE_INCONNUE, f"zonage inconnu : {place.zonage}",
                f"zonages déclarés : {', '.join(sorted(zonings)) or 'aucun'}",
            )  # fmt: skip
        elif isinstance(place, LocalisationCode) and not _of_its_year(place, vintages):
            known = ", ".join(sorted(year for name, year in vintages if name == place.zonage))
            message = f"le zonage {place.zonage} est du millésime {known}, et non {place.millesime}"
            remedy = "déclarer le référentiel de ce millésime, ou convertir les codes"
            yield loaded.violation(("localisation", "millesime"), Problem.MILLESIME_INATTENDU, message, remedy)
        yield from _quarters(loaded, place, families)
        for i, indicator in enumerate(loaded.clause.indicateurs):
            for name in indicator.par:
                nature = divisors.get(name)
                if nature in _DIVISORS:
                    continue
                why = "inconnu" if nature is None else f"est de nature {nature}"
                yield loaded.violation(
                    ("indicateurs", i, "par"), Problem.REFERENCE_INCONNUE, f"dénominateur {name} {why}",
                    "nommer un indicateur de nature compte, somme ou releve",
                )  # fmt: skip


def _quarters(loaded: LoadedClause, place: Localisation, families: Mapping[str, str]) -> Iterator[Violation]:
    """How communes say quarters: from communes, to a zoning of quarters."""
    if not isinstance(place, LocalisationCode) or place.quartiers is None:
        return
    where, named = ("localisation", "quartiers"), place.quartiers.zonage
    if place.zonage != "commune":
        message = f"`quartiers` se lit des communes, et ces codes sont du zonage {place.zonage}"
        yield loaded.violation(where, Problem.VALEUR_INVALIDE, message, "enlever `quartiers`")
    known = ", ".join(sorted(z for z, family in families.items() if family == "qpv")) or "aucun"
    remedy = f"zonages de quartiers déclarés : {known}"
    if named not in families:
        yield loaded.violation((*where, "zonage"), Problem.REFERENCE_INCONNUE, f"zonage inconnu : {named}", remedy)
    elif families[named] != "qpv":
        message = f"{named} est de famille {families[named]}, et non qpv"
        yield loaded.violation((*where, "zonage"), Problem.VALEUR_INVALIDE, message, remedy)


def _of_its_year(place: LocalisationCode, vintages: set[tuple[str, str]]) -> bool:
    return place.millesime is None or (place.zonage, place.millesime) in vintages


def _repeated(items: Iterable[tuple[LoadedClause, Chemin, str]], what: str) -> Iterator[Violation]:
    first: dict[str, LoadedClause] = {}
    for loaded, path, name in items:
        if name in first:
            message = f"{what} {name} déjà déclaré dans {first[name].fichier.name}"
            yield loaded.violation(path, Problem.DOUBLON, message, "choisir un autre identifiant")
        first.setdefault(name, loaded)
