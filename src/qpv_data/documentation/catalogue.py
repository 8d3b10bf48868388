"""docs/catalogue.md: the feeds that ship, theme by theme, from their clauses alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from qpv_data import tables
from qpv_data.clause.check import checked_clauses
from qpv_data.clause.load import LoadedClause
from qpv_data.clause.model import (
    Clause,
    ClauseJeu,
    ClauseZonage,
    Indicateur,
    LocalisationAdresse,
    LocalisationCode,
    Secret,
)
from qpv_data.clause.secrecy import other_units, rule_of
from qpv_data.resources import referentials_dir

_HEAD = """# Le catalogue des jeux

<!-- Page écrite par `python -m qpv_data.documentation catalogue` : modifier les clauses de referentiels/clauses/. -->

Chaque jeu est déclaré par une clause de `referentiels/clauses/`, et cette page en est tirée. Ce qui n'est pas établi
est marqué dans la clause (`a_confirmer`), rappelé ici et par `qpv-data check` : rien n'est inventé sans le dire. Une
adresse à confirmer est celle que la chaîne appellerait ; celles de `depot.contrat-de-ville.example` tiennent la place
du dépôt d'un partenaire. Pour en ajouter un : [ajouter-un-jeu.md](ajouter-un-jeu.md) ; sens de chaque clé :
[clause.md](clause.md).
"""
_THEMES = {  # an identifier has no accent
    "demographie": "Démographie",
    "economie": "Économie",
    "education": "Éducation",
    "equipements": "Équipements",
    "mobilite": "Mobilité",
    "referentiel": "Référentiel",
    "sante": "Santé",
    "securite": "Sécurité",
}
_CATEGORIES = {
    "public": "public",
    "delegataire": "délégataire de service public",
    "bailleur": "bailleur",
    "prive_interet_general": "privé d'intérêt général",
    "association": "association",
}
_PRINCIPES = {
    "donnees_publiques": "données publiques",
    "donnees_interet_general": "données privées d'intérêt général",
}
_SOURCES = {
    "http": "fichier en HTTP",
    "opendatasoft": "portail Opendatasoft",
    "datagouv": "data.gouv.fr, par jeu et titre",
    "dido": "DiDo",
    "wfs": "WFS",
    "gbfs": "GBFS",
    "depot": "dépôt",
}


def catalogue_page() -> str:
    """The page, in Markdown: sorted by theme, then by id."""
    loaded = sorted(checked_clauses(referentials_dir() / "clauses").chargees, key=_place)
    parts = [_HEAD, _counts([c.clause for c in loaded])]
    for theme, group in groupby(loaded, key=lambda c: c.clause.theme):
        parts.append(f"## {_title(theme)}\n")
        parts += [_feed(c) for c in group]
    return "\n".join(parts)


def _place(loaded: LoadedClause) -> tuple[str, str]:
    return loaded.clause.theme, loaded.clause.id


def _title(theme: str) -> str:
    return _THEMES.get(theme, theme.replace("_", " ").capitalize())


def _counts(clauses: list[Clause]) -> str:
    feeds = [c for c in clauses if isinstance(c, ClauseJeu)]
    indicators = sum(len(c.indicateurs) for c in feeds)
    lines = [
        f"{len(feeds)} jeux, {len(clauses) - len(feeds)} référentiels de zones et {indicators} indicateurs.\n",
        "| Thème | Jeux | Indicateurs |",
        "|---|---|---|",
    ]
    for theme, group in groupby(clauses, key=lambda c: c.theme):
        own = [c for c in group if isinstance(c, ClauseJeu)]
        listed = ", ".join(f"`{c.id}`" for c in own) or "référentiels"
        lines.append(f"| {_title(theme)} | {listed} | {sum(len(c.indicateurs) for c in own)} |")
    return "\n".join(lines) + "\n"


def _feed(loaded: LoadedClause) -> str:
    clause = loaded.clause
    where = loaded.fichier.relative_to(referentials_dir().parent) if _within(loaded.fichier) else loaded.fichier.name
    said = {
        "Producteur": f"{clause.producteur.nom} ({_CATEGORIES[clause.producteur.categorie.value]})",
        "Principe": _PRINCIPES[clause.principe],
        "Source": f"{_SOURCES[clause.source.type]}, <{clause.source.adresse(clause.id)}>",
        "Périodicité": f"{clause.periodicite}, due {clause.echeance_jours} jours après la période",
        "Licence": clause.licence,
        "Géographie": _geography(clause),
        "Secret": _privacy(clause.secret),
        "Diffusion": clause.diffusion.value,
        "À confirmer": "; ".join(_unconfirmed(clause)).replace("; ", " ; ") or "rien",
    }
    lines = [f"### {clause.titre} (`{clause.id}`)\n"]
    lines += [f"- **{name}** : {text}" for name, text in said.items()]
    lines.append(f"- **Clause** : `{where}`, version {clause.version}")
    if isinstance(clause, ClauseJeu):
        lines += ["", "| Indicateur | Définition | Numérateur | Dénominateur | Unité | Secret | Réserve |"]
        lines += ["|---|---|---|---|---|---|---|", *(_indicator(clause, i) for i in clause.indicateurs)]
    return "\n".join(lines) + "\n"


def _within(path: Path) -> bool:
    return referentials_dir().parent in path.parents


def _geography(clause: Clause) -> str:
    scope = clause.couverture
    covered = "France" if scope.france else f"départements {', '.join(scope.departements)}"
    if scope.communes:
        covered = f"communes {', '.join(scope.communes)}"
    return f"{covered} ; livré à : {clause.granularite.livree} ; {_location(clause)}"


def _location(clause: Clause) -> str:
    if isinstance(clause, ClauseZonage):
        return f"zonage `{clause.zonage.id}` de {clause.zonage.millesime} ({clause.zonage.objet})"
    place = clause.localisation
    if isinstance(place, LocalisationCode):
        return f"situé par le code du zonage `{place.zonage}`"
    if isinstance(place, LocalisationAdresse):
        return f"situé par l'adresse ({place.geocodeur})"
    system = place.crs or f"système de chaque ligne (`{place.colonne_epsg}`)"
    unknown = f", lieu inconnu aux classes {', '.join(place.qualite.inconnu)}" if place.qualite else ""
    return f"situé par un point, {system}{unknown}"


def _privacy(secret: Secret) -> str:
    if secret.regime == "sans_objet":
        return f"sans objet : {secret.justification}"
    if secret.regime == "producteur":
        return f"celui du producteur : {secret.justification}"
    rule = rule_of(secret)
    assert rule is not None, "le régime `seuil` a une règle"
    dominance = f", aucun ne faisant plus de {100 * rule.dominance:g} %" if rule.dominance else ""
    others = "".join(f", {own.k} ({o.unite})" for o in other_units(secret) if (own := rule_of(o)) is not None)
    return f"{rule.k} unités au moins ({secret.unite}){others}{dominance} ; famille `{secret.famille}`"


def _unconfirmed(clause: Clause) -> Iterator[str]:
    """What is not established, under names that a reader knows."""
    keys = dict.fromkeys([*(["source"] if clause.source.a_confirmer else []), *clause.a_confirmer])
    for key in keys:
        head, _, rest = key.partition(".")
        number, _, field = rest.partition(".")
        if head == "colonnes" and number.isdecimal():
            yield f"`{field}` de la colonne `{clause.colonnes[int(number)].nom}`"
        elif head == "indicateurs" and number.isdecimal() and isinstance(clause, ClauseJeu):
            yield f"`{field}` de `{clause.indicateurs[int(number)].id}`"
        else:
            yield f"`{key}`"


def _indicator(clause: ClauseJeu, i: Indicateur) -> str:
    row = tables.indicator_row(clause, i)
    counted = i.numerateur or (f"valeurs distinctes de `{i.distinct}`" if i.distinct else "enregistrements")
    numerator = f"`{i.numerateur}`" if i.numerateur else counted
    if i.filtre:
        numerator += f" où `{i.filtre}`"
    ratio = i.nature in ("moyenne", "part", "taux")
    each = "enregistrements" if ratio else "—"
    denominator = each if row["denominateur"] in (None, "1") else f"`{row['denominateur']}`"
    unit = {"sans_objet": "aucune unité", "producteur": "celle du producteur"}.get(
        clause.secret.regime, f"{clause.secret.unite}, {row['seuil']} au moins"
    )
    definition = f"**{i.titre}.** {i.definition}"
    cells = [f"`{i.id}`", definition, numerator, denominator, i.unite, unit, (i.reserve or "—").strip()]
    return "| " + " | ".join(" ".join(c.split()).replace("|", "\\|") for c in cells) + " |"
