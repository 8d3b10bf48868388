"""`qpv-data explain`: one number, in plain words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

_STATUTS = {
    "secret": "non diffusée : le secret la protège, ou protège ce qu'elle permettrait de retrouver",
    "masque_producteur": "masquée par son producteur",
    "embargo": "sous embargo",
}
_OBSERVATIONS = {
    "non_livree": "non livrée",
    "non_significative": "non significative",
    "sans_objet": "sans objet ici",
}
_ROLES = {"source": "source", "denominateur": "dénominateur", "perimetre": "périmètres"}
_QUALITES = {
    "A": "A, position exacte ou code du producteur",
    "B": "B, position dont la qualité est déclarée, ou adresse géocodée",
    "C": "C, estimation",
}
_NATURES = {
    "apparue": "apparue dans cette publication",
    "modifiee": "corrigée dans cette publication",
    "cachee": "diffusée avant, elle ne l'est plus",
    "montree": "cachée avant, elle est diffusée",
    "statut": "son statut a changé",
    "qualite": "sa classe de qualité a changé",
}
_CAUSES = {
    "version_de_clause": "la clause a changé",
    "nouvelle_livraison": "de nouvelles livraisons",
    "logiciel": "un autre calcul",
    "secret": "la protection d'autres chiffres",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(explain)


def explain(
    publication: Annotated[Path, typer.Argument(help="Dossier d'une publication, ou d'une de ses audiences.")],
    zone: Annotated[str, typer.Option(help="Code de la zone, par exemple QN03105M.")],
    indicateur: Annotated[str, typer.Option(help="Identifiant de l'indicateur.")],
    periode: Annotated[str, typer.Option(help="Période, par exemple 2024-T3 ou 2024.")],
    modalite: Annotated[str, typer.Option(help="Modalité.")] = "ensemble",
    zonage: Annotated[str | None, typer.Option(help="Zonage, si le code est celui de plusieurs.")] = None,
    audience: Annotated[
        str | None, typer.Option(help="ouvert, partenaires ou interne. Défaut : la plus étroite.")
    ] = None,
    interne: Annotated[
        Path | None,
        typer.Option(
            help="Dossier de l'exécution : dire aussi ce que son responsable seul peut voir. À ne pas diffuser."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Répondre en JSON.")] = False,
) -> None:
    """Expliquer un chiffre : définition, clause, livraisons, règle de secret, qualité, changements, SQL."""
    from qpv_data.refusals import errors_told
    from qpv_data.releases.explain import explain as explained
    from qpv_data.releases.explain import internal
    from qpv_data.releases.listing import part_of

    with errors_told():
        found = explained(part_of(publication, audience), zone, indicateur, periode, modalite, zonage)
        if interne is not None:
            found = [{**one, "interne": internal(interne, one)} for one in found]
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1, default=str))
        return
    typer.echo("\n\n".join("\n".join(_lines(document)) for document in found))


def _lines(told: dict[str, Any]) -> Iterator[str]:
    value, what, clause = told["valeur"], told["indicateur"], told["clause"]
    modality = "" if value["modalite"] == "ensemble" else f", {value['modalite']}"
    yield f"{what['titre']}{modality}"
    yield f"{told['zone'] or value['code_zone']} ({value['zonage']} {value['code_zone']}), {value['periode']}"
    yield ""
    yield f"  {'valeur':13} {_said(value, what)}"
    if value["numerateur"] is not None and value["denominateur"] is not None:
        yield f"  {'calcul':13} {_number(value['numerateur'])} / {_number(value['denominateur'])}"
    yield f"  {'définition':13} {what['definition']}"
    if what["reserve"]:
        yield f"  {'réserve':13} {what['reserve']}"
    yield f"  {'clause':13} {clause['titre']} (version {clause['version']}), {clause['producteur']}"
    yield f"  {'finalités':13} {' ; '.join(json.loads(clause['finalites']).values())}"
    yield f"  {'licence':13} {clause['licence']}"
    for one in told["livraisons"]:
        received = f", reçue le {_day(one['recue_le'])}" if one["recue_le"] else ""
        period = f" {one['periode']}" if one["periode"] else ""
        delivery = f"{one['jeu']}{period}, livraison {one['livraison']}{received}"
        yield f"  {_ROLES.get(one['role'], one['role']):13} {delivery}"
    yield f"  {'secret':13} {_rule(what)}"
    yield f"  {'qualité':13} {_QUALITES.get(value['qualite'], value['qualite'])}"
    for one in told["incertitudes"]:
        bounds = f"de {_number(one['borne_basse'])} à {_number(one['borne_haute'])}"
        level = f"{one['niveau'] * 100:g} %"
        yield f"  {'incertitude':13} {bounds} ({one['type']}, {level})"
    yield f"  {'depuis':13} {_day(value['visible_de'])}{_change(told)}"
    for one in told["etats_passes"]:
        yield f"  {'avant':13} {_said(one, what)}, du {_day(one['visible_de'])} au {_day(one['visible_a'])}"
    if "interne" in told:
        yield from _internal(told["interne"])
    yield ""
    yield from (f"  {line}" for line in told["sql"].splitlines())


def _internal(told: dict[str, Any]) -> Iterator[str]:
    yield ""
    yield "  À ne pas diffuser :"
    for one in told["livraisons"]:
        if one["recues"] is not None:
            rows = f"{one['recues']} lignes reçues, {one['conformes']} conformes, {one['taille']} octets"
            yield f"  {one['livraison']} : {rows}, sha256 {one['sha256']}"
    for name, value in (told["cellule"] or {}).items():
        yield f"  {name:24} {_number(value) if isinstance(value, int | float) else value}"


def _said(value: dict[str, Any], what: dict[str, Any]) -> str:
    if value["valeur"] is not None:
        return f"{_number(value['valeur'])} {what['unite']}"
    if value["statut_observation"] in _OBSERVATIONS:
        return _OBSERVATIONS[value["statut_observation"]]
    status = str(value["statut_diffusion"])
    return _STATUTS.get(status, status)


def _rule(what: dict[str, Any]) -> str:
    if what["seuil"] is None:
        return {"producteur": "celui du producteur"}.get(what["regime_secret"], "sans objet : ce sont des choses")
    family = f", famille {what['famille_secret']}" if what["famille_secret"] else ""
    share = (
        f", et aucun contributeur au-delà de {what['dominance']:.0%}".replace("%", " %") if what["dominance"] else ""
    )
    return f"au moins {what['seuil']} unités ({what['unite_secret']}){share}{family}"


def _change(told: dict[str, Any]) -> str:
    change, before = told["changement"], told["publication_precedente"]
    if before is None:
        return ", première publication"
    if change is None:
        return f", sans changement depuis {before}"
    return f" : {_NATURES.get(change['nature'], change['nature'])} ({_CAUSES.get(change['cause'], change['cause'])})"


def _number(value: float) -> str:
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return text.replace(",", " ").replace(".", ",")


def _day(value: date | datetime | str) -> str:
    return value.strftime("%d/%m/%Y") if isinstance(value, date | datetime) else str(value)
