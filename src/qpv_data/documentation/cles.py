"""docs/clause.md: every key of a clause, from the models; what it means, from `cles.yml`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from qpv_data.clause import model, received, source
from qpv_data.problems import MotifInconnu, Rejet

Schema = Mapping[str, Any]

_TYPES = {"string": "texte", "integer": "entier", "number": "nombre", "boolean": "`true` ou `false`"}
_BOUNDS = {"minimum": "≥", "maximum": "≤", "exclusiveMinimum": ">", "exclusiveMaximum": "<"}
_IDENTIFIER = r"^[a-z][a-z0-9_]{0,62}$"
_REJECTED = "Les motifs de rejet d'une ligne"
_UNKNOWN = "Les raisons d'un lieu inconnu"
_HEAD = """# La clause, clé par clé

<!-- Page écrite par `python -m qpv_data.documentation clause` : modifier src/qpv_data/documentation/cles.yml. -->

Une clause déclare un jeu de données dans un fichier YAML. `qpv-data check` la vérifie hors ligne et liste toutes les
fautes avec fichier et ligne. Pour en écrire une, suivre [ajouter-un-jeu.md](ajouter-un-jeu.md) ; pour en lire, voir
`referentiels/demo/clauses/`.

Dans les tableaux, **oui** marque une clé obligatoire ; sinon la colonne donne ce qui vaut en son absence (« — » :
rien). Un identifiant s'écrit en minuscules sans accent, chiffres et `_`, et commence par une lettre.
"""


@cache
def texts(file: str = "cles.yml") -> dict[str, dict[str, Any]]:
    """`cles.yml`: model's name → `titre`, `chapeau`, `regle`, `cles`, in the order of the page; `motifs.yml`: name of
    the closed list → meaning of each reason."""
    content: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name(file).read_text("utf-8"))
    return content


def meaning_of_key(path: tuple[str | int, ...]) -> str | None:
    """What the page says of a key of a clause, such as `("destruction", "preuve")`; None when it says nothing."""
    *parents, key = path
    title = f"`{'.'.join(map(str, parents))}`"
    for name, section in texts().items():
        here = not parents and name in ("ClauseBase", "ClauseJeu", "ClauseZonage")
        if (here or section["titre"] == title) and key in section["cles"]:
            return str(section["cles"][key])
    return None


def documented(name: str) -> type[BaseModel]:
    """The model that a section is about."""
    modules = (model, received, source)
    found: type[BaseModel] = next(getattr(m, name) for m in modules if hasattr(m, name))
    return found


def own_fields(name: str) -> list[str]:
    """The keys that a section explains: the discriminant of a clause and what it adds to every clause."""
    shown = documented(name)
    if shown is model.ClauseBase:
        return ["nature", *shown.model_fields]
    said = model.ClauseBase.model_fields if issubclass(shown, model.ClauseBase) else {}
    if issubclass(shown, source.SourceCommune) and shown is not source.SourceHttp:
        said = source.SourceCommune.model_fields  # explained once, with the commonest of sources
    return [field for field in shown.model_fields if field not in said]


def clause_page() -> str:
    """The page, in Markdown."""
    sections = "\n".join(_section(name, text) for name, text in texts().items())
    return "\n".join(
        [_HEAD, sections, _reasons("Les motifs de rejet d'une ligne", Rejet), _reasons(_UNKNOWN, MotifInconnu)]
    )


def _reasons(title: str, reasons: type[StrEnum]) -> str:
    lines = [f"| `{reason.value}` | {texts('motifs.yml')[reasons.__name__][reason.value]} |" for reason in reasons]
    return "\n".join([f"## {title}\n", "| Motif | Sens |", "|---|---|", *lines]) + "\n"


def _section(name: str, text: Mapping[str, Any]) -> str:
    schema = (model.ClauseJeu if name == "ClauseBase" else documented(name)).model_json_schema()
    lines = [f"## {text['titre']}\n"]
    lines += [f"{text[part]}\n" for part in ("chapeau", "regle") if part in text]
    lines += ["| Clé | Type | Obligatoire | Sens |", "|---|---|---|---|"]
    for key in own_fields(name):
        kind = "`jeu` ou `zonage`" if (name, key) == ("ClauseBase", "nature") else _kind(schema, key)
        lines.append(f"| `{key}` | {kind} | {_need(name, key)} | {text['cles'][key]} |")
    return "\n".join(lines) + "\n"


def _kind(schema: Schema, key: str) -> str:
    return " ou ".join(_words(schema["properties"][key], schema.get("$defs", {}))).replace("|", "\\|")


def _words(part: Schema, defs: Schema) -> Iterator[str]:
    """How a value is written, in French; null apart, which is the key's absence."""
    if "anyOf" in part or "oneOf" in part:
        for branch in part.get("anyOf") or part["oneOf"]:
            if branch.get("type") != "null":
                yield from _words(branch, defs)
    elif "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[1]
        yield from _words(defs[name], defs) if "enum" in defs[name] else [_link(name)]
    elif "const" in part or "enum" in part:
        yield from (f"`{value}`" for value in part.get("enum") or [part["const"]])
    elif part.get("type") == "array":
        several = part.get("prefixItems")
        many = f"liste de {len(several)}" if several else "liste"
        yield f"{many} : {' ou '.join(_words(several[0] if several else part['items'], defs))}"
    elif part.get("type") == "object":
        values = part.get("additionalProperties") or next(iter(part["patternProperties"].values()))
        yield f"table : {' ou '.join(_words(values, defs))}"
    elif part.get("format") == "date":
        yield "date"
    else:
        if part.get("pattern") == _IDENTIFIER:
            yield "identifiant"
            return
        bounds = [f"{sign} {part[bound]:g}" for bound, sign in _BOUNDS.items() if bound in part]
        shape = [f"forme `{part['pattern']}`"] if "pattern" in part else []
        yield " ".join([_TYPES[part["type"]], ", ".join(bounds + shape)]).strip()


def _link(name: str) -> str:
    title = texts()[name]["titre"]
    anchor = "".join(c for c in title.lower().replace(" ", "-") if c.isalnum() or c in "-_")
    return f"[{title.replace('`', '').split(', un')[0]}](#{anchor})"


def _need(name: str, key: str) -> str:
    field = (model.ClauseJeu if name == "ClauseBase" else documented(name)).model_fields[key]
    if field.is_required():
        return "**oui**"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value in ((), {}):
        return "—"
    return f"`{json.dumps(value, ensure_ascii=False)}`"
