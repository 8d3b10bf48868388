"""The JSON Schema of a clause, for editors: it completes keys and underlines mistakes as they are typed.

`python -m qpv_data.clause.schema > referentiels/clause.schema.json` writes the committed one. It says less than
`qpv-data check`: what one key asks of another, references and SQL are not in it.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from qpv_data.clause.model import Clause

_ONE_OR_MANY = (("Colonne", "source"), ("Colonne", "format_date"), ("Note", "source"), ("Indicateur", "par"))


def json_schema() -> dict[str, Any]:
    """The schema of one file: a feed (`nature: jeu`) or a referential (`nature: zonage`)."""
    adapter: TypeAdapter[Clause] = TypeAdapter(Annotated[Clause, Field(discriminator="nature")])
    schema = adapter.json_schema()
    for model, name in _ONE_OR_MANY:  # a lone text stands for a list of one
        properties = schema["$defs"][model]["properties"]
        properties[name] = _one_or_many(properties[name])
    column = schema["$defs"]["Colonne"]
    column["required"].remove("source")  # or `calcul` in its place
    column["oneOf"] = [{"required": ["source"]}, {"required": ["calcul"]}]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Clause de données d'un contrat de ville",
        "description": "Un fichier déclare un jeu (nature: jeu) ou un référentiel de zones (nature: zonage).",
        **schema,
    }


def _one_or_many(array: dict[str, Any]) -> dict[str, Any]:
    shared = {k: v for k, v in array.items() if k in ("title", "description", "default")}
    many = {k: v for k, v in array.items() if k not in shared}
    return {"anyOf": [array["items"], many], **shared}


def json_text() -> str:
    """The schema as it is committed."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_text())
